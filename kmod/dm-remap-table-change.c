// SPDX-License-Identifier: GPL-2.0-only
/*
 * News about sectors that stay where they are: unreadable now, readable again, rewritten.
 */
#include <linux/sched.h>

#include "dm-remap-table.h"

static void *remap_become(void *value, enum remap_state state, unsigned long flags)
{
	return remap_value(state, flags | (remap_is_doubtful(value) ? REMAP_DOUBT : 0),
			   value ? remap_delta(value) : 0);
}

void *remap_become_pending(void *value)
{
	if (remap_state(value) == REMAP_LOST)
		return value;
	return remap_become(value, remap_state(value), REMAP_PENDING | remap_flags(value));
}

/* It reads, but not as it was written, and whoever comes later may not be able to tell. */
void *remap_become_wrong(void *value)
{
	if (remap_state(value) == REMAP_LOST)
		return value;
	return remap_become(value, remap_state(value), REMAP_PENDING | REMAP_WRONG);
}

/* It was rewritten before anybody could be told that it is wrong. */
void *remap_become_merely_pending(void *value)
{
	return remap_is_wrong(value) ? remap_become(value, remap_state(value), REMAP_PENDING) :
				       value;
}

/* What was pending has been read where it lies. */
void *remap_become_readable(void *value)
{
	return remap_is_pending(value) ? remap_become(value, remap_state(value), 0) : value;
}

/* It has been written where it lies. */
void *remap_become_written(void *value)
{
	if (!remap_is_trouble(value))
		return value;
	return remap_become(value, remap_state(value) == REMAP_MAIN ? REMAP_MAIN : REMAP_MAPPED, 0);
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
