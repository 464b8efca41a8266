// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration, the switch: all I/O to relocated sectors is held, what is left is copied, and one
 * superblock makes the new spare the one that counts. I/O to main goes on all the time.
 */
#include <linux/blkdev.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"
#include "dm-remap-metadata.h"
#include "dm-remap-migrate.h"
#include "dm-remap-table.h"

/* From now on whoever meets a relocated sector waits; the next drain waits for the others. */
static void remap_switch_hold(struct remap_c *rc)
{
	WRITE_ONCE(rc->holding, true);
	/* No CPU goes by an extent that it remembers: see remap_map_tree(). */
	remap_table_touch(rc->table);
}

static void remap_switch_release(struct remap_c *rc)
{
	/* Whoever sees it under the lock is on the list before that is taken. */
	spin_lock(&rc->held_lock);
	WRITE_ONCE(rc->holding, false);
	spin_unlock(&rc->held_lock);
	remap_release_held(rc);
}

/* Sectors that are on main again: the new spare has no use for their copies. */
int remap_switch_drop(struct remap_c *rc, struct remap_table *copy)
{
	sector_t pos = 0, last, end;
	void *value;
	int r = 0;

	while (!r && (value = remap_table_next(copy, &pos, &last))) {
		if (remap_state(remap_table_at(rc->table, pos, &end)) == REMAP_MAIN) {
			last = min(last, end);
			r = remap_table_store(copy, pos, last, NULL);
			if (!r && remap_state(value) != REMAP_MAIN)
				remap_slots_free(&copy->slots, remap_spare_sector(value, pos),
						 last - pos + 1);
		} else {
			last = min(last, end);
		}
		pos = last + 1;
		cond_resched();
	}
	return r;
}

/* What is known of sectors on main; and how much has been lost on the way. */
static int remap_switch_add(struct remap_c *rc, struct remap_table *copy, u64 *lost)
{
	sector_t pos = 0, last;
	void *value;
	int r = 0;

	while (!r && (value = remap_table_next(rc->table, &pos, &last))) {
		struct remap_totals totals = {};

		if (remap_state(value) != REMAP_MAIN) {
			remap_table_count(copy, pos, last, &totals);
			*lost += remap_state(value) == REMAP_LOST || remap_is_wrong(value) ?
				 0 : totals.lost;
		} else if (remap_is_pending(value)) {
			unsigned long flags = remap_flags(value) & ~REMAP_DOUBT;

			r = remap_table_store(copy, pos, last, remap_value(REMAP_MAIN, flags, 0));
		}
		pos = last + 1;
		cond_resched();
	}
	return r;
}

/* The new table says of every sector what ours says, but for the place. */
static int remap_switch_settle(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_table *copy = m->side.table;
	u64 lost = 0;
	int r;

	r = remap_switch_drop(rc, copy) ?: remap_switch_add(rc, copy, &lost);
	if (r)
		return r;
	memset(&copy->totals, 0, sizeof(copy->totals));
	remap_table_count(copy, 0, copy->len - 1, &copy->totals);
	if (copy->totals.remapped != remap_table_totals(rc->table).remapped) {
		remap_err(rc, "migrate: %llu sectors copied, %llu relocated",
			  copy->totals.remapped, remap_table_totals(rc->table).remapped);
		return remap_migration_fail(rc, "incomplete", -EIO);
	}
	spin_lock(&rc->table_lock);
	rc->migrating.lost = lost;
	spin_unlock(&rc->table_lock);
	return 0;
}

/* The two sides change places; nobody is on his way to a slot. */
static void remap_switch_swap(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_spare_side *side = &m->side;
	struct remap_meta *from = rc->meta, *to = side->meta;
	struct remap_table *to_table;

	to->commits = from->commits;
	to->checkpoints = from->checkpoints;
	to->writes = from->writes;
	to->errors = from->errors;
	spin_lock(&rc->table_lock);
	spin_lock_irq(&rc->health.lock);
	side->table->history = rc->table->history;
	/* No CPU takes an extent that it remembers for one of the other table. */
	side->table->generation = rc->table->generation + 1;
	to_table = side->table;
	side->table = rc->table;
	/* With all that is in it, for those who look without a lock. */
	smp_store_release(&rc->table, to_table);
	swap(rc->meta, side->meta);
	swap(rc->spare, side->dev);
	swap(rc->spare_start, side->start);
	swap(rc->spare_len, side->len);
	swap(rc->slots_start, side->slots_start);
	swap(rc->slots, side->slots);
	spin_unlock_irq(&rc->health.lock);
	spin_unlock(&rc->table_lock);
	/* Before anybody is released: whoever has looked at the old table has gone. */
	synchronize_rcu();
}

