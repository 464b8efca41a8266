// SPDX-License-Identifier: GPL-2.0-only
/*
 * All targets there are: who may exist beside whom, and who takes over from whom.
 */
#include <linux/debugfs.h>
#include <linux/device-mapper.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include "dm-remap-debugfs.h"
#include "dm-remap-table.h"
#include "dm-remap-targets.h"

/* All targets there are, active or not. The lock is taken inside no other lock of ours. */
static LIST_HEAD(remap_targets);
static DEFINE_MUTEX(remap_targets_lock);

static struct mapped_device *remap_md(const struct remap_c *rc)
{
	return dm_table_get_md(rc->ti->table);
}

static bool remap_same_geometry(const struct remap_c *a, const struct remap_c *b)
{
	return a->ti->begin == b->ti->begin && a->ti->len == b->ti->len &&
	       a->main->bdev == b->main->bdev && a->main_start == b->main_start &&
	       a->spare->bdev == b->spare->bdev && a->spare_start == b->spare_start &&
	       a->spare_len == b->spare_len && a->unit == b->unit && !a->meta == !b->meta;
}

static bool remap_overlap(const struct dm_dev *a, sector_t a_start, sector_t a_len,
			  const struct dm_dev *b, sector_t b_start, sector_t b_len)
{
	return a->bdev == b->bdev && a_start < b_start + b_len && b_start < a_start + a_len;
}

/* Sectors that a target has relocated; its table may be replaced by another, see remap_load(). */
static u64 remap_relocated(struct remap_c *rc)
{
	u64 relocated;

	spin_lock(&rc->table_lock);
	relocated = remap_table_totals(rc->table).remapped;
	spin_unlock(&rc->table_lock);
	return relocated;
}

/* May @rc exist beside @other? A spare range has one owner; a new table must know the old one's. */
static char *remap_conflict(const struct remap_c *rc, struct remap_c *other)
{
	bool same_md = remap_md(rc) == remap_md(other);

	if (!same_md || rc->ti->table == other->ti->table) {
		if (remap_overlap(rc->spare, rc->spare_start, rc->spare_len, other->spare,
				  other->spare_start, other->spare_len))
			return "spare_dev: its range is the spare of another remap target";
		if (remap_overlap(rc->spare, rc->spare_start, rc->spare_len, other->main,
				  other->main_start, other->ti->len))
			return "spare_dev: its range is main of another remap target";
		if (remap_overlap(rc->main, rc->main_start, rc->ti->len, other->spare,
				  other->spare_start, other->spare_len))
			return "main_dev: its range is the spare of another remap target";
		return NULL;
	}
	if (other->owner && (other->relocating || remap_relocated(other)) &&
	    rc->ti->begin < other->ti->begin + other->ti->len &&
	    other->ti->begin < rc->ti->begin + rc->ti->len && !remap_same_geometry(rc, other))
		return "The active table has relocated sectors: keep its layout, or clear it first";
	return NULL;
}

/* Enter the list of targets, unless one of them objects. */
int remap_register(struct remap_c *rc)
{
	struct remap_c *other;
	char *error = NULL;

	mutex_lock(&remap_targets_lock);
	list_for_each_entry(other, &remap_targets, list) {
		error = remap_conflict(rc, other);
		if (error)
			break;
	}
	if (!error)
		list_add(&rc->list, &remap_targets);
	mutex_unlock(&remap_targets_lock);

	if (error)
		rc->ti->error = error;
	return error ? -EBUSY : 0;
}

/* Two tables of one device; nothing uses the table that @heir has of its own. */
static bool remap_is_heir(const struct remap_c *heir, const struct remap_c *rc)
{
	return heir != rc && !heir->owner && remap_md(heir) == remap_md(rc) &&
	       heir->ti->table != rc->ti->table && remap_same_geometry(heir, rc);
}

static void remap_hand_over(struct remap_c *rc, struct remap_c *heir)
{
	mutex_lock(&heir->move_lock);
	spin_lock(&heir->table_lock);
	swap(heir->table, rc->table);
	swap(heir->meta, rc->meta);
	spin_unlock(&heir->table_lock);
	mutex_unlock(&heir->move_lock);
	remap_scan_hand_over(rc, heir);
	remap_devices_hand_over(rc, heir);
	heir->flush_failed = rc->flush_failed;
	rc->owner = false;
	heir->owner = true;
}

