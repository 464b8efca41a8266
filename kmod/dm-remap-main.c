// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-remap: a software spare area under any file system.
 *
 * The target's life: construct, activate, suspend, hand over to a new table, report, destroy.
 */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "dm-remap-debugfs.h"
#include "dm-remap-io.h"
#include "dm-remap-messages.h"
#include "dm-remap-metadata.h"
#include "dm-remap-stats.h"
#include "dm-remap-table.h"
#include "dm-remap-targets.h"
#include "dm-remap-verify.h"

unsigned int remap_debug_level;
DEFINE_STATIC_KEY_FALSE(remap_log_ios);
DEFINE_STATIC_KEY_FALSE(remap_verifies);
unsigned int remap_max_remaps = 1024;

void remap_err(const struct remap_c *rc, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	DMERR("%s: %pV", rc->name, &vaf);
	va_end(args);
}

void remap_info(const struct remap_c *rc, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	DMINFO("%s: %pV", rc->name, &vaf);
	va_end(args);
}

static void remap_put_devices(struct remap_c *rc)
{
	if (rc->spare)
		dm_put_device(rc->ti, rc->spare);
	if (rc->main)
		dm_put_device(rc->ti, rc->main);
}

static struct remap_c *remap_alloc(struct dm_target *ti)
{
	struct remap_c *rc = kzalloc(sizeof(*rc), GFP_KERNEL);

	if (!rc)
		return NULL;
	rc->ti = ti;
	mutex_init(&rc->move_lock);
	spin_lock_init(&rc->table_lock);
	spin_lock_init(&rc->held_lock);
	bio_list_init(&rc->held);
	init_waitqueue_head(&rc->drained);
	remap_trace_init(&rc->trace);
	return rc;
}

static void remap_free(struct remap_c *rc)
{
	remap_put_devices(rc);
	mutex_destroy(&rc->move_lock);
	kfree(rc->args);
	kfree(rc);
}

static void remap_read_name(struct remap_c *rc)
{
	if (dm_copy_name_and_uuid(dm_table_get_md(rc->ti->table), rc->name, NULL))
		strscpy(rc->name, dm_table_device_name(rc->ti->table), sizeof(rc->name));
}

static int remap_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct remap_c *rc = remap_alloc(ti);
	int r;

	if (!rc) {
		ti->error = "Cannot allocate the target";
		return -ENOMEM;
	}
	remap_read_name(rc);
	r = remap_parse_args(rc, argc, argv);
	if (r)
		goto bad_args;
	r = remap_alloc_resources(rc);
	if (r)
		goto bad_args;
	r = remap_register(rc);
	if (r)
		goto bad_register;

	ti->private = rc;
	ti->per_io_data_size = sizeof(struct remap_io);
	ti->num_flush_bios = 2;
	/* Even if no device has a cache now: a migration may bring one that has. */
	ti->flush_supported = !rc->features.is_volatile;
	ti->num_discard_bios = 1;
	ti->discards_supported = bdev_max_discard_sectors(rc->main->bdev) > 0;
	ti->num_write_zeroes_bios = 1;
	if (rc->crcs)
		remap_crcs_stable_target(ti);
	/* A bio that was held is accounted when it is submitted. */
	ti->accounts_remapped_io = true;
	return 0;

bad_register:
	remap_free_resources(rc);
bad_args:
	remap_free(rc);
	return r;
}

static void remap_dtr(struct dm_target *ti)
{
	struct remap_c *rc = ti->private;

	remap_debugfs_remove(rc);
	remap_unregister(rc);
	remap_free_resources(rc);
	remap_free(rc);
}

/* The devices may have been resized since the table was loaded. */
static int remap_check_size(struct remap_c *rc, struct dm_dev *dev, sector_t end)
{
	if (bdev_nr_sectors(dev->bdev) >= end)
		return 0;
	remap_err(rc, "device %s has shrunk: %llu sectors, %llu needed", dev->name,
		  (u64)bdev_nr_sectors(dev->bdev), (u64)end);
	return -EINVAL;
}

static int remap_preresume(struct dm_target *ti)
{
	struct remap_c *rc = ti->private;
	char name[DM_NAME_LEN];
	int r;

	strscpy(name, rc->name, sizeof(name));
	remap_read_name(rc);
	/* A table that has served must go on: what fails then fails as I/O. */
	if (rc->active) {
		if (strcmp(name, rc->name)) {
			remap_debugfs_remove(rc);
			remap_debugfs_add(rc);
		}
		return 0;
	}
	r = remap_take_over(rc);
	if (r)
		return r;
	r = remap_check_size(rc, rc->main, rc->main_start + ti->len) ?:
	    remap_check_size(rc, rc->spare, rc->spare_start + rc->spare_len);
	if (!r && rc->meta)
		r = remap_meta_activate(rc);
	else if (!r && !rc->owner)
		r = remap_refuse_metadata(rc);
	if (r)
		return r;
	remap_activate(rc);
	return 0;
}

