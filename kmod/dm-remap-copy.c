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
