// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target itself: construct, judge each request, note what became of it.
 */
#include <linux/bitmap.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sweep_nth.h"

#define SWEEP_MAX_SECTORS 65536

const char * const sweep_op_names[SWEEP_NR_OPS] = { "read", "write", "flush" };

const struct sweep_status sweep_statuses[SWEEP_NR_STATUSES] = {
	[SWEEP_MEDIUM] = { "medium", BLK_STS_MEDIUM },
	[SWEEP_IOERR] = { "ioerr", BLK_STS_IOERR },
	[SWEEP_TRANSPORT] = { "transport", BLK_STS_TRANSPORT },
};

LIST_HEAD(sweep_groups);
/* The list, the instances of each group, and that they stay. */
DEFINE_MUTEX(sweep_groups_lock);

static struct sweep_group *sweep_group_find(unsigned int id)
{
	struct sweep_group *group;

	list_for_each_entry(group, &sweep_groups, list) {
		if (group->id == id)
			return group;
	}
	group = kvzalloc(sizeof(*group), GFP_KERNEL);
	if (group) {
		group->id = id;
		spin_lock_init(&group->lock);
		INIT_LIST_HEAD(&group->devs);
		list_add(&group->list, &sweep_groups);
	}
	return group;
}

static int sweep_join(struct sweep_dev *dev, unsigned int id)
{
	mutex_lock(&sweep_groups_lock);
	dev->group = sweep_group_find(id);
	if (dev->group)
		list_add(&dev->list, &dev->group->devs);
	mutex_unlock(&sweep_groups_lock);
	return dev->group ? 0 : -ENOMEM;
}

static void sweep_leave(struct sweep_dev *dev)
{
	mutex_lock(&sweep_groups_lock);
	list_del(&dev->list);
	if (list_empty(&dev->group->devs)) {
		list_del(&dev->group->list);
		kvfree(dev->group);
	}
	mutex_unlock(&sweep_groups_lock);
}

static int sweep_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct sweep_dev *dev;
	unsigned int id;
	int r = -ENOMEM;

	if (argc != 3 || kstrtouint(argv[1], 10, &id) || ti->len > SWEEP_MAX_SECTORS) {
		ti->error = "Expected: <device> <group> <name>, not too long";
		return -EINVAL;
	}
	ti->error = "Cannot construct";
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	dev->dirty = bitmap_zalloc(ti->len, GFP_KERNEL);
	dev->name = kstrdup(argv[2], GFP_KERNEL);
	if (!dev->dirty || !dev->name)
		goto bad;
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &dev->dev);
	if (r)
		goto bad;
	r = sweep_join(dev, id);
	if (r) {
		dm_put_device(ti, dev->dev);
		goto bad;
	}
	dev->ti = ti;
	ti->private = dev;
	ti->per_io_data_size = sizeof(struct sweep_io);
	ti->num_flush_bios = 1;
	/* Flushes and FUA shall come down here, whatever the device below would need of them. */
	ti->flush_supported = true;
	return 0;

bad:
	kfree(dev->name);
	bitmap_free(dev->dirty);
	kfree(dev);
	return r;
}

static void sweep_dtr(struct dm_target *ti)
{
	struct sweep_dev *dev = ti->private;

	sweep_leave(dev);
	dm_put_device(ti, dev->dev);
	kfree(dev->name);
	bitmap_free(dev->dirty);
	kfree(dev);
}

static enum sweep_op sweep_op_of(const struct bio *bio)
{
	if (!bio_sectors(bio))
		return SWEEP_FLUSH;
	return op_is_write(bio_op(bio)) ? SWEEP_WRITE : SWEEP_READ;
}

/* Is it the Nth, or does it fail with the Nth? */
static bool sweep_hit(struct sweep_dev *dev, enum sweep_op op, sector_t sector,
		      unsigned int sectors)
{
	struct sweep_group *group = dev->group;
	sector_t bad;

	/* While the Nth waits, the others neither count nor fail: its time has not come yet. */
	if (!group->armed || group->parked)
		return false;
	group->count++;
	if (!group->fired && group->count == group->nth) {
		group->fired = true;
		group->victim = dev;
		group->victim_op = op;
		group->victim_first = sector;
		group->victim_sectors = sectors;
		return true;
	}
	if (!group->fired || group->victim != dev)
		return false;
	switch (group->mode) {
	case SWEEP_GONE:
		return true;
	case SWEEP_SECTOR:
		bad = group->victim_first + group->victim_sectors / 2;
		/* Of a flush: no flush of this device succeeds any more. */
		return op == group->victim_op &&
		       (op == SWEEP_FLUSH || (bad >= sector && bad < sector + sectors));
	default:
		return false;
	}
}

