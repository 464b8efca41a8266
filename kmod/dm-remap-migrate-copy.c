// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration, the copying: what is relocated goes to slots of the new spare, pass after pass.
 *
 * A pass takes the marks of what was written, waits for the writes that may have left them, and
 * copies: a write that comes later leaves its mark for the next pass, so nothing is missed, and
 * nothing has to be held but in the last pass.
 */
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/sched.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"
#include "dm-remap-migrate.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

/* Part of an extent that is one on both sides. */
struct remap_migration_part {
	sector_t first, last;
	void *value;		/* in our table */
	void *copy;		/* in the new one, or NULL */
};

/* A slot of the old spare is about to be written. Any context. */
void __remap_migration_mark(struct remap_migration *m, sector_t spare_sector, sector_t sectors)
{
	u64 first, last;

	/* Metadata is written by the same functions. */
	if (spare_sector < m->old_start || spare_sector - m->old_start >= m->old_slots)
		return;
	first = (spare_sector - m->old_start) / REMAP_COPY_SECTORS;
	last = (spare_sector - m->old_start + sectors - 1) / REMAP_COPY_SECTORS;
	for (; first <= last && first < m->regions; first++)
		set_bit(first, m->dirty);
}

static u64 remap_migration_region(const struct remap_migration *m, sector_t spare_sector)
{
	return (spare_sector - m->old_start) / REMAP_COPY_SECTORS;
}

/*
 * Take the marks, and wait for the writes that have left them. In the last pass, for which new
 * ones are held, the other way round: who has not seen that yet may still mark, and no pass comes
 * that would find it.
 */
void remap_migration_begin_pass(struct remap_c *rc, struct remap_migration *m)
{
	u64 i;

	if (m->last)
		remap_drain(rc);
	for (i = 0; i < BITS_TO_LONGS(m->regions); i++) {
		m->copying[i] = xchg(&m->dirty[i], 0);
		if (!(i & 0xfff))
			cond_resched();
	}
	/* Whoever marked before the exchange has loaded the phase before that. */
	if (!m->last)
		remap_drain(rc);
	m->position = 0;
	m->pass_copied = 0;
	m->dropped = false;
	m->pass++;
}

static void *remap_migration_value(enum remap_state state, const struct remap_migration_part *part,
				   sector_t slot)
{
	return remap_value(state, 0, slot - part->first);
}

/*
 * Sectors of a part, as the new table is to have them. Neighbours that agree become one. Who holds
 * the move_lock, or all that is on the spare, does not wait for memory: it comes again.
 */
static int remap_migration_store(struct remap_migration *m, sector_t first, sector_t last,
				 void *value)
{
	sector_t end;
	int r;

	if (remap_table_at(m->side.table, first, &end) == value && end >= last)
		return 0;
	r = remap_table_store(m->side.table, first, last, value);
	if (!r)
		remap_table_tidy(m->side.table, first, last);
	return r;
}

/* As long as there is hope that the last pass comes soon. */
#define REMAP_MIGRATION_DOUBTS 4

/*
 * May what has been read be taken for what was written? Where writes go on, nobody knows: it may
 * for now, and the last pass will look at it.
 */
static bool remap_migration_matches(struct remap_c *rc, struct remap_migration *m, sector_t from,
				    sector_t sector, sector_t count)
{
	if (remap_crcs_match_copy(rc, sector, count))
		return true;
	if (m->last || m->pass >= REMAP_MIGRATION_DOUBTS)
		return false;
	__remap_migration_mark(m, from, count);
	return true;
}

/* A block that could not be copied as a part of more. Return: 0, also if lost; or an errno. */
static int remap_migration_block(struct remap_c *rc, struct remap_migration *m, const void *value,
				 sector_t to, sector_t sector, bool *lost)
{
	struct remap_area old = remap_spare_area(rc), new = remap_migration_area(m);
	sector_t from = remap_spare_sector(value, sector);
	blk_status_t status;

	/* One that is known to be bad is not tried again and again while everybody waits. */
	if (m->last && remap_is_pending(value))
		status = remap_copy_io(rc, &old, REQ_OP_READ, from, 0, rc->unit);
	else
		status = remap_copy_retry(rc, &old, REQ_OP_READ, from, 0, rc->unit);
	/* Fewer tries than the table line says are no verdict. */
	if (status && remap_told_to_stop(rc))
		return -EINTR;
	*lost = true;
	if (status) {
		if (!remap_medium_error(rc, &old, status, false))
			return remap_migration_fail(rc, "old_spare", -EIO);
		/* So that everybody knows, and nobody tries once more while others wait. */
		remap_mark_pending(rc, sector, sector + rc->unit - 1);
		return 0;
	}
	if (!remap_migration_matches(rc, m, from, sector, rc->unit)) {
		/* Else it comes again, as all that is lost and need not be. */
		if (m->last)
			remap_crcs_mismatch(rc, sector, rc->unit);
		return 0;
	}
	*lost = false;
	if (remap_copy_retry(rc, &new, REQ_OP_WRITE, to, 0, rc->unit))
		return remap_migration_failed_write(rc);
	return 0;
}

/* Block by block: what cannot be read is lost on the new spare, as it is on the old one. */
static int remap_migration_blocks(struct remap_c *rc, struct remap_migration *m,
				  const struct remap_migration_part *part, sector_t slot)
{
	bool lost = false;
	sector_t pos;
	int r = 0;

	for (pos = part->first; pos <= part->last && !r; pos += rc->unit) {
		sector_t to = slot + (pos - part->first);

		r = remap_migration_block(rc, m, part->value, to, pos, &lost);
		if (!r)
			r = remap_migration_store(m, pos, pos + rc->unit - 1,
						  remap_migration_value(lost ? REMAP_LOST :
									       REMAP_MAPPED,
									part, slot));
		m->unread = m->unread || lost;
		cond_resched();
	}
	return r;
}

