// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration, its begin: may it be, and all memory that it will need.
 */
#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dm-remap-metadata.h"
#include "dm-remap-migrate.h"
#include "dm-remap-table.h"
#include "dm-remap-targets.h"

int remap_migration_refuse(struct remap_c *rc, int r, const char *why)
{
	remap_err(rc, "migrate: %s", why);
	return r;
}

/* What the constructor asks of a spare, and what cannot change while the device runs. */
static int remap_migration_check(struct remap_c *rc, struct remap_spare_side *side)
{
	struct block_device *bdev = side->dev->bdev;
	struct block_device *ours = dm_disk(dm_table_get_md(rc->ti->table))->part0;
	u64 size = bdev_nr_sectors(bdev);

	if (bdev->bd_disk == ours->bd_disk)
		return remap_migration_refuse(rc, -EINVAL, "the device cannot be its own spare");
	if (bdev_is_zoned(bdev))
		return remap_migration_refuse(rc, -EINVAL, "the new spare is zoned");
	if (bdev_logical_block_size(bdev) >> SECTOR_SHIFT > rc->unit)
		return remap_migration_refuse(rc, -EINVAL,
					      "the new spare's logical block is larger than main's");
	if ((bdev_stable_writes(bdev) && !bdev_stable_writes(ours)) ||
	    bdev_dma_alignment(bdev) > bdev_dma_alignment(ours))
		return remap_migration_refuse(rc, -EOPNOTSUPP,
					      "the new spare needs limits of I/O that only a new table has");
	if ((side->start | side->len) & (rc->unit - 1))
		return remap_migration_refuse(rc, -EINVAL,
					      "start and length must be multiples of main's logical block");
	if (!side->len || side->start > size || side->len > size - side->start ||
	    side->len > REMAP_DISK_MAX_SECTORS)
		return remap_migration_refuse(rc, -EINVAL, "the range is not inside the new spare");
	return 0;
}

static int remap_migration_alloc(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_spare_side *side = &m->side;

	side->meta = remap_meta_create(rc, side->len);
	if (!side->meta)
		return -ENOMEM;
	if (!side->meta->layout.slots)
		return remap_migration_refuse(rc, -ENOSPC,
					      "the new spare is too small for the metadata");
	side->slots_start = side->start + side->meta->layout.slots_start;
	side->slots = side->meta->layout.slots;
	side->table = remap_new_table(rc, side->dev->bdev, side->slots_start, side->slots);
	if (IS_ERR(side->table)) {
		int r = PTR_ERR(side->table);

		side->table = NULL;
		return r;
	}
	kfree(side->table->counters);
	side->table->counters = rc->table->counters;
	remap_table_private(side->table);
	m->old_start = rc->slots_start;
	m->old_slots = rc->slots;
	m->regions = DIV_ROUND_UP_ULL(rc->slots, REMAP_COPY_SECTORS);
	m->dirty = kvcalloc(BITS_TO_LONGS(m->regions), sizeof(long), GFP_NOIO);
	m->copying = kvcalloc(BITS_TO_LONGS(m->regions), sizeof(long), GFP_NOIO);
	return m->dirty && m->copying ? 0 : -ENOMEM;
}

/* Under move_lock: all is there; does the state of things allow it? */
static int remap_migration_start(struct remap_c *rc, struct remap_migration *m)
{
	u64 remapped = remap_table_totals(rc->table).remapped;
	bool prepared;
	int r;

	if (!remap_table_is_writable(rc))
		return remap_migration_refuse(rc, -EROFS, "the table is read-only");
	if (rc->meta->super->ro_compat)
		return remap_migration_refuse(rc, -EROFS,
					      "the metadata has features that this version does not know");
	if (!rc->running || READ_ONCE(rc->stopping))
		return remap_migration_refuse(rc, -EBUSY,
					      "the device is suspended: resume it first");
	if (rc->migrating.now)
		return remap_migration_refuse(rc, -EBUSY, "a migration is under way already");
	r = remap_migration_alloc(rc, m);
	if (r)
		return r;
	if (remapped > m->side.slots) {
		remap_err(rc, "migrate: the new spare has %llu slots, %llu are needed",
			  m->side.slots, remapped);
		return -ENOSPC;
	}
	r = remap_migration_inspect(rc, m, &prepared);
	if (r)
		return r;
	m->step = prepared ? remap_migration_step_mark : remap_migration_step_blank;
	spin_lock(&rc->table_lock);
	rc->migrating.state = REMAP_MIGRATION_RUNNING;
	rc->migrating.copied = 0;
	rc->migrating.total = remapped;
	rc->migrating.lost = 0;
	rc->migrating.reason = "none";
	spin_unlock(&rc->table_lock);
	/* Pairs with the dependency in remap_migration_mark(). */
	smp_store_release(&rc->migrating.now, m);
	remap_migration_resume(rc);
	return 0;
}

/**
 * remap_migration_begin() - Begin to move to another spare.
 * @rc: the target
 * @path: the device
 * @start: where its range begins, in sectors
 * @len: sectors; 0: all that there are
 *
 * Return: 0 or a negative errno; the reason is in the log.
 */
int remap_migration_begin(struct remap_c *rc, const char *path, u64 start, u64 len)
{
	struct remap_migration *m;
	int r;

	if (!rc->meta)
		return remap_migration_refuse(rc, -EOPNOTSUPP,
					      "a volatile table has no metadata to move");
	/* Asked again under the lock; but to open a device takes locks that a suspend may need. */
	if (!READ_ONCE(rc->running) || READ_ONCE(rc->stopping))
		return remap_migration_refuse(rc, -EBUSY, "the device is suspended: resume it");
	m = kzalloc(sizeof(*m), GFP_NOIO);
	if (!m)
		return -ENOMEM;
	r = dm_get_device(rc->ti, path, dm_table_get_mode(rc->ti->table), &m->side.dev);
	if (r) {
		remap_err(rc, "migrate: %s cannot be opened", path);
		/* As some kernels say that there is none. */
		if (r == -ENOENT)
			r = -ENODEV;
		goto bad_device;
	}
	m->side.start = start;
	m->side.len = len ?: round_down(bdev_nr_sectors(m->side.dev->bdev) - start,
					(u64)rc->unit);
	r = remap_migration_check(rc, &m->side) ?: remap_claim(rc, &m->side);
	if (r)
		goto bad_device;
	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		goto bad_lock;
	r = remap_migration_start(rc, m);
	mutex_unlock(&rc->move_lock);
	if (!r) {
		remap_info(rc, "migration from %s to %s begins", rc->spare->name, path);
		return 0;
	}
bad_lock:
	remap_unclaim(rc);
bad_device:
	remap_migration_free(rc, m);
	return r;
}
