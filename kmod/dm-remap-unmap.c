// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way back: relocated sectors return to main, in batches, as far as main takes them.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/sched.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-pieces.h"
#include "dm-remap-verify.h"

/* How much one unmap holds at a time, so that held I/O does not wait long. */
#define REMAP_BATCH_PIECES 256
#define REMAP_BATCH_SECTORS (16ull << 20 >> SECTOR_SHIFT)

/* Half of the copier's pages are for what main gives back of what it was given. */
#define REMAP_STEP_BACK (REMAP_COPY_SECTORS / 2)

/*
 * What a failed step means for its piece.
 * Return: -EREMOTEIO if some sector of it has to stay on the spare, -EIO, or -EINTR.
 */
static int remap_step_failed(struct remap_c *rc, const struct remap_area *area, sector_t sector,
			     blk_status_t status, bool write)
{
	/* Fewer tries than the table line says are no verdict. */
	if (remap_told_to_stop(rc))
		return -EINTR;
	if (remap_medium_error(rc, area, status, write))
		return -EREMOTEIO;
	remap_err(rc, "%s device %s fails: cannot %s sector %llu", area->spare ? "spare" : "main",
		  area->spare ? rc->spare->name : rc->main->name, write ? "write" : "read",
		  (u64)sector);
	return -EIO;
}

/* Read, or write, a step by way of the copier's pages. */
static int remap_step(struct remap_c *rc, const struct remap_area *area, blk_opf_t opf,
		      sector_t sector, sector_t offset, sector_t count)
{
	blk_status_t status = remap_copy_retry(rc, area, opf, sector, offset, count);

	return status ? remap_step_failed(rc, area, sector, status, op_is_write(opf)) : 0;
}

/* Does main give back a step of what it was given? */
static int remap_compare_step(struct remap_c *rc, sector_t sector, sector_t slot, sector_t count)
{
	struct remap_area main = remap_main_area(rc), spare = remap_spare_area(rc);
	struct page **pages = rc->copier.pages;
	sector_t i, page = PAGE_SIZE >> SECTOR_SHIFT;
	int r;

	r = remap_step(rc, &spare, REQ_OP_READ, slot, 0, count) ?:
	    remap_step(rc, &main, REQ_OP_READ, rc->main_start + sector, REMAP_STEP_BACK, count);
	for (i = 0; i < count && !r; i += page)
		if (memcmp(page_address(pages[i / page]),
			   page_address(pages[(REMAP_STEP_BACK + i) / page]),
			   min(page, count - i) << SECTOR_SHIFT))
			r = -EREMOTEIO;
	return r;
}

/* Does main keep what it was given, and has flushed? It may be bad for reads only. */
static int remap_compare_back(struct remap_c *rc, struct remap_piece *piece)
{
	sector_t pos, count;
	int r = 0;

	for (pos = piece->first; pos <= piece->last && !r; pos += count) {
		count = min(piece->last - pos + 1, REMAP_STEP_BACK);
		r = remap_compare_step(rc, pos, (pos + piece->delta) & REMAP_DELTA_MASK, count);
		cond_resched();
	}
	return r;
}

/* Copy a step of a piece back to main. */
static int remap_copy_step_back(struct remap_c *rc, sector_t sector, sector_t slot, sector_t count)
{
	struct remap_area main = remap_main_area(rc), spare = remap_spare_area(rc);
	int r = remap_step(rc, &spare, REQ_OP_READ, slot, 0, count);

	if (!r && !remap_crcs_match_copy(rc, sector, count))
		r = -EREMOTEIO;
	return r ?: remap_step(rc, &main, REQ_OP_WRITE, rc->main_start + sector, 0, count);
}

static int remap_copy_back(struct remap_c *rc, struct remap_piece *piece)
{
	sector_t pos, count;
	int r = 0;

	for (pos = piece->first; pos <= piece->last && !r; pos += count) {
		count = min(piece->last - pos + 1, REMAP_COPY_SECTORS);
		r = remap_copy_step_back(rc, pos, (pos + piece->delta) & REMAP_DELTA_MASK, count);
		if (!r && pos + count <= piece->last && remap_must_stop(rc))
			r = -EINTR;
		cond_resched();
	}
	return r;
}

/* What one batch takes on of the range; @pos ends up behind it. Lost sectors only if forced. */
static int remap_plan_batch(struct remap_c *rc, struct list_head *pieces, sector_t *pos,
			    sector_t last, bool force)
{
	struct remap_piece *piece;
	u64 sectors = 0;
	unsigned int nr = 0;
	sector_t end;

	for (; *pos <= last && nr < REMAP_BATCH_PIECES && sectors < REMAP_BATCH_SECTORS;
	     *pos = end + 1) {
		void *value = remap_table_at(rc->table, *pos, &end);

		end = min(end, last);
		if (remap_state(value) == REMAP_MAIN ||
		    ((remap_state(value) == REMAP_LOST || remap_is_wrong(value)) && !force))
			continue;
		end = min_t(sector_t, end, *pos + (REMAP_BATCH_SECTORS - sectors) - 1);
		piece = remap_piece_add(pieces, *pos, end, remap_delta(value), value);
		if (!piece)
			return -ENOMEM;
		piece->will = remap_value(REMAP_MAIN, 0, 0);
		sectors += end - *pos + 1;
		nr++;
	}
	return 0;
}

/* Failed pieces stay where they were; the others are main's again, and their slots are free. */
static void remap_settle_batch(struct remap_c *rc, struct list_head *pieces,
			       struct remap_unmapped *result)
{
	struct remap_table *table = rc->table;
	struct remap_piece *piece;