/*
 * It was not to be: nobody shall believe what the new spare may say. If it cannot be told, being
 * newer than it tells; and if that cannot be written, the two must stay the same.
 */
static int remap_switch_undo(struct remap_c *rc, struct remap_migration *m)
{
	bool unsure, newer;

	remap_switch_swap(rc, m);
	remap_super_unlink(rc->meta->super);
	unsure = remap_migration_unfinish(rc, m);
	newer = remap_meta_is_writable(rc) && !remap_checkpoint(rc, NULL);
	if (!newer)
		remap_meta_degrade(rc, "the end of the migration could not be written");
	if (unsure)
		remap_err(rc, "migrate: the new spare %s may look as if it were in use: wipe it",
			  m->side.dev->name);
	if (unsure && !newer) {
		WRITE_ONCE(rc->meta->frozen, true);
		remap_err(rc, "slots are not written any more: wipe %s, suspend, send \"restore\" and resume",
			  m->side.dev->name);
	}
	return remap_migration_fail(rc, "new_spare", -EIO);
}

/* May the two have a cache in common? Of what is made of other devices nobody knows. */
static bool remap_may_share_cache(const struct block_device *a, const struct block_device *b)
{
	return a->bd_disk == b->bd_disk || a->bd_disk->fops->submit_bio ||
	       b->bd_disk->fops->submit_bio;
}

/*
 * The new spare is to flush the copies, once: devices forget what a failed flush was for. If it
 * fails, that was also for what came from above to a device with the same cache: who flushes next
 * there is told. If not, a flush there that has failed meanwhile may still have taken some copies.
 */
static int remap_switch_flush(struct remap_c *rc, struct remap_migration *m)
{
	struct block_device *bdevs[] = { rc->main->bdev, rc->spare->bdev };
	struct block_device *bdev = m->side.dev->bdev;
	struct remap_area old = remap_spare_area(rc);
	bool flushed = !blkdev_issue_flush(bdev), last = flushed;
	int i;

	for (i = 0; i < ARRAY_SIZE(bdevs); i++) {
		if (!remap_may_share_cache(bdevs[i], bdev))
			continue;
		if (!flushed)
			set_bit(i, &rc->flush_failed);
		last = last && rc->flush_failures[i] == m->flush_failures[i] &&
		       atomic_read(&rc->flush_errors[i]) == m->flush_seen[i];
	}
	if (!last)
		return remap_migration_fail(rc, "flush", -EIO);
	/*
	 * What was written to the old spare is to last as long as that one may count: nobody else
	 * flushes it any more. One that cannot do so is one to get away from; who flushes next is
	 * told.
	 */
	remap_flush_begin(rc);
	remap_flush(rc, &old);
	return 0;
}

/* Everything is on the new spare: make it the one that counts. */
static int remap_switch_commit(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_meta *meta = m->side.meta;
	struct remap_disk_super *super = meta->super;
	__le64 generation = rc->meta->super->header.generation;

	memcpy(super->main_id, rc->meta->super->main_id, sizeof(super->main_id));
	super->incompat = 0;
	super->linked_generation = generation;
	super->header.generation = generation;
	meta->generation = le64_to_cpu(generation);
	/* In the place of the mark: the one write that changes which spare counts. */
	meta->copy = 1;
	remap_table_shared(m->side.table);
	m->published = true;
	remap_switch_swap(rc, m);
	if (remap_checkpoint(rc, NULL))
		return remap_switch_undo(rc, m);
	m->unburied = !remap_migration_bury(rc, m);
	/* What is known of the old one's manners is not the new one's. */
	WRITE_ONCE(rc->devices.silent[true], false);
	rc->devices.bad_in_a_row = 0;
	if (remap_heal_super(rc))
		remap_meta_degrade(rc, "a superblock of the new spare could not be written");
	return 0;
}

/**
 * remap_migration_switch() - The last pass, and the switch.
 * @rc: the target; its move_lock is held
 * @m: its migration
 *
 * Return: 0, and @m has the old spare; or a negative errno, and the old spare is what it was.
 */
int remap_migration_switch(struct remap_c *rc, struct remap_migration *m)
{
	int r;

	remap_switch_hold(rc);
	m->last = true;
	remap_migration_begin_pass(rc, m);
	r = remap_migration_copy_all(rc, m) ?: remap_switch_settle(rc, m) ?:
	    remap_switch_flush(rc, m) ?: remap_switch_commit(rc, m);
	m->last = false;
	remap_switch_release(rc);
	return r;
}
