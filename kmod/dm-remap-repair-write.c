// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes under repair. What main takes stays on main; a block that it refuses goes to the spare.
 *
 * No drain is needed for that, as it is where live data moves: the bio overwrites the whole block
 * and is not acknowledged yet, so whatever else is under way to the old place came, for all that
 * anybody can tell, before it.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-pieces.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"

static DEFINE_RATELIMIT_STATE(remap_failed_limit, 5 * HZ, 10);

/* The write fails: say why, but not for each of a million sectors. */
static blk_status_t remap_write_failed(struct remap_repair *rp, sector_t pos, const char *why)
{
	if (__ratelimit(&remap_failed_limit))
		remap_err(rp->rc, "sector %llu cannot be written, and cannot be relocated: %s",
			  (u64)pos, why);
	remap_event(rp->rc, REMAP_EVENT_FAILED, pos, rp->rc->unit);
	remap_health_update(rp->rc);
	return BLK_STS_IOERR;
}

/* Why a block must not be relocated, or NULL. */
static const char *remap_refusal(struct remap_repair *rp, const void *value)
{
	struct remap_c *rc = rp->rc;

	if (rc->features.no_auto_remap)
		return "no_auto_remap";
	if (!remap_meta_is_writable(rc))
		return "the metadata is read-only";
	if (!rp->may_relocate)
		return "the table is read-only, or one with another layout is loaded";
	if (remap_state(value) == REMAP_MAIN && !remap_within_limit(rc, rp->taken + rc->unit))
		return "max_remaps reached";
	return NULL;
}

/* From now on I/O to the piece waits. For this, memory may be taken that others set free. */
static struct remap_piece *remap_hold_once(struct remap_repair *rp, sector_t first, sector_t last,
					   u64 delta, void *value)
{
	struct remap_c *rc = rp->rc;
	unsigned int noreclaim = memalloc_noreclaim_save();
	struct remap_piece *piece;

	piece = remap_piece_add(&rp->pieces, first, last, delta, value);
	if (piece && remap_piece_hold(rc, piece, value)) {
		remap_piece_del(piece);
		piece = NULL;
	}
	memalloc_noreclaim_restore(noreclaim);
	return piece;
}

/* A piece that is to become @will, held. Waits for memory, if need be. NULL: there is none. */
static struct remap_piece *remap_hold(struct remap_repair *rp, sector_t first, sector_t last,
				      void *value, void *will)
{
	struct remap_piece *piece = NULL;
	unsigned int tries;

	for (tries = 0; tries < REMAP_MEMORY_TRIES && !piece; tries++) {
		if (tries)
			msleep(REMAP_MEMORY_DELAY_MS);
		piece = remap_hold_once(rp, first, last, remap_delta(will), value);
	}
	if (piece)
		piece->will = will;
	return piece;
}

/* A slot, for a block that is held from now on. */
static struct remap_piece *remap_take_slot(struct remap_repair *rp, sector_t pos, void *value)
{
	struct remap_c *rc = rp->rc;
	struct remap_piece *piece;
	sector_t slot;

	if (!remap_slots_take(&rc->table->slots, rc->main_start + pos, rc->unit, &slot))
		return ERR_PTR(-ENOSPC);
	piece = remap_hold(rp, pos, pos + rc->unit - 1, value,
			   remap_value(REMAP_MAPPED, 0, slot - pos));
	if (!piece) {
		remap_slots_free(&rc->table->slots, slot, rc->unit);
		return ERR_PTR(-ENOMEM);
	}
	if (remap_state(value) == REMAP_MAIN)
		rp->taken += rc->unit;
	return piece;
}

/* The piece does not change: all is as before, but for a slot that may have gone bad. */
static void remap_untake_slot(struct remap_repair *rp, struct remap_piece *piece)
{
	struct remap_c *rc = rp->rc;

	remap_piece_settle_before(rc, piece);
	if (!remap_piece_is_in_place(piece) && remap_state(piece->was) == REMAP_MAIN)
		rp->taken -= remap_piece_sectors(piece);
	/* If in doubt, the slot may be theirs after the next start. */
	if (!remap_piece_is_in_place(piece) && !piece->doubt)
		remap_slots_free(&rc->table->slots, remap_piece_slot(piece),
				 remap_piece_sectors(piece));
	remap_table_tidy(rc->table, piece->first, piece->last);
	remap_piece_del(piece);
}

/* Write a block to its slot. -EAGAIN: the slot has gone bad. */
static int remap_write_slot(struct remap_repair *rp, struct remap_piece *piece)
{
	void *there = remap_value(REMAP_MAPPED, 0, piece->delta);
	blk_status_t status = remap_repair_io(rp, there, piece->first, rp->rc->unit);

	if (status)
		status = remap_repair_retry(rp, there, piece->first, status);
	if (!status) {
		rp->rc->devices.bad_in_a_row = 0;
		return 0;
	}
	if (!remap_repair_is_medium(rp, there, status))
		return -EIO;
	return remap_slot_is_bad(rp->rc, remap_piece_slot(piece)) ?: -EAGAIN;
}

