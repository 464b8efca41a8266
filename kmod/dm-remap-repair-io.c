// SPDX-License-Identifier: GPL-2.0-only
/*
 * Repairs, at the bottom: I/O on a part of a bio, from and to the bio's own pages.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/sched/mm.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"

/* Where sectors with this value lie. */
struct remap_area remap_repair_area(const struct remap_repair *rp, const void *value)
{
	return remap_state(value) == REMAP_MAIN ? remap_main_area(rp->rc) :
						  remap_spare_area(rp->rc);
}

static sector_t remap_repair_sector(const struct remap_repair *rp, const void *value, sector_t pos)
{
	return remap_state(value) == REMAP_MAIN ? rp->rc->main_start + pos :
						  remap_spare_sector(value, pos);
}

/* Zeroes as data: that a device refuses to be told of them in short says nothing of its sectors. */
static blk_status_t remap_repair_zeroes(struct remap_repair *rp, const struct remap_area *area,
					sector_t sector, sector_t count)
{
	struct page **pages = rp->rc->copier.pages;
	unsigned int i;

	for (i = 0; i << (PAGE_SHIFT - SECTOR_SHIFT) < count; i++)
		clear_page(page_address(pages[i]));
	return remap_copy_io(rp->rc, area, REQ_OP_WRITE | (rp->bio->bi_opf & REQ_FUA), sector, 0,
			     count);
}

/* As narrow_write_error() in drivers/md/raid1.c, but FUA and the like stay. */
static blk_status_t remap_repair_clone(struct remap_repair *rp, const struct remap_area *area,
				       sector_t sector, sector_t offset, sector_t count)
{
	blk_status_t status;
	struct bio *part;

	/* From a pool of our own, for one I/O at a time: there is always one. */
	part = bio_alloc_clone(area->bdev, rp->bio, GFP_NOIO, &rp->rc->bios);
	if (!part)
		return BLK_STS_RESOURCE;
	part->bi_iter = *rp->iter;
	bio_trim(part, offset, count);
	/* Also forgets that the bio itself has passed a partition table on its way. */
	bio_set_dev(part, area->bdev);
	part->bi_iter.bi_sector = sector;
	part->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED | REQ_RAHEAD);
	if (area->spare && op_is_write(bio_op(part)))
		remap_migration_mark(&rp->rc->migrating, sector, count);
	submit_bio_wait(part);
	status = part->bi_status;
	bio_put(part);
	if (status && area->spare)
		atomic64_inc(&rp->rc->table->counters->spare_errors);
	return status;
}

/**
 * remap_repair_io() - Do a part of the bio, and wait.
 * @rp: the repair
 * @value: says where the part lies
 * @pos: its first sector
 * @count: its sectors
 *
 * Return: the status of the I/O; what failed is noted in @rp.
 */
blk_status_t remap_repair_io(struct remap_repair *rp, const void *value, sector_t pos,
			     sector_t count)
{
	struct remap_area area = remap_repair_area(rp, value);
	sector_t sector = remap_repair_sector(rp, value, pos);
	blk_status_t status;

	if (bio_op(rp->bio) == REQ_OP_WRITE_ZEROES && count <= REMAP_COPY_SECTORS)
		status = remap_repair_zeroes(rp, &area, sector, count);
	else
		status = remap_repair_clone(rp, &area, sector, pos - rp->first, count);
	if (!status && area.spare && op_is_write(bio_op(rp->bio)))
		WRITE_ONCE(rp->rc->slots_unflushed, true);
	if (status && remap_may_be_medium(status, op_is_write(bio_op(rp->bio))))
		rp->failed = true;
	else if (status)
		rp->way = status;
	return status;
}

/* Something works that did not at first: counted once a bio if it is all that happened to it. */
void remap_repair_retried(struct remap_repair *rp)
{
	atomic64_inc(&rp->rc->table->counters->retried);
	rp->retried = true;
}

