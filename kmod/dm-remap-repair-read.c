// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads under repair. What can be read after all is returned; what cannot is pending from now on:
 * nothing is allocated for it before it is written, because there is no data to put there.
 */
#include <linux/jiffies.h>

#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

/* Has been read where it lies, though it was pending. */
static void remap_recovered(struct remap_repair *rp, sector_t first, sector_t last)
{
	u64 changed = 0;

	/* If that cannot be recorded, the next good read will try again. */
	remap_repair_change(rp, first, last, remap_become_readable, &changed);
	if (!changed)
		return;
	atomic64_add(changed, &rp->rc->table->counters->recovered);
	remap_event(rp->rc, REMAP_EVENT_RECOVERED, first, changed);
	remap_health_update(rp->rc);
}

/* Is a block that has been read what was written, as far as that is known? */
static bool remap_is_as_written(struct remap_repair *rp, sector_t pos)
{
	struct bvec_iter iter = *rp->iter;

	bio_advance_iter(rp->bio, &iter, (pos - rp->first) << SECTOR_SHIFT);
	iter.bi_size = rp->rc->unit << SECTOR_SHIFT;
	return remap_crcs_match(rp->rc->crcs, rp->bio, &iter, pos);
}

/* Pending sectors have been read; with verify_reads it takes more than that to be readable. */
static blk_status_t remap_try_recover(struct remap_repair *rp, sector_t first, sector_t last,
				      const void *value)
{
	blk_status_t status = BLK_STS_OK;
	sector_t pos;

	if (!rp->rc->crcs && !remap_is_wrong(value)) {
		remap_recovered(rp, first, last);
		return BLK_STS_OK;
	}
	for (pos = first; pos <= last; pos += rp->rc->unit) {
		/* It was found wrong, and nobody knows any more what would be right. */
		if (remap_is_wrong(value) && !remap_crcs_know(rp->rc, pos))
			status = BLK_STS_MEDIUM;
		else if (remap_is_as_written(rp, pos))
			remap_recovered(rp, pos, pos + rp->rc->unit - 1);
	}
	return status;
}

/* A block gave its data, but not at once. */
static void remap_is_weak(struct remap_repair *rp, sector_t pos, const void *value)
{
	if (remap_state(value) == REMAP_MAIN && rp->nr_weak < REMAP_MAX_WEAK)
		rp->weak[rp->nr_weak++] = pos;
}

/* A single block has failed. */
static blk_status_t remap_read_block(struct remap_repair *rp, sector_t pos, void *value,
				     blk_status_t status)
{
	struct remap_c *rc = rp->rc;

	/* A pending one has had its tries before. */
	if (!remap_is_pending(value)) {
		status = remap_repair_retry(rp, value, pos, status);
		if (!status) {
			remap_is_weak(rp, pos, value);
			return BLK_STS_OK;
		}
	}
	if (!remap_repair_is_medium(rp, value, status))
		return status;
	remap_mark_pending(rc, pos, pos + rc->unit - 1);
	return BLK_STS_MEDIUM;
}

/* One step of a read; @count is cut to what has been done, 0 if it has to be halved. */
static blk_status_t remap_read_step(struct remap_repair *rp, sector_t pos, sector_t *count,
				    blk_status_t status)
{
	struct remap_c *rc = rp->rc;
	sector_t end;
	void *value = remap_table_at(rc->table, pos, &end);

	*count = min(*count, end - pos + 1);
	if (remap_state(value) == REMAP_LOST) {
		atomic64_inc(&rc->table->counters->lost_reads);
		return BLK_STS_MEDIUM;
	}
	/* A block is judged only by how it fails where it lies now. */
	if (!status || *count == rc->unit)
		status = remap_repair_io(rp, value, pos, *count);
	if (!status) {
		if (remap_is_pending(value))
			return remap_try_recover(rp, pos, pos + *count - 1, value);
		return BLK_STS_OK;
	}
	if (!remap_may_be_medium(status, false))
		return status;
	if (*count == rc->unit)
		return remap_read_block(rp, pos, value, status);
	*count = 0;
	return BLK_STS_OK;
}

/*
 * A small read has failed as a whole, and each block of it is good: one of them was not, once. If
 * only the device's word for it could tell a bad sector from a bad moment, it takes that word.
 */
static void remap_are_weak(struct remap_repair *rp)
{
	blk_status_t status = rp->bio->bi_status;
	struct remap_c *rc = rp->rc;
	sector_t pos, end;

	if (!status || rp->retried || rp->last - rp->first >= PAGE_SECTORS)
		return;
	remap_repair_retried(rp);
	if (status == BLK_STS_IOERR && rp->last - rp->first >= rc->unit)
		return;
	for (pos = rp->first; pos <= rp->last; pos += rc->unit)
		remap_is_weak(rp, pos, remap_table_at(rc->table, pos, &end));
}

/**
 * remap_repair_read() - Bring a read to its end.
 * @rp: the repair
 *
 * Return: the status of the bio. BLK_STS_IOERR stands for what the medium does not give back, so
 * that everybody above sees EIO.
 */
blk_status_t remap_repair_read(struct remap_repair *rp)
{
	sector_t pos, count, step = rp->last - rp->first + 1;
	blk_status_t status = rp->bio->bi_status, result = BLK_STS_OK;

	for (pos = rp->first; pos <= rp->last; pos += count) {
		count = min(step, rp->last - pos + 1);
		step = count;
		status = remap_read_step(rp, pos, &count, status);
		if (status == BLK_STS_MEDIUM)
			result = BLK_STS_IOERR;
		else if (status)
			return status;
		if (result && time_after(jiffies, rp->limit))
			break;
		status = BLK_STS_OK;
		step = count ? max(step, count * 2) : remap_repair_half(rp, step);
	}
	if (!result)
		remap_are_weak(rp);
	return result;
}