static int remap_migration_copy(struct remap_c *rc, struct remap_migration *m,
				const struct remap_migration_part *part, sector_t slot)
{
	struct remap_area old = remap_spare_area(rc), new = remap_migration_area(m);
	sector_t from = remap_spare_sector(part->value, part->first);
	sector_t count = part->last - part->first + 1;

	m->pass_copied += count;
	if (remap_copy_io(rc, &old, REQ_OP_READ, from, 0, count))
		return remap_migration_blocks(rc, m, part, slot);
	if (!remap_migration_matches(rc, m, from, part->first, count) ||
	    remap_copy_io(rc, &new, REQ_OP_WRITE, slot, 0, count))
		return remap_migration_blocks(rc, m, part, slot);
	return remap_migration_store(m, part->first, part->last,
				     remap_migration_value(REMAP_MAPPED, part, slot));
}

/* Has it to be copied in this pass? */
static bool remap_migration_is_due(const struct remap_migration *m,
				   const struct remap_migration_part *part)
{
	if (!part->copy)
		return true;
	/* What could not be read may have been read since; and a second pass tries once more. */
	if (remap_state(part->copy) == REMAP_LOST &&
	    (!remap_is_trouble(part->value) || (m->pass == 2 && !m->last)))
		return true;
	return test_bit(remap_migration_region(m, remap_spare_sector(part->value, part->first)),
			m->copying);
}

/* A part has no content that anybody may have, but keeps its slots. */
static bool remap_migration_is_void(const struct remap_migration_part *part)
{
	return remap_state(part->value) == REMAP_LOST || remap_is_wrong(part->value);
}

/* Slots for a part, which gets shorter if there is no run that long. */
static int remap_migration_take(struct remap_c *rc, struct remap_migration *m,
				struct remap_migration_part *part, sector_t *slot)
{
	struct remap_slots *slots = &m->side.table->slots;
	u64 want = part->last - part->first + 1;
	u64 count = remap_slots_take(slots, rc->main_start + part->first, want, slot);
	int r;

	if (!count && !m->dropped) {
		/* Some may be left from sectors that are on main again. */
		r = remap_switch_drop(rc, m->side.table);
		if (r)
			return r;
		m->dropped = true;
		count = remap_slots_take(slots, rc->main_start + part->first, want, slot);
	}
	if (!count) {
		remap_err(rc, "migrate: the new spare is full");
		return remap_migration_fail(rc, "full", -ENOSPC);
	}
	part->last = part->first + count - 1;
	return 0;
}

static int remap_migration_part(struct remap_c *rc, struct remap_migration *m,
				struct remap_migration_part *part)
{
	bool fresh = !part->copy, is_void = remap_migration_is_void(part);
	struct remap_totals kept = {};
	sector_t slot;
	int r = 0;

	if (fresh)
		r = remap_migration_take(rc, m, part, &slot);
	else
		slot = remap_spare_sector(part->copy, part->first);
	if (r)
		return r;
	if (slot < m->side.slots_start ||
	    slot + (part->last - part->first) >= m->side.slots_start + m->side.slots)
		return remap_migration_fail(rc, "incomplete", -EIO);
	if (is_void)
		r = remap_migration_store(m, part->first, part->last,
					  remap_migration_value(REMAP_LOST, part, slot));
	else if (remap_migration_is_due(m, part))
		r = remap_migration_copy(rc, m, part, slot);
	if (r && fresh) {
		/* Blocks of it may have got there: those are kept, and found by the next pass. */
		remap_table_count(m->side.table, part->first, part->last, &kept);
		remap_slots_free(&m->side.table->slots, slot + kept.remapped,
				 part->last - part->first + 1 - kept.remapped);
	}
	return r;
}

/* What begins at a sector and has one value in both tables, within one region of old slots. */
static void remap_migration_cut(struct remap_migration *m, struct remap_migration_part *part)
{
	sector_t slot = remap_spare_sector(part->value, part->first), end;
	sector_t in_region = (slot - m->old_start) % REMAP_COPY_SECTORS;

	part->last = min(part->last, part->first + (REMAP_COPY_SECTORS - 1 - in_region));
	part->copy = remap_table_at(m->side.table, part->first, &end);
	part->last = min(part->last, end);
	/* That it was pending on main, before a switch that had no memory to end. */
	if (remap_state(part->copy) == REMAP_MAIN)
		part->copy = NULL;
}

/**
 * remap_migration_step_copy() - Go on with a pass.
 * @rc: the target; its move_lock is held
 * @m: its migration
 *
 * Return: 0; 1 if the pass is over; or a negative errno.
 */
int remap_migration_step_copy(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_migration_part part = { .first = m->position };
	u64 before;
	int r;

	part.value = remap_table_next(rc->table, &part.first, &part.last);
	if (!part.value)
		return 1;
	if (remap_state(part.value) == REMAP_MAIN) {
		m->position = part.last + 1;
		return 0;
	}
	remap_migration_cut(m, &part);
	before = m->pass_copied;
	r = remap_migration_part(rc, m, &part);
	if (r)
		return r;
	m->position = part.last + 1;
	if (m->pass == 1 && m->pass_copied != before) {
		spin_lock(&rc->table_lock);
		rc->migrating.copied += m->pass_copied - before;
		spin_unlock(&rc->table_lock);
	}
	return 0;
}

/* All of a pass. Return: 0 or a negative errno. */
int remap_migration_copy_all(struct remap_c *rc, struct remap_migration *m)
{
	int r;

	do {
		r = remap_migration_step_copy(rc, m);
		cond_resched();
	} while (!r);
	return min(r, 0);
}
