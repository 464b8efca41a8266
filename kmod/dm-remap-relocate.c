// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocation by hand: main's sectors move to the spare, all that were asked for or none.
 */
#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/sched.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-pieces.h"
#include "dm-remap-targets.h"
#include "dm-remap-verify.h"

/* How often a relocation starts again with other slots after some have refused their write. */
#define REMAP_MAX_TRIES 16
/* How many bad slots one relocation may meet. */
#define REMAP_MAX_BAD_SLOTS 256

/* What is to move, and who wants it. */
struct remap_relocation {
	const struct remap_range *ranges;
	unsigned int nr;
	bool automatic;		/* nobody has asked: unreadable data stays where it is */
	unsigned int bad_slots;	/* met by now */
	struct list_head pieces;
};

/* Slots for sectors on main, all of one value, as few runs as there are. */
static int remap_plan_gap(struct remap_c *rc, struct list_head *pieces, sector_t first,
			  sector_t last, void *value)
{
	struct remap_slots *slots = &rc->table->slots;
	u64 count = last - first + 1;
	sector_t spare_sector = 0;

	for (; first <= last; first += count) {
		/* Where one run was short, the next will hardly be longer: search no further. */
		count = remap_slots_take(slots, rc->main_start + first,
					 min(count, last - first + 1), &spare_sector);
		if (!count) {
			remap_err(rc, "the spare is full: %llu slots", slots->total);
			return -ENOSPC;
		}
		if (!remap_piece_add(pieces, first, first + count - 1, spare_sector - first,
				     value)) {
			remap_slots_free(slots, spare_sector, count);
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

/* Does max_remaps allow it? */
bool remap_within_limit(struct remap_c *rc, u64 more)
{
	u64 limit = rc->features.max_remaps;

	return !limit || remap_table_totals(rc->table).remapped + more <= limit;
}

/* Slots for all sectors of the ranges that are still on main. */
static int remap_plan(struct remap_c *rc, struct remap_relocation *rl)
{
	struct remap_totals totals = {};
	sector_t pos, end;
	unsigned int i;
	u64 asked = 0;
	int r = 0;

	for (i = 0; i < rl->nr; i++) {
		asked += rl->ranges[i].last - rl->ranges[i].first + 1;
		remap_table_count(rc->table, rl->ranges[i].first, rl->ranges[i].last, &totals);
	}
	if (!remap_within_limit(rc, asked - totals.remapped)) {
		remap_err(rc, "max_remaps reached: %llu more asked for, %llu allowed in all",
			  asked - totals.remapped, rc->features.max_remaps);
		return -ENOSPC;
	}
	for (i = 0; i < rl->nr && !r; i++) {
		for (pos = rl->ranges[i].first; pos <= rl->ranges[i].last && !r; pos = end + 1) {
			void *value = remap_table_at(rc->table, pos, &end);

			end = min(end, rl->ranges[i].last);
			if (remap_state(value) == REMAP_MAIN)
				r = remap_plan_gap(rc, &rl->pieces, pos, end, value);
		}
	}
	return r;
}

/* Mark what is to be relocated. The entries already carry the slots they may end up in. */
static int remap_hold_gaps(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_piece *piece;
	int r;

	list_for_each_entry(piece, pieces, list) {
		r = remap_piece_hold(rc, piece, remap_value(REMAP_MAIN, 0, piece->delta));
		if (r)
			return r;
		cond_resched();
	}
	return 0;
}

/* The sums and everybody who listens are told of a bad slot. */
void remap_count_bad_slot(struct remap_c *rc, sector_t spare_sector)
{
	struct remap_totals none = {}, bad = { .bad = rc->unit };

	remap_table_replace_totals(rc->table, &none, &bad);
	remap_err(rc, "bad slot: spare sector %llu", (u64)spare_sector);
	if (rc->repairing)
		remap_brake_bad_slot(rc);
	remap_event(rc, REMAP_EVENT_BAD_SLOT, spare_sector, rc->unit);
	remap_health_update(rc);
}

/* A slot that is taken refuses its content: it is never used again. Return: 0 or -ENOMEM. */
int remap_slot_is_bad(struct remap_c *rc, sector_t spare_sector)
{
	int r = remap_slots_mark_bad(&rc->table->slots, spare_sector);

	if (r)
		return r;
	remap_meta_note_bad(rc, spare_sector);
	remap_count_bad_slot(rc, spare_sector);
	return 0;
}

/* A block of a slot refuses to be written: say whether another slot may help. */
static int remap_slot_failed(struct remap_c *rc, struct remap_relocation *rl,
			     sector_t spare_sector, blk_status_t status)
{
	struct remap_area spare = remap_spare_area(rc);

	if (!remap_medium_error(rc, &spare, status, true)) {
		remap_err(rc, "spare device %s fails: cannot write sector %llu",
			  rc->spare->name, (u64)spare_sector);
		return -EIO;
	}
	/* A spare that refuses whatever it is given would be all bad before long. */
	if (rl->bad_slots++ >= REMAP_MAX_BAD_SLOTS) {
		remap_err(rc, "too many bad slots: is the spare device %s writable?",
			  rc->spare->name);
		return -EIO;
	}
	return remap_slot_is_bad(rc, spare_sector) ?: -EAGAIN;
}

/* A block of main cannot be read: it moves as lost, if somebody wants it moved at all. */
static int remap_relocate_unreadable(struct remap_c *rc, struct remap_relocation *rl,
				     struct remap_piece *piece, sector_t sector,
				     blk_status_t status)
{
	struct remap_area main = remap_main_area(rc);

	if (!remap_medium_error(rc, &main, status, false)) {
		remap_err(rc, "main device %s fails: cannot read sector %llu",
			  rc->main->name, (u64)(rc->main_start + sector));
		return -EIO;
	}
	if (rl->automatic)
		return -ENODATA;
	remap_err(rc, "sector %llu is unreadable: relocated as lost", (u64)sector);
	return remap_table_store(rc->table, sector, sector + rc->unit - 1,
				 remap_value(REMAP_LOST, REMAP_HELD, piece->delta));
}

/*
 * Relocate one block: what cannot be read becomes lost, what cannot be written needs another slot.
 * The entry is held, so cutting it may fail without harm.
 */
static int remap_relocate_block(struct remap_c *rc, struct remap_relocation *rl,
				struct remap_piece *piece, sector_t sector)
{
	struct remap_area main = remap_main_area(rc), spare = remap_spare_area(rc);
	sector_t slot = (sector + piece->delta) & REMAP_DELTA_MASK;
	blk_status_t status;

	status = remap_copy_retry(rc, &main, REQ_OP_READ, rc->main_start + sector, 0, rc->unit);
	/* Fewer tries than the table line says are no verdict. */
	if (status && remap_told_to_stop(rc))
		return -EINTR;
	/* It was found wrong, and nobody knows any more what would be right. */
	if (!status && remap_is_wrong(piece->was) && !remap_crcs_know(rc, sector)) {
		status = BLK_STS_MEDIUM;
	} else if (!status && !remap_crcs_match_copy(rc, sector, rc->unit)) {
		remap_crcs_mismatch(rc, sector, rc->unit);
		status = BLK_STS_MEDIUM;
	}
	if (status)
		return remap_relocate_unreadable(rc, rl, piece, sector, status);
	status = remap_copy_retry(rc, &spare, REQ_OP_WRITE, slot, 0, rc->unit);
	if (status && remap_told_to_stop(rc))
		return -EINTR;
	return status ? remap_slot_failed(rc, rl, slot, status) : 0;
}

/* Copy a piece to its slots, in large steps where the devices allow it. */
static int remap_copy_out(struct remap_c *rc, struct remap_relocation *rl,
			  struct remap_piece *piece)
{
	struct remap_area main = remap_main_area(rc), spare = remap_spare_area(rc);
	sector_t pos, count, i;
	int r = 0;

	for (pos = piece->first; pos <= piece->last && !r; pos += count) {
		count = min(piece->last - pos + 1, REMAP_COPY_SECTORS);
		if (remap_is_wrong(piece->was) ||
		    remap_copy_io(rc, &main, REQ_OP_READ, rc->main_start + pos, 0, count) ||
		    !remap_crcs_match_copy(rc, pos, count) ||
		    remap_copy_io(rc, &spare, REQ_OP_WRITE,
				  (pos + piece->delta) & REMAP_DELTA_MASK, 0, count)) {
			for (i = 0; i < count && (!r || r == -EAGAIN); i += rc->unit) {
				/* All bad slots of the step, not one a try. */
				int err = remap_relocate_block(rc, rl, piece, pos + i);

				if (!err && i + rc->unit < count && remap_must_stop(rc))
					err = -EINTR;
				r = err ?: r;
			}
		}
		if (!r && pos + count <= piece->last && remap_must_stop(rc))
			r = -EINTR;
		cond_resched();
	}
	return r;
}

/* Give up the relocation: main is still right, the slots are free again. */
static void remap_abort(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_piece *piece;

	list_for_each_entry(piece, pieces, list) {
		remap_piece_settle_before(rc, piece);
		/* After the next start it may be theirs. */
		if (!piece->doubt)
			remap_slots_free(&rc->table->slots, remap_piece_slot(piece),
					 remap_piece_sectors(piece));
		cond_resched();
	}
	remap_pieces_release(rc, pieces);
}

/* The copies are on the spare: from here on they are the data. */
static void remap_commit(struct remap_c *rc, struct remap_relocation *rl)
{
	struct remap_counters *counters = rc->table->counters;
	struct remap_piece *piece;

	list_for_each_entry(piece, &rl->pieces, list) {
		u64 sectors = remap_piece_sectors(piece);

		remap_piece_settle(rc, piece);
		atomic64_add(sectors, rl->automatic ? &counters->auto_remaps :
						      &counters->manual_remaps);
		remap_debug(rc, 1, "sectors %llu+%llu relocated to spare sector %llu",
			    (u64)piece->first, sectors,
			    (u64)remap_piece_slot(piece));
		cond_resched();
	}
	remap_pieces_release(rc, &rl->pieces);
}

/* -EAGAIN: slots have gone bad, others may do. */
static int remap_relocate_once(struct remap_c *rc, struct remap_relocation *rl)
{
	struct list_head *pieces = &rl->pieces;
	struct remap_piece *piece;
	int r;

	INIT_LIST_HEAD(pieces);
	remap_flush_begin(rc);
	r = remap_plan(rc, rl);
	if (r || list_empty(pieces))
		goto out;
	r = remap_hold_gaps(rc, pieces);
	if (r)
		goto out;

	remap_drain(rc);
	list_for_each_entry(piece, pieces, list) {
		int err = remap_copy_out(rc, rl, piece);

		r = err ?: r;
		if (!err && !list_is_last(&piece->list, pieces) && remap_must_stop(rc))
			r = -EINTR;
		if (r && r != -EAGAIN)
			break;
	}
	/* What was durable on main is as durable on the spare before main stops counting. */
	if (!r)
		r = remap_meta_commit(rc, pieces);
out:
	if (r)
		remap_abort(rc, pieces);
	else
		remap_commit(rc, rl);
	remap_pieces_free(pieces);
	return r;
}

/* Again with other slots, as long as some go bad. */
static int remap_relocate_locked(struct remap_c *rc, struct remap_relocation *rl)
{
	int r, tries;

	for (tries = 0; tries < REMAP_MAX_TRIES; tries++) {
		r = remap_relocate_once(rc, rl);
		if (r == -EAGAIN && remap_must_stop(rc))
			return -EINTR;
		if (r != -EAGAIN)
			return r;
		if (rl->automatic && rc->devices.braked)
			break;
	}
	return -EIO;
}

/**
 * remap_relocate_weak_block() - Relocate a block that is hard to read, as long as it can be read.
 * @rc: the target; its move_lock is held, and the relocation is announced
 * @range: the block
 *
 * Return: 0 or a negative errno; the block is where it was then.
 */
int remap_relocate_weak_block(struct remap_c *rc, const struct remap_range *range)
{
	struct remap_relocation rl = { .ranges = range, .nr = 1, .automatic = true };
	int r = remap_relocate_locked(rc, &rl);

	if (!r) {
		remap_event(rc, REMAP_EVENT_REMAPPED, range->first, rc->unit);
		remap_health_update(rc);
	}
	return r;
}

/**
 * remap_relocate() - Relocate sectors to the spare by hand: all of them, or none.
 * @rc: the target
 * @ranges: aligned to the unit and inside the target
 * @nr: how many ranges
 * @result: of the sectors asked for, how many are on the spare now, and how many of those are lost
 *
 * Sectors that are relocated already stay where they are.
 *
 * Return: 0 or a negative errno; the reason is in the log.
 */
int remap_relocate(struct remap_c *rc, const struct remap_range *ranges, unsigned int nr,
		   struct remap_relocated *result)
{
	struct remap_relocation rl = { .ranges = ranges, .nr = nr };
	struct remap_totals totals = {};
	unsigned int i;
	int r;

	r = remap_relocation_begin(rc);
	if (r) {
		remap_err(rc, "a table with another layout is loaded: resume or clear it first");
		return r;
	}
	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		goto out_end;
	r = remap_may_move(rc);
	if (r)
		goto out;
	atomic64_inc(&rc->table->counters->moves);
	r = remap_relocate_locked(rc, &rl);
	if (r) {
		remap_event(rc, REMAP_EVENT_FAILED, ranges[0].first,
			    ranges[0].last - ranges[0].first + 1);
		goto out;
	}
	for (i = 0; i < nr; i++)
		remap_table_count(rc->table, ranges[i].first, ranges[i].last, &totals);
	result->remapped = totals.remapped;
	result->lost = totals.lost;
	remap_event(rc, REMAP_EVENT_REMAPPED, ranges[0].first, totals.remapped);
	remap_health_update(rc);
out:
	remap_meta_commit_notes(rc);
	mutex_unlock(&rc->move_lock);
out_end:
	remap_relocation_end(rc);
	return r;
}
