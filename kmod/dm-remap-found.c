// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lost sectors that were written: their writes complete once that is on record.
 */
#include "dm-remap-io.h"
#include "dm-remap-table.h"

/* Record that lost sectors have content again, then let their writes complete. */
void remap_found_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, found_work);
	struct bio_list found;
	sector_t first = ULLONG_MAX;
	u64 sectors = 0;
	struct bio *bio;

	spin_lock_irq(&rc->found_lock);
	found = rc->found;
	bio_list_init(&rc->found);
	spin_unlock_irq(&rc->found_lock);

	while ((bio = bio_list_pop(&found))) {
		struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));
		unsigned long flags = remap_io_flags(bio) & ~REMAP_IO_FOUND;

		if (remap_table_found(rc->table, io->sector, io->sector + io->sectors - 1)) {
			remap_err(rc, "sectors %llu+%u were written but stay lost: out of memory",
				  (u64)io->sector, io->sectors);
			bio->bi_status = BLK_STS_IOERR;
			flags |= REMAP_IO_REFUSED;
		} else {
			sectors += io->sectors;
			first = min(first, io->sector);
		}
		/* Enters remap_end_io() again, with nothing left to record. */
		remap_io_set(bio, flags);
		bio_endio(bio);
	}

	spin_lock_irq(&rc->found_lock);
	rc->found_first = rc->found_sectors ? min(rc->found_first, first) : first;
	rc->found_sectors += sectors;
	spin_unlock_irq(&rc->found_lock);
	schedule_work(&rc->event_work);
}

/* However many writes there were, they are one piece of news. */
void remap_found_event(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, event_work);
	sector_t first;
	u64 sectors;

	spin_lock_irq(&rc->found_lock);
	first = rc->found_first;
	sectors = rc->found_sectors;
	rc->found_sectors = 0;
	spin_unlock_irq(&rc->found_lock);
	if (sectors)
		remap_event(rc, "found", first, sectors);
}