/*
 * Write a block to a new slot; it counts only with remap_repair_commit().
 * Return: why that cannot be, or NULL.
 */
static const char *remap_write_elsewhere(struct remap_repair *rp, sector_t pos, void *value)
{
	const char *why = remap_refusal(rp, value);
	struct remap_piece *piece;
	int r;

	if (why)
		return why;
	if (remap_brake(rp->rc))
		return "too many relocations within a minute";
	/* Its present slot, if any, will be bad: that must not fail then. */
	if (remap_state(value) != REMAP_MAIN &&
	    remap_slots_prepare_bad(&rp->rc->table->slots, remap_spare_sector(value, pos)))
		return "out of memory";
	/* Slots that refuse it put the brake on, before long. */
	while (!rp->rc->devices.braked) {
		piece = remap_take_slot(rp, pos, value);
		if (IS_ERR(piece))
			return PTR_ERR(piece) == -ENOSPC ? "the spare is full" : "out of memory";
		r = remap_write_slot(rp, piece);
		if (!r)
			return NULL;
		remap_untake_slot(rp, piece);
		if (r != -EAGAIN)
			return r == -ENOMEM ? "out of memory" : "the spare device fails";
	}
	return "too many bad slots in a row";
}

/*
 * What was known to be no content has been written. That it is content again counts with
 * remap_repair_commit(): after the next start, nobody could find out by reading.
 */
static blk_status_t remap_written_lost(struct remap_repair *rp, sector_t first, sector_t last,
				       void *value)
{
	bool main = remap_state(value) == REMAP_MAIN;

	if (remap_hold(rp, first, last, value, main ? remap_value(REMAP_MAIN, 0, 0) :
		       remap_value(REMAP_MAPPED, 0, remap_delta(value))))
		return BLK_STS_OK;
	remap_err(rp->rc, "sectors %llu+%llu were written but stay lost: out of memory",
		  (u64)first, (u64)(last - first + 1));
	return BLK_STS_IOERR;
}

/* A block has been written where it lies: what was lost or pending there is content again. */
static blk_status_t remap_written(struct remap_repair *rp, sector_t first, sector_t last,
				  void *value)
{
	struct remap_c *rc = rp->rc;
	u64 changed = 0;

	if (remap_state(value) == REMAP_LOST || remap_is_wrong(value))
		return remap_written_lost(rp, first, last, value);
	if (!remap_is_trouble(value))
		return BLK_STS_OK;
	/* If that cannot be recorded, the next good read will try again. */
	remap_repair_change(rp, first, last, remap_become_written, &changed);
	if (remap_state(value) == REMAP_MAIN)
		atomic64_add(changed, &rc->table->counters->recovered);
	remap_event(rc, remap_state(value) == REMAP_MAIN ? REMAP_EVENT_RECOVERED :
		    REMAP_EVENT_FOUND, first, changed);
	remap_health_update(rc);
	return BLK_STS_OK;
}

/* Write a pending block where it lies, and see whether it can be read now. */
static blk_status_t remap_write_in_place(struct remap_repair *rp, sector_t pos, void *value)
{
	struct remap_area area = remap_repair_area(rp, value);
	blk_status_t status = remap_repair_io(rp, value, pos, rp->rc->unit);

	/* What is still in the device's cache says nothing of the medium. */
	if (!status)
		status = errno_to_blk_status(remap_flush(rp->rc, &area));
	return status ?: remap_repair_compare(rp, value, pos);
}

/* A block that could not be read where it lies is overwritten: elsewhere, or there if it holds. */
static blk_status_t remap_write_pending(struct remap_repair *rp, sector_t pos, void *value)
{
	bool verify = rp->rc->features.verify_pending;
	const char *why = verify ? NULL : remap_write_elsewhere(rp, pos, value);
	blk_status_t status;

	if (!verify && !why)
		return BLK_STS_OK;
	status = remap_write_in_place(rp, pos, value);
	if (!status)
		return remap_written(rp, pos, pos + rp->rc->unit - 1, value);
	if (!remap_repair_is_medium(rp, value, status))
		return status;
	why = why ?: remap_write_elsewhere(rp, pos, value);
	return why ? remap_write_failed(rp, pos, why) : BLK_STS_OK;
}

/* A single block has failed where it lies: again, and then elsewhere. */
static blk_status_t remap_write_block(struct remap_repair *rp, sector_t pos, void *value,
				      blk_status_t status)
{
	const char *why;

	status = remap_repair_retry(rp, value, pos, status);
	if (!status)
		return remap_written(rp, pos, pos + rp->rc->unit - 1, value);
	if (!remap_repair_is_medium(rp, value, status))
		return status;
	why = remap_write_elsewhere(rp, pos, value);
	return why ? remap_write_failed(rp, pos, why) : BLK_STS_OK;
}

