// SPDX-License-Identifier: GPL-2.0-only
/*
 * All targets there are: who may exist beside whom, and who takes over from whom.
 */
#include <linux/debugfs.h>
#include <linux/device-mapper.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include "dm-remap-debugfs.h"
#include "dm-remap-metadata.h"
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

/*
 * The same sectors, with the spare on another device: it may be the same that has come back. As
 * long as @b's is there, it is not: somebody has made a copy, which is older by now.
 */
static bool remap_is_other_spare(const struct remap_c *a, const struct remap_c *b)
{
	return remap_is_unplugged(b->spare->bdev) && a->ti->begin == b->ti->begin &&
	       a->ti->len == b->ti->len &&
	       a->main->bdev == b->main->bdev && a->main_start == b->main_start &&
	       a->spare->bdev != b->spare->bdev && a->spare_start == b->spare_start &&
	       a->spare_len == b->spare_len && a->unit == b->unit && a->meta && b->meta;
}

/* Some of the same sectors: it was to take over, and could not. */
static bool remap_is_refused_heir(const struct remap_c *rc, const struct remap_c *other)
{
	return other->heritage.expected && !other->active &&
	       rc->ti->begin < other->ti->begin + other->ti->len &&
	       other->ti->begin < rc->ti->begin + rc->ti->len;
}

static struct remap_span remap_main_span(const struct remap_c *rc)
{
	return (struct remap_span) { rc->main->bdev, rc->main_start, rc->ti->len };
}

static struct remap_span remap_spare_span(struct remap_c *rc)
{
	struct remap_span span;

	/* A migration may change them. */
	spin_lock(&rc->table_lock);
	span = (struct remap_span) { rc->spare->bdev, rc->spare_start, rc->spare_len };
	spin_unlock(&rc->table_lock);
	return span;
}

static bool remap_overlap(struct remap_span a, struct remap_span b)
{
	return a.bdev == b.bdev && a.start < b.start + b.len && b.start < a.start + a.len;
}

static bool remap_is_claimed(const struct remap_c *rc, struct remap_span span)
{
	return rc->claim.bdev && remap_overlap(rc->claim, span);
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
static char *remap_conflict(struct remap_c *rc, struct remap_c *other)
{
	struct remap_span main = remap_main_span(rc), spare = remap_spare_span(rc);
	bool same_md = remap_md(rc) == remap_md(other);

	if (!same_md || rc->ti->table == other->ti->table) {
		if (remap_overlap(spare, remap_spare_span(other)))
			return "spare_dev: its range is the spare of another remap target";
		if (remap_overlap(spare, remap_main_span(other)))
			return "spare_dev: its range is main of another remap target";
		if (remap_overlap(main, remap_spare_span(other)))
			return "main_dev: its range is the spare of another remap target";
		if (remap_is_claimed(other, spare) || remap_is_claimed(other, main))
			return "a migration of another remap target goes to this range";
		return NULL;
	}
	if (other->claim.bdev)
		return "A migration is under way: wait for its end, or stop it";
	if (remap_is_other_spare(rc, other))
		return NULL;
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
	heir->slots_unflushed = rc->slots_unflushed;
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

/*
 * The spare of @other is gone, and another device comes in its place. That has to have what was
 * relocated, or it would be lost without anybody noticing.
 */
static void remap_inherit(struct remap_c *rc, struct remap_c *other)
{
	const struct remap_meta *meta = other->meta;

	if (other->owner && remap_relocated(other)) {
		rc->heritage.expected = true;
		memcpy(rc->heritage.uuid, meta->super->header.uuid, sizeof(rc->heritage.uuid));
		rc->heritage.generation = meta->generation;
		rc->heritage.journal_used = meta->journal_used;
	} else if (other->heritage.expected && !other->active) {
		/* It could not be resumed. */
		rc->heritage = other->heritage;
	} else if (!other->owner) {
		return;
	}
	rc->flush_failed |= other->flush_failed;
	/* It may have lost its cache with its power: who flushes next is told. */
	if (READ_ONCE(other->slots_unflushed))
		set_bit(true, &rc->flush_failed);
	spin_lock(&rc->table_lock);
	swap(rc->table->counters, other->table->counters);
	spin_unlock(&rc->table_lock);
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
		/* One that was refused has only passed on what it was to be measured by. */
		if (!error && (remap_is_other_spare(rc, other) || remap_is_refused_heir(rc, other)))
			remap_inherit(rc, other);
	}
	if (!error && rc->heritage.expected && !rc->meta && !rc->owner)
		error = "what was relocated is on a spare with metadata";
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

/**
 * remap_claim() - A migration is to go there: nobody else may.
 * @rc: the target
 * @side: where to
 *
 * Until remap_unclaim().
 *
 * Return: 0 or -EBUSY; the reason is in the log.
 */
int remap_claim(struct remap_c *rc, const struct remap_spare_side *side)
{
	struct remap_span span = { side->dev->bdev, side->start, side->len };
	const char *error = NULL;
	struct remap_c *other;

	mutex_lock(&remap_targets_lock);
	if (rc->claim.bdev)
		error = "a migration is under way already";
	list_for_each_entry(other, &remap_targets, list) {
		if (error)
			break;
		if (remap_overlap(span, remap_main_span(other)))
			error = "the new spare's range is main of a remap target";
		else if (remap_overlap(span, remap_spare_span(other)))
			error = "the new spare's range is the spare of a remap target";
		else if (remap_is_claimed(other, span))
			error = "another migration goes to the new spare";
		else if (remap_md(other) == remap_md(rc) && other->ti->table != rc->ti->table)
			error = "another table is loaded: resume or clear it first";
	}
	if (!error)
		rc->claim = span;
	mutex_unlock(&remap_targets_lock);

	if (error)
		remap_err(rc, "migrate: %s", error);
	return error ? -EBUSY : 0;
}

void remap_unclaim(struct remap_c *rc)
{
	mutex_lock(&remap_targets_lock);
	rc->claim.bdev = NULL;
	mutex_unlock(&remap_targets_lock);
}

void remap_relocation_end(struct remap_c *rc)
{
	mutex_lock(&remap_targets_lock);
	rc->relocating--;
	mutex_unlock(&remap_targets_lock);
}