	list_for_each_entry(piece, pieces, list) {
		if (!piece->held)
			continue;
		if (piece->failed) {
			remap_piece_settle_before(rc, piece);
			continue;
		}
		remap_piece_settle(rc, piece);
		/* Nobody reads the slots any more: the drain saw the last reader end. */
		remap_slots_free(&table->slots, remap_piece_slot(piece),
				 remap_piece_sectors(piece));
		atomic64_add(remap_piece_sectors(piece), &table->counters->unmapped);
		result->cleared += remap_piece_sectors(piece);
	}
	remap_pieces_release(rc, pieces);
}

/* Between batches nothing is held: I/O that has failed meanwhile need not wait for the last one. */
static int remap_let_repair(struct remap_c *rc)
{
	if (!atomic_read(&rc->repairs))
		return 0;
	mutex_unlock(&rc->move_lock);
	msleep(20);
	mutex_lock(&rc->move_lock);
	return remap_may_move(rc);
}

static int remap_unmap_range(struct remap_c *rc, sector_t first, sector_t last, bool force,
			     struct remap_unmapped *result);

/* Main took a part of the pieces that failed, perhaps: halve them until single blocks stand out. */
static int remap_halve_failed(struct remap_c *rc, struct list_head *pieces,
			      struct remap_unmapped *result)
{
	struct remap_piece *piece;
	int r = 0;

	list_for_each_entry(piece, pieces, list) {
		u64 half = rounddown(remap_piece_sectors(piece) / 2, (u64)rc->unit);

		if (!piece->failed)
			continue;
		if (!half) {
			remap_err(rc, "sector %llu stays on the spare: cannot be copied back",
				  (u64)piece->first);
			continue;
		}
		r = remap_unmap_range(rc, piece->first, piece->first + half - 1, false, result);
		if (!r)
			r = remap_must_stop(rc) ? -EINTR : remap_let_repair(rc);
		if (!r)
			r = remap_unmap_range(rc, piece->first + half, piece->last, false,
					      result);
		if (!r && !list_is_last(&piece->list, pieces) && remap_must_stop(rc))
			r = -EINTR;
		if (r)
			break;
	}
	return r;
}

/* Copy the pieces to main, which must not lose again what the spare stops keeping. */
static int remap_copy_batch_back(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_area main = remap_main_area(rc);
	struct remap_piece *piece;
	int r;

	list_for_each_entry(piece, pieces, list) {
		r = remap_copy_back(rc, piece);
		if (!r && !list_is_last(&piece->list, pieces) && remap_must_stop(rc))
			r = -EINTR;
		piece->failed = r;
		if (r && r != -EREMOTEIO)
			return r;
	}
	if (remap_flush(rc, &main))
		return -EIO;
	list_for_each_entry(piece, pieces, list) {
		r = piece->failed ? 0 : remap_compare_back(rc, piece);
		if (r && r != -EREMOTEIO)
			return r;
		piece->failed |= !!r;
	}
	return 0;
}

/* Main's old content is not what was written. */
static void remap_forget_batch(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_piece *piece;

	if (!rc->crcs)
		return;
	list_for_each_entry(piece, pieces, list)
		remap_crcs_forget(rc->crcs, piece->first, piece->last);
}

static int remap_unmap_batch(struct remap_c *rc, sector_t *pos, sector_t last, bool force,
			     struct remap_unmapped *result)
{
	struct remap_piece *piece;
	LIST_HEAD(pieces);
	int r;

	remap_flush_begin(rc);
	r = remap_plan_batch(rc, &pieces, pos, last, force);
	list_for_each_entry(piece, &pieces, list) {
		if (r)
			break;
		r = remap_piece_hold(rc, piece, piece->was);
	}
	if (!r && !list_empty(&pieces)) {
		remap_drain(rc);
		if (force)
			remap_forget_batch(rc, &pieces);
		else
			r = remap_copy_batch_back(rc, &pieces);
		if (!r)
			r = remap_meta_commit(rc, &pieces);
	}
	if (r)
		list_for_each_entry(piece, &pieces, list)
			piece->failed = true;
	remap_settle_batch(rc, &pieces, result);
	if (!r)
		r = remap_halve_failed(rc, &pieces, result);
	remap_pieces_free(&pieces);
	return r;
}

static int remap_unmap_range(struct remap_c *rc, sector_t first, sector_t last, bool force,
			     struct remap_unmapped *result)
{
	int r = 0;

	while (first <= last && !r) {
		r = remap_unmap_batch(rc, &first, last, force, result);
		if (!r && first <= last)
			r = remap_must_stop(rc) ? -EINTR : remap_let_repair(rc);
		cond_resched();
	}
	return r;
}

/**
 * remap_unmap() - Bring relocated sectors back to main.
 * @rc: the target
 * @range: aligned to the unit and inside the target
 * @force: drop the relocations without copying, lost sectors too
 * @result: how many sectors came back, and how many stayed
 *
 * What main refuses stays on the spare, and so does what is lost, unless forced.
 *
 * Return: 0 or a negative errno; the reason is in the log. What came back until then stays so.
 */
int remap_unmap(struct remap_c *rc, const struct remap_range *range, bool force,
		struct remap_unmapped *result)
{
	struct remap_totals after = {};
	int r;

	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		return r;
	r = remap_may_move(rc);
	if (r)
		goto out;
	atomic64_inc(&rc->table->counters->moves);
	r = remap_unmap_range(rc, range->first, range->last, force, result);
	remap_table_count(rc->table, range->first, range->last, &after);
	result->kept = after.remapped;
	remap_event(rc, REMAP_EVENT_UNMAPPED, range->first, result->cleared);
	remap_health_update(rc);
out:
	remap_meta_commit_notes(rc);
	mutex_unlock(&rc->move_lock);
	return r;
}