/* The slots that pieces leave have failed. That this lasts comes with the commit of the pieces. */
static void remap_leave_slots(struct remap_repair *rp, bool leave)
{
	struct remap_slots *slots = &rp->rc->table->slots;
	struct remap_piece *piece;

	list_for_each_entry(piece, &rp->pieces, list) {
		if (!remap_piece_leaves_bad_slot(piece))
			continue;
		/* Cannot fail: prepared in remap_write_elsewhere(). */
		if (leave)
			remap_slots_mark_bad(slots, remap_spare_sector(piece->was, piece->first));
		else
			remap_slots_unmark_bad(slots, remap_spare_sector(piece->was, piece->first));
	}
}

/* A piece has its content on the spare now. Return: how many sectors were moved there. */
static u64 remap_settle_repaired(struct remap_c *rc, struct remap_piece *piece)
{
	u64 sectors = remap_piece_sectors(piece);

	remap_piece_settle(rc, piece);
	if (remap_piece_is_in_place(piece)) {
		if (remap_state(piece->was) == REMAP_MAIN)
			atomic64_add(sectors, &rc->table->counters->recovered);
		remap_event(rc, remap_state(piece->was) == REMAP_MAIN ? REMAP_EVENT_RECOVERED :
			    REMAP_EVENT_FOUND, piece->first, sectors);
		return 0;
	}
	if (remap_piece_leaves_bad_slot(piece))
		remap_count_bad_slot(rc, remap_spare_sector(piece->was, piece->first));
	remap_debug(rc, 1, "bad sector %llu relocated to spare sector %llu", (u64)piece->first,
		    (u64)remap_piece_slot(piece));
	return sectors;
}

/* What was written to the spare counts, if it is certain to last. */
static blk_status_t remap_repair_commit(struct remap_repair *rp)
{
	struct remap_c *rc = rp->rc;
	struct remap_piece *piece, *next;
	sector_t first = 0;
	u64 sectors = 0, moved;

	if (list_empty(&rp->pieces))
		return BLK_STS_OK;
	remap_leave_slots(rp, true);
	if (remap_meta_commit(rc, &rp->pieces)) {
		remap_leave_slots(rp, false);
		list_for_each_entry_safe(piece, next, &rp->pieces, list)
			remap_untake_slot(rp, piece);
		return BLK_STS_IOERR;
	}
	list_for_each_entry(piece, &rp->pieces, list) {
		moved = remap_settle_repaired(rc, piece);
		first = sectors ? first : piece->first;
		sectors += moved;
	}
	if (sectors) {
		atomic64_add(sectors, &rc->table->counters->auto_remaps);
		remap_event(rc, REMAP_EVENT_REMAPPED, first, sectors);
	}
	remap_health_update(rc);
	return BLK_STS_OK;
}

/* One step of a write; @count is cut to what has been done, 0 if it has to be halved. */
static blk_status_t remap_write_step(struct remap_repair *rp, sector_t pos, sector_t *count,
				     blk_status_t status)
{
	struct remap_c *rc = rp->rc;
	sector_t end;
	void *value = remap_table_at(rc->table, pos, &end);

	*count = min(*count, end - pos + 1);
	/* Wherever it went, the metadata might say the other place after the next start. */
	if (remap_is_doubtful(value) ||
	    (remap_state(value) != REMAP_MAIN && remap_is_frozen(rc)))
		return BLK_STS_IOERR;
	if (remap_is_pending(value)) {
		*count = rc->unit;
		return remap_write_pending(rp, pos, value);
	}
	/* A block is judged only by how it fails where it lies now. */
	if (!status || *count == rc->unit)
		status = remap_repair_io(rp, value, pos, *count);
	if (!status)
		return remap_written(rp, pos, pos + *count - 1, value);
	if (!remap_may_be_medium(status, true))
		return status;
	if (*count == rc->unit)
		return remap_write_block(rp, pos, value, status);
	*count = 0;
	return BLK_STS_OK;
}

/**
 * remap_repair_write() - Bring a write to its end.
 * @rp: the repair
 *
 * Return: the status of the bio. If it is an error, each of its blocks may have been written.
 */
blk_status_t remap_repair_write(struct remap_repair *rp)
{
	sector_t pos, count, step = rp->last - rp->first + 1;
	/* As a whole it has failed already, if it has been sent at all. */
	blk_status_t status = rp->bio->bi_status, committed;

	for (pos = rp->first; pos <= rp->last; pos += count) {
		count = min(step, rp->last - pos + 1);
		step = count;
		status = remap_write_step(rp, pos, &count, status);
		if (status)
			break;
		step = count ? max(step, count * 2) : remap_repair_half(rp, step);
	}
	/* A single block that was good this time. */
	if (!status && rp->bio->bi_status && list_empty(&rp->pieces) && !rp->retried &&
	    rp->last - rp->first < rp->rc->unit)
		remap_repair_retried(rp);
	committed = remap_repair_commit(rp);
	remap_pieces_release(rp->rc, &rp->pieces);
	remap_pieces_free(&rp->pieces);
	return status ?: committed;
}
