// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flushes, those from above and our own. They share the devices' caches: what one of them that
 * fails was for, may have been the others', and devices tell only once.
 */
#include <linux/blkdev.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"

/*
 * The spare has been unplugged. What was written to slots since its last flush may be gone, and
 * whoever flushes next is told, once. Else a flush has nothing to ask of it: the file system above
 * can go on with what lies on main.
 */
static int remap_flush_gone_spare(struct remap_c *rc, struct bio *bio)
{
	if (xchg(&rc->slots_unflushed, false)) {
		remap_io_set(bio, REMAP_IO_SETTLED);
		return DM_MAPIO_KILL;
	}
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

/* An empty flush comes once for each device; data never carries PREFLUSH down here. */
int remap_map_flush(struct remap_c *rc, struct bio *bio)
{
	bool spare = dm_bio_get_target_bio_nr(bio);
	struct block_device *bdev = spare ? READ_ONCE(rc->spare)->bdev : rc->main->bdev;
	unsigned long flags = REMAP_IO_FLUSH;

	/* Who flushes now, after one of ours has failed, may have written what that one lost. */
	if (test_bit(spare, &rc->flush_failed) && test_and_clear_bit(spare, &rc->flush_failed))
		flags |= REMAP_IO_FLUSH_FAILS;
	else if (spare && remap_is_unplugged(bdev))
		return remap_flush_gone_spare(rc, bio);
	/* What ends from now on may be too late for this flush. */
	if (spare)
		WRITE_ONCE(rc->slots_unflushed, false);
	remap_io_set(bio, flags);
	bio_set_dev(bio, bdev);
	return DM_MAPIO_REMAPPED;
}

/*
 * Of a flush. What one of ours that has failed was for, came from above, too: then the next one
 * from there fails, and those that were under way. The other way round: see remap_flush_begin().
 */
void remap_end_flush(struct remap_c *rc, struct bio *bio, blk_status_t *error)
{
	bool spare = dm_bio_get_target_bio_nr(bio);

	if (*error && spare)
		WRITE_ONCE(rc->slots_unflushed, true);
	if (*error)
		atomic_inc(&rc->flush_errors[spare]);
	else if (remap_io_flags(bio) & REMAP_IO_FLUSH_FAILS || test_bit(spare, &rc->flush_failed))
		*error = BLK_STS_IOERR;
	remap_count_error(rc, bio, *error);
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
		rc->flush_failures[area->spare]++;
		remap_err(rc, "%s device %s cannot flush", area->spare ? "spare" : "main",
			  area->spare ? rc->spare->name : rc->main->name);
	}
	return r;
}