/**
 * remap_repair_retry() - Try a block again, until it works or has had its tries.
 * @rp: the repair
 * @value: says where it lies
 * @pos: its first sector
 * @status: how the first try has failed
 *
 * Return: the status of the last try.
 */
blk_status_t remap_repair_retry(struct remap_repair *rp, const void *value, sector_t pos,
				blk_status_t status)
{
	struct remap_area area = remap_repair_area(rp, value);
	struct remap_c *rc = rp->rc;
	bool write = op_is_write(bio_op(rp->bio));
	unsigned int delay = rc->features.retry_delay_ms, tries;

	for (tries = 1; tries < rc->features.retries; tries++) {
		if (!remap_may_be_medium(status, write) || remap_is_silent(rc, &area) ||
		    time_after(jiffies, rp->limit))
			break;
		msleep(delay);
		delay = min(delay * 2, (unsigned int)REMAP_MAX_DELAY_MS);
		status = remap_repair_io(rp, value, pos, rc->unit);
		if (!status) {
			remap_repair_retried(rp);
			break;
		}
	}
	return status;
}

/* The verdict on a block that has had its tries; if it is not its medium's fault, that is noted. */
bool remap_repair_is_medium(struct remap_repair *rp, const void *value, blk_status_t status)
{
	struct remap_area area = remap_repair_area(rp, value);

	if (remap_medium_error(rp->rc, &area, status, op_is_write(bio_op(rp->bio))))
		return true;
	rp->way = status == BLK_STS_IOERR ? BLK_STS_TRANSPORT : status;
	return false;
}

/*
 * Does a block that was just written read as it is in the bio?
 * Return: how the read has failed; BLK_STS_MEDIUM if it gave something else.
 */
blk_status_t remap_repair_compare(struct remap_repair *rp, const void *value, sector_t pos)
{
	struct remap_area area = remap_repair_area(rp, value);
	struct remap_c *rc = rp->rc;
	unsigned int len = rc->unit << SECTOR_SHIFT, done = 0;
	struct bvec_iter iter = *rp->iter;
	blk_status_t status;
	struct bio_vec vec;
	bool same = true;
	u8 *read;

	status = remap_copy_io(rc, &area, REQ_OP_READ, remap_repair_sector(rp, value, pos), 0,
			       rc->unit);
	if (status)
		return status;
	read = page_address(rc->copier.pages[0]);
	if (bio_op(rp->bio) == REQ_OP_WRITE_ZEROES)
		return memchr_inv(read, 0, len) ? BLK_STS_MEDIUM : BLK_STS_OK;
	bio_advance_iter(rp->bio, &iter, (pos - rp->first) << SECTOR_SHIFT);
	iter.bi_size = len;
	for (; iter.bi_size && same; bio_advance_iter_single(rp->bio, &iter, vec.bv_len)) {
		u8 *written;

		vec = bio_iter_iovec(rp->bio, iter);
		written = bvec_kmap_local(&vec);
		same = !memcmp(read + done, written, vec.bv_len);
		kunmap_local(written);
		done += vec.bv_len;
	}
	return same ? BLK_STS_OK : BLK_STS_MEDIUM;
}

/* The next smaller step after one that has failed; at least a block. */
sector_t remap_repair_half(const struct remap_repair *rp, sector_t count)
{
	return max_t(sector_t, rounddown(count / 2, (sector_t)rp->rc->unit), rp->rc->unit);
}

/* remap_table_change(), and if there is no memory, again. */
int remap_repair_change(struct remap_repair *rp, sector_t first, sector_t last,
			void *(*become)(void *value), u64 *changed)
{
	unsigned int tries;
	int r;

	for (tries = 0; ; tries++) {
		unsigned int noreclaim = memalloc_noreclaim_save();

		r = remap_table_change(rp->rc->table, first, last, become, changed);
		memalloc_noreclaim_restore(noreclaim);
		if (*changed)
			remap_meta_note(rp->rc, first, last);
		if (r != -ENOMEM || tries >= REMAP_MEMORY_TRIES)
			return r;
		msleep(REMAP_MEMORY_DELAY_MS);
	}
}
