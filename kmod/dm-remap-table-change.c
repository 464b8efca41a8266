// SPDX-License-Identifier: GPL-2.0-only
/*
 * News about sectors that stay where they are: unreadable now, readable again, rewritten.
 */
#include <linux/sched.h>

#include "dm-remap-table.h"

static unsigned long remap_doubt(const void *value)
{
	return remap_is_doubtful(value) ? REMAP_DOUBT : 0;
}

void *remap_become_pending(void *value)
{
	if (remap_state(value) == REMAP_LOST)
		return value;
	return remap_value(remap_state(value), REMAP_PENDING | remap_doubt(value),
			   value ? remap_delta(value) : 0);
}

/* What was pending has been read where it lies. */
void *remap_become_readable(void *value)
{
	if (!remap_is_pending(value))
		return value;
	return remap_value(remap_state(value), remap_doubt(value), remap_delta(value));
}

/* It has been written where it lies. */
void *remap_become_written(void *value)
{
	if (!remap_is_trouble(value))
		return value;
	return remap_value(remap_state(value) == REMAP_MAIN ? REMAP_MAIN : REMAP_MAPPED,
			   remap_doubt(value), remap_delta(value));
}

/**
 * remap_table_change() - Record news about sectors that stay where they are.
 * @table: where
 * @first: first sector
 * @last: last sector; nothing in the range is held
 * @become: gives the new value for an old one
 * @changed: goes up by the number of sectors that are another value now
 *
 * Return: 0 or -ENOMEM; a part of the range may have changed then, which is true of that part.
 */
int remap_table_change(struct remap_table *table, sector_t first, sector_t last,
		       void *(*become)(void *value), u64 *changed)
{
	sector_t pos, end;
	int r = 0;

	for (pos = first; pos <= last && !r; pos = end + 1) {
		struct remap_totals before = {}, after = {};
		void *old = remap_table_at(table, pos, &end);
		void *new = become(old);

		end = min(end, last);
		if (new == old)
			continue;
		r = remap_table_store(table, pos, end, new);
		if (r)
			break;
		*changed += end - pos + 1;
		remap_totals_add(&before, old, end - pos + 1);
		remap_totals_add(&after, new, end - pos + 1);
		remap_table_replace_totals(table, &before, &after);
		cond_resched();
	}
	remap_table_tidy(table, first, last);
	return r;
}
