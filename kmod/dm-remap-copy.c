// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of the target's own.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/sched/signal.h>

#include "dm-remap-copy.h"
#include "dm-remap-table.h"

void remap_copier_exit(struct remap_copier *copier)
{
	int i;

	for (i = 0; i < REMAP_COPY_PAGES; i++)
		if (copier->pages[i])
			__free_page(copier->pages[i]);
}

/* All memory that a copy will need, so that a move does not fail, or recurse, for want of it. */
int remap_copier_init(struct remap_copier *copier)
{
	int i;

	for (i = 0; i < REMAP_COPY_PAGES; i++) {
		copier->pages[i] = alloc_page(GFP_KERNEL);
		if (!copier->pages[i]) {
			remap_copier_exit(copier);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * remap_copy_io() - Read or write a range through the copier's pages, and wait.
 * @rc: the target
 * @area: the device
 * @opf: REQ_OP_READ or REQ_OP_WRITE
 * @sector: device sector
 * @offset: where the range lies in the pages, in sectors; a multiple of the logical block
 * @count: sectors; @offset + @count is at most REMAP_COPY_SECTORS
 *
 * Return: the bio's status.
 */
blk_status_t remap_copy_io(struct remap_c *rc, const struct remap_area *area, blk_opf_t opf,
			   sector_t sector, sector_t offset, sector_t count)
{
	struct remap_copier *copier = &rc->copier;
	unsigned int pos = offset << SECTOR_SHIFT, len = count << SECTOR_SHIFT;
	struct bio bio;
	blk_status_t status;

	/* Nobody copies meanwhile, so the mark may as well come before the write. */
	if (area->spare && op_is_write(opf & REQ_OP_MASK) && area->bdev == rc->spare->bdev)
		remap_migration_mark(&rc->migrating, sector, count);
	bio_init(&bio, area->bdev, copier->vecs, REMAP_COPY_PAGES, opf | REQ_SYNC);
	bio.bi_iter.bi_sector = sector;
	while (len) {
		unsigned int in_page = offset_in_page(pos);
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE - in_page);

		__bio_add_page(&bio, copier->pages[pos >> PAGE_SHIFT], part, in_page);
		pos += part;
		len -= part;
	}
	submit_bio_wait(&bio);
	status = bio.bi_status;
	bio_uninit(&bio);
	if (status && area->spare)
		atomic64_inc(&rc->table->counters->spare_errors);
	return status;
}

/**
 * remap_flush_begin() - Before the first write that a remap_flush() is to make last.
 * @rc: the target; its move_lock is held
 *
 * A flush from above that fails in between may take our writes with it; see remap_end_flush().
 */
void remap_flush_begin(struct remap_c *rc)
{
	rc->flush_seen[false] = atomic_read(&rc->flush_errors[false]);
	rc->flush_seen[true] = atomic_read(&rc->flush_errors[true]);
}

/* Has a flush from above failed meanwhile? Main and spare may share a cache. */
static bool remap_flush_spoilt(struct remap_c *rc, const struct remap_area *area)
{
	bool shared = rc->main->bdev->bd_disk == rc->spare->bdev->bd_disk;
	bool which;
	int i;

	for (i = 0, which = area->spare; i <= shared; i++, which = !which)
		if (atomic_read(&rc->flush_errors[which]) != rc->flush_seen[which])
			return true;
	return false;
}

/**
 * remap_flush() - Make what was written to a device since remap_flush_begin() last.
 * @rc: the target; its move_lock is held
 * @area: the device
 *
 * Never tried again: devices forget what a failed flush was for, and the next one would succeed.
 * For the same reason those above, whose writes it was for, too, are told at their next flush.
 *
 * Return: 0 or a negative errno; it is in the log. -ENOLINK: our own has not failed, another has.
 */
int remap_flush(struct remap_c *rc, const struct remap_area *area)
{
	int r = blkdev_issue_flush(area->bdev);

	if (!r && remap_flush_spoilt(rc, area)) {
		remap_err(rc, "a flush of %s has failed while it was written to", area->spare ?
			  rc->spare->name : rc->main->name);
		return -ENOLINK;
	}
	if (r) {
		set_bit(area->spare, &rc->flush_failed);
		remap_err(rc, "%s device %s cannot flush", area->spare ? "spare" : "main",
			  area->spare ? rc->spare->name : rc->main->name);
	}
	return r;
}

/*
 * A suspend waits for the message that moves, with the device's I/O blocked; or it is killed. But
 * it also waits for the I/O under repair, so a repair is to come to its end.
 */
bool remap_told_to_stop(const struct remap_c *rc)
{
	return !rc->repairing && (READ_ONCE(rc->stopping) || fatal_signal_pending(current));
}

/*
 * remap_copy_io(), again and again before it counts as failed: as often as the table line's
 * "retries" says, with a delay that doubles each time.
 */
blk_status_t remap_copy_retry(struct remap_c *rc, const struct remap_area *area, blk_opf_t opf,
			      sector_t sector, sector_t offset, sector_t count)
{
	unsigned int delay = rc->features.retry_delay_ms, tries;
	blk_status_t status;

	for (tries = 1; ; tries++) {
		status = remap_copy_io(rc, area, opf, sector, offset, count);
		if (!status || tries >= rc->features.retries || remap_told_to_stop(rc))
			return status;
		msleep(delay);
		delay = min(delay * 2, (unsigned int)REMAP_MAX_DELAY_MS);
	}
}