static bool sweep_meets_bad(struct sweep_dev *dev, enum sweep_op op, sector_t sector,
			    unsigned int sectors, unsigned int *status)
{
	unsigned int i;

	for (i = 0; i < dev->bads; i++) {
		struct sweep_bad *bad = &dev->bad[i];

		if (bad->op != op || bad->first >= sector + sectors || bad->last < sector)
			continue;
		*status = bad->status;
		if (bad->times && sector == bad->first && sector + sectors - 1 == bad->last &&
		    !--bad->times)
			*bad = dev->bad[--dev->bads];
		return true;
	}
	return false;
}

/* Does it fail, and how; @parks: later. */
static bool sweep_judge(struct dm_target *ti, struct bio *bio, sector_t sector,
			unsigned int *status, bool *parks)
{
	struct sweep_dev *dev = ti->private;
	struct sweep_group *group = dev->group;
	unsigned int sectors = bio_sectors(bio);
	enum sweep_op op = sweep_op_of(bio);
	unsigned long flags;
	bool hit, fails;

	spin_lock_irqsave(&group->lock, flags);
	*status = group->status;
	hit = sweep_hit(dev, op, sector, sectors);
	fails = hit || sweep_meets_bad(dev, op, sector, sectors, status);
	if (fails && op == SWEEP_FLUSH) {
		group->flushes++;
		group->flush_faults += hit;
	} else if (op == SWEEP_FLUSH) {
		bitmap_zero(dev->dirty, ti->len);
	}
	*parks = hit && group->parks;
	if (*parks) {
		group->parks = false;
		group->parked = bio;
	}
	spin_unlock_irqrestore(&group->lock, flags);
	return fails;
}

static int sweep_map(struct dm_target *ti, struct bio *bio)
{
	struct sweep_dev *dev = ti->private;
	struct sweep_io *io = dm_per_bio_data(bio, sizeof(*io));
	unsigned int status;
	bool parks;

	io->sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	io->sectors = bio_sectors(bio);
	io->fua = bio->bi_opf & REQ_FUA;
	if (sweep_judge(ti, bio, io->sector, &status, &parks)) {
		if (!parks) {
			bio->bi_status = sweep_statuses[status].status;
			bio_endio(bio);
		}
		return DM_MAPIO_SUBMITTED;
	}
	bio_set_dev(bio, dev->dev->bdev);
	bio->bi_iter.bi_sector = io->sector;
	return DM_MAPIO_REMAPPED;
}

static int sweep_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct sweep_dev *dev = ti->private;
	struct sweep_io *io = dm_per_bio_data(bio, sizeof(*io));
	unsigned long flags;

	if (*error || !io->sectors || !op_is_write(bio_op(bio)))
		return DM_ENDIO_DONE;
	spin_lock_irqsave(&dev->group->lock, flags);
	if (io->fua)
		bitmap_clear(dev->dirty, io->sector, io->sectors);
	else
		bitmap_set(dev->dirty, io->sector, io->sectors);
	spin_unlock_irqrestore(&dev->group->lock, flags);
	return DM_ENDIO_DONE;
}

static int sweep_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
			 unsigned int maxlen)
{
	if (maxlen)
		result[0] = '\0';
	return sweep_do(ti->private, argc, argv, result, maxlen);
}

static int sweep_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct sweep_dev *dev = ti->private;

	return fn(ti, dev->dev, 0, ti->len, data);
}

static struct target_type sweep_target = {
	.name = "sweep_nth",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.ctr = sweep_ctr,
	.dtr = sweep_dtr,
	.map = sweep_map,
	.end_io = sweep_end_io,
	.message = sweep_message,
	.iterate_devices = sweep_iterate_devices,
};

static int __init sweep_init(void)
{
	return dm_register_target(&sweep_target);
}

static void __exit sweep_exit(void)
{
	dm_unregister_target(&sweep_target);
}

module_init(sweep_init);
module_exit(sweep_exit);

MODULE_DESCRIPTION(DM_NAME " target for tests that fails the Nth request");
MODULE_LICENSE("GPL");