/**
 * remap_unregister() - Leave the list of targets.
 * @rc: a target that is being destroyed
 *
 * dm core destroys the old table even if the new one could not be resumed (dm-ioctl.c,
 * do_resume()): then what is relocated must not go with it, or the next resume would read main's
 * old content.
 */
void remap_unregister(struct remap_c *rc)
{
	struct remap_c *heir;
	u64 forgotten = 0;

	mutex_lock(&remap_targets_lock);
	list_del(&rc->list);
	/* What lies on the spare is found there again. */
	if (rc->owner && !rc->meta)
		forgotten = remap_relocated(rc);
	/* A device that runs has another table for its truth, and may have changed since. */
	if (forgotten && dm_suspended(rc->ti)) {
		list_for_each_entry(heir, &remap_targets, list) {
			if (remap_is_heir(heir, rc)) {
				remap_hand_over(rc, heir);
				forgotten = 0;
				break;
			}
		}
	}
	mutex_unlock(&remap_targets_lock);
	if (forgotten)
		remap_info(rc, "%llu relocated sectors are forgotten with the volatile table",
			   forgotten);
}

/*
 * The names in debugfs go to the new table. Readers there may take their time, and the lock is
 * everybody's: it is not held meanwhile. The old table stays until the resume is over.
 */
static void remap_take_names(struct remap_c *rc)
{
	struct remap_c *other;
	struct dentry *dir;

	do {
		dir = NULL;
		mutex_lock(&remap_targets_lock);
		list_for_each_entry(other, &remap_targets, list) {
			if (remap_md(other) == remap_md(rc) && other->ti->table != rc->ti->table)
				dir = xchg(&other->debugfs, NULL);
			if (dir)
				break;
		}
		mutex_unlock(&remap_targets_lock);
		debugfs_remove(dir);
	} while (dir);
}

/**
 * remap_take_over() - Before the first resume: take what the old table has relocated.
 * @rc: a target of a new table; the old table is suspended and about to be destroyed
 *
 * Return: 0, or -EBUSY if it does not fit; @rc never starts then.
 */
int remap_take_over(struct remap_c *rc)
{
	struct remap_c *other;
	char *error = NULL;

	remap_take_names(rc);
	mutex_lock(&remap_targets_lock);
	list_for_each_entry(other, &remap_targets, list) {
		if (remap_md(other) != remap_md(rc) || other->ti->table == rc->ti->table)
			continue;
		if (other->owner && remap_is_heir(rc, other))
			remap_hand_over(other, rc);
		else
			error = error ?: remap_conflict(rc, other);
	}
	rc->refused = rc->refused || error;
	mutex_unlock(&remap_targets_lock);

	if (rc->refused)
		remap_err(rc, "refused: %s", error ?: "what was relocated went with the old table");
	return rc->refused ? -EBUSY : 0;
}

/* The first resume succeeds: from now on this table is the device's. */
void remap_activate(struct remap_c *rc)
{
	mutex_lock(&remap_targets_lock);
	rc->owner = true;
	rc->active = true;
	mutex_unlock(&remap_targets_lock);
	remap_debugfs_add(rc);
}

/**
 * remap_relocation_begin() - Announce a relocation, so that no table is loaded that cannot keep it.
 * @rc: the target
 *
 * Return: 0, or -EBUSY if such a table has been loaded.
 */
int remap_relocation_begin(struct remap_c *rc)
{
	struct remap_c *other;
	int r = 0;

	mutex_lock(&remap_targets_lock);
	rc->relocating++;
	list_for_each_entry(other, &remap_targets, list) {
		if (remap_md(other) == remap_md(rc) && other->ti->table != rc->ti->table &&
		    !other->owner && remap_conflict(other, rc))
			r = -EBUSY;
	}
	if (r)
		rc->relocating--;
	mutex_unlock(&remap_targets_lock);
	return r;
}

void remap_relocation_end(struct remap_c *rc)
{
	mutex_lock(&remap_targets_lock);
	rc->relocating--;
	mutex_unlock(&remap_targets_lock);
}
