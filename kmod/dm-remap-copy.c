// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of the target's own, and the judgement whose fault their failure is.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/sched/signal.h>

#include "dm-remap-copy.h"

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

struct remap_area remap_main_area(struct remap_c *rc)
{
	return (struct remap_area) { rc->main->bdev, rc->main_start, rc->ti->len };
}

struct remap_area remap_spare_area(struct remap_c *rc)
{
	return (struct remap_area) { rc->spare->bdev, rc->spare_start, rc->spare_len };
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
	return status;
}

/* A suspend waits for the message that moves, with the device's I/O blocked; or it is killed. */
bool remap_told_to_stop(const struct remap_c *rc)
{
	return READ_ONCE(rc->stopping) || fatal_signal_pending(current);
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

/* Does the device answer anywhere? Reads one block at a few places. Overwrites the first page. */
static bool remap_probe(struct remap_c *rc, const struct remap_area *area)
{
	sector_t at[] = { 0, area->len / 4, area->len / 2, area->len - rc->unit };
	int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		sector_t sector = area->start + rounddown(at[i], (sector_t)rc->unit);

		if (!remap_copy_io(rc, area, REQ_OP_READ, sector, 0, rc->unit))
			return true;
	}
	return false;
}

/**
 * remap_medium_error() - Is this failure the medium's?
 * @rc: the target
 * @area: the device that failed
 * @status: how
 *
 * Most drivers report even a bad sector as BLK_STS_IOERR, which is also what a dead device gives:
 * then the device must answer elsewhere before one of its sectors is called bad. The first page of
 * the copier is overwritten by that.
 */
bool remap_medium_error(struct remap_c *rc, const struct remap_area *area, blk_status_t status)
{
	switch (status) {
	case BLK_STS_MEDIUM:
	case BLK_STS_PROTECTION:
		return true;
	case BLK_STS_IOERR:
		return remap_probe(rc, area);
	default:
		return false;
	}
}
