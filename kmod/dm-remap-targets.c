// SPDX-License-Identifier: GPL-2.0-only
/*
 * All targets there are: who may exist beside whom, and who takes over from whom.
 */
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
	       a->spare_len == b->spare_len && a->unit == b->unit;
}

static bool remap_overlap(const struct dm_dev *a, sector_t a_start, sector_t a_len,
			  const struct dm_dev *b, sector_t b_start, sector_t b_len)
{
	return a->bdev == b->bdev && a_start < b_start + b_len && b_start < a_start + a_len;
}

/* May @rc exist beside @other? A spare range has one owner; a new table must know the old one's. */
static char *remap_conflict(const struct remap_c *rc, const struct remap_c *other)
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
	if (other->active && remap_table_totals(other->table).remapped &&
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

void remap_unregister(struct remap_c *rc)
{
	mutex_lock(&remap_targets_lock);
	list_del(&rc->list);
	mutex_unlock(&remap_targets_lock);
}

/* A new table takes over what the old one, suspended and about to be destroyed, has relocated. */
int remap_take_over(struct remap_c *rc)
{
	struct remap_c *other;
	int r = 0;

	mutex_lock(&remap_targets_lock);
	list_for_each_entry(other, &remap_targets, list) {
		if (other == rc || !other->active || remap_md(other) != remap_md(rc) ||
		    other->ti->table == rc->ti->table)
			continue;
		if (remap_same_geometry(rc, other)) {
			remap_debugfs_remove(other);
			mutex_lock(&rc->move_lock);
			spin_lock(&rc->table_lock);
			swap(rc->table, other->table);
			spin_unlock(&rc->table_lock);
			mutex_unlock(&rc->move_lock);
			other->active = false;
			break;
		}
		if (remap_conflict(rc, other)) {
			remap_err(rc, "refused: %s", remap_conflict(rc, other));
			r = -EBUSY;
			break;
		}
	}
	if (!r) {
		rc->active = true;
		remap_debugfs_add(rc);
	}
	mutex_unlock(&remap_targets_lock);
	return r;
}