static void remap_resume(struct dm_target *ti)
{
	struct remap_c *rc = ti->private;

	WRITE_ONCE(rc->stopping, false);
	/* Before any I/O: nobody replaces the table from now on. */
	mutex_lock(&rc->move_lock);
	rc->running = true;
	mutex_unlock(&rc->move_lock);
	remap_health_resume(rc);
	remap_scan_resume(rc);
	remap_migration_resume(rc);
}

/* Comes before dm core blocks I/O and waits for the message that may be moving. */
static void remap_presuspend(struct dm_target *ti)
{
	struct remap_c *rc = ti->private;

	WRITE_ONCE(rc->stopping, true);
	rc->noflush = dm_noflush_suspending(ti);
	remap_scan_pause(rc);
}

/* All I/O has ended; what its end has queued has not. */
static void remap_postsuspend(struct dm_target *ti)
{
	struct remap_c *rc = ti->private;

	remap_scan_wait(rc);
	remap_migration_suspended(rc);
	flush_workqueue(rc->wq);
	remap_meta_suspend(rc);
	/* An heir may take the table from here on: what there is to tell of it is told now. */
	remap_health_pause(rc);
	flush_work(&rc->events.work);
}

static void remap_status(struct dm_target *ti, status_type_t type, unsigned int status_flags,
			 char *result, unsigned int maxlen)
{
	struct remap_c *rc = ti->private;
	u64 spare_start, spare_len;
	unsigned int sz = 0;
	char spare[16];

	remap_spare_now(rc, spare, sizeof(spare), &spare_start, &spare_len);

	switch (type) {
	case STATUSTYPE_INFO:
		remap_print_status(rc, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s %llu %s %llu %llu%s", rc->main->name, (u64)rc->main_start, spare,
		       spare_start, spare_len, rc->args);
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",main=%s,main_start=%llu,spare=%s,spare_start=%llu,spare_len=%llu;",
		       rc->main->name, (u64)rc->main_start, spare, spare_start, spare_len);
		break;
	}
}

static int remap_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct remap_c *rc = ti->private;

	return fn(ti, rc->main, rc->main_start, ti->len, data) ?:
	       fn(ti, rc->spare, rc->spare_start, rc->spare_len, data);
}

static void remap_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	struct remap_c *rc = ti->private;

	if (rc->crcs)
		remap_crcs_stable_limits(limits);
}

static struct target_type remap_target = {
	.name = "remap",
	.version = { 3, 2, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = remap_ctr,
	.dtr = remap_dtr,
	.map = remap_map,
	.end_io = remap_end_io,
	.presuspend = remap_presuspend,
	.presuspend_undo = remap_resume,
	.preresume = remap_preresume,
	.resume = remap_resume,
	.postsuspend = remap_postsuspend,
	.status = remap_status,
	.message = remap_message,
	.iterate_devices = remap_iterate_devices,
	.io_hints = remap_io_hints,
};

static int remap_set_debug_level(const char *value, const struct kernel_param *param)
{
	int r = param_set_uint_minmax(value, param, 0, 2);

	if (!r && remap_debug_level >= 2)
		static_branch_enable(&remap_log_ios);
	else if (!r)
		static_branch_disable(&remap_log_ios);
	return r;
}

static const struct kernel_param_ops remap_debug_level_ops = {
	.set = remap_set_debug_level,
	.get = param_get_uint,
};

module_param_cb(debug_level, &remap_debug_level_ops, &remap_debug_level, 0644);
MODULE_PARM_DESC(debug_level, "0: errors and state changes, 1: each relocation, 2: each I/O");
module_param_named(max_remaps, remap_max_remaps, uint, 0644);
MODULE_PARM_DESC(max_remaps, "Most sectors a new target may relocate, unless its table line says otherwise; 0: as many as its spare holds");

module_param_named(max_remaps_per_minute, remap_max_per_minute, uint, 0644);
MODULE_PARM_DESC(max_remaps_per_minute, "Most blocks that a target may relocate by itself within a minute; 0: any number");

static int __init remap_init(void)
{
	int r;

	remap_debugfs_module_init();
	r = dm_register_target(&remap_target);
	if (r)
		remap_debugfs_module_exit();
	return r;
}

static void __exit remap_exit(void)
{
	dm_unregister_target(&remap_target);
	remap_debugfs_module_exit();
}

module_init(remap_init);
module_exit(remap_exit);

MODULE_DESCRIPTION(DM_NAME " target that relocates failing sectors to a spare device");
MODULE_AUTHOR("The dm-remap developers");
MODULE_VERSION(REMAP_VERSION);
MODULE_LICENSE("GPL");
