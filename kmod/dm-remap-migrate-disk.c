// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration, what is written on the two spares to tell which of them counts.
 *
 * The new one carries the mark of an unfinished migration from the beginning, the old one a note
 * that there is one. The switch is the one superblock that replaces the mark. After it the old one
 * is told that its content has moved: nobody takes it for a spare in use any more.
 */
#include <linux/blkdev.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uuid.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-migrate.h"

struct remap_area remap_migration_area(const struct remap_migration *m)
{
	return (struct remap_area) { m->side.dev->bdev, m->side.start, m->side.len, true };
}

/* Blocks of the other spare, in the copier's pages. Return: 0 or a negative errno. */
static int remap_migration_read(struct remap_c *rc, struct remap_migration *m, u64 block,
				unsigned int count)
{
	struct remap_area area = remap_migration_area(m);

	return blk_status_to_errno(remap_copy_retry(rc, &area, REQ_OP_READ | REQ_META,
						    area.start + block * REMAP_BLOCK_SECTORS, 0,
						    count * REMAP_BLOCK_SECTORS));
}

/* Write a block so that it lasts. One try: somebody may wait. */
static int remap_migration_write(struct remap_c *rc, struct remap_migration *m, u64 block,
				 const void *data)
{
	struct remap_area area = remap_migration_area(m);

	memcpy(remap_run_block(rc, 0), data, REMAP_BLOCK_SIZE);
	return blk_status_to_errno(remap_copy_io(rc, &area, REQ_OP_WRITE | REQ_FUA | REQ_META,
						 area.start + block * REMAP_BLOCK_SECTORS, 0,
						 REMAP_BLOCK_SECTORS));
}

/* Is it the mark of an earlier try, or of whoever has prepared the new spare for this one? */
static bool remap_migration_is_ours(struct remap_c *rc, const struct remap_migration *m,
				    const struct remap_disk_super *super)
{
	return remap_super_kind_of(super) == REMAP_SUPER_UNFINISHED && !remap_super_check(super) &&
	       le64_to_cpu(super->spare_sectors) == m->side.len &&
	       !memcmp(super->linked_uuid, rc->meta->super->header.uuid,
		       sizeof(super->linked_uuid));
}

/**
 * remap_migration_inspect() - May the new spare be written to?
 * @rc: the target; its move_lock is held
 * @m: its migration
 * @prepared: there is a mark that says so; else its whole metadata area has to be blank
 *
 * Return: 0 or a negative errno; the reason is in the log.
 */
int remap_migration_inspect(struct remap_c *rc, struct remap_migration *m, bool *prepared)
{
	unsigned int copy;
	int r;

	*prepared = false;
	for (copy = 0; copy < 2; copy++) {
		r = remap_migration_read(rc, m, copy, 1);
		if (r) {
			remap_err(rc, "migrate: the new spare cannot be read");
			return r;
		}
		if (remap_block_is_zero(remap_run_block(rc, 0)))
			continue;
		if (!remap_migration_is_ours(rc, m, remap_run_block(rc, 0))) {
			remap_err(rc, "migrate: the new spare is not blank: wipe it, if nothing on it is needed");
			return -EEXIST;
		}
		*prepared = *prepared || !copy;
	}
	return 0;
}

/* Look at a part of the metadata area: nothing is written over that somebody may need. */
int remap_migration_step_blank(struct remap_c *rc, struct remap_migration *m)
{
	u64 blocks = m->side.meta->layout.slots_start / REMAP_BLOCK_SECTORS;
	unsigned int count, i;

	/* The superblocks have been inspected. */
	m->position = max_t(sector_t, m->position, 2);
	count = min_t(u64, blocks - m->position, REMAP_RUN_BLOCKS);
	if (count && remap_migration_read(rc, m, m->position, count))
		return remap_migration_failed_write(rc);
	for (i = 0; i < count; i++) {
		if (!remap_block_is_zero(remap_run_block(rc, i))) {
			remap_err(rc, "migrate: block %llu of the new spare is not blank: is anything on it needed?",
				  (u64)m->position + i);
			return remap_migration_fail(rc, "not_blank", -EEXIST);
		}
	}
	m->position += count;
	if (m->position == blocks)
		m->step = remap_migration_step_mark;
	return 0;
}

/*
 * The superblock of an empty table on the new spare, which nobody is to use. All that is not zero
 * lies in one sector, so that it is there as a whole or not at all.
 */
static void remap_migration_build(struct remap_c *rc, struct remap_migration *m)
{
	const struct remap_disk_super *old = rc->meta->super;
	const struct remap_layout *layout = &m->side.meta->layout;
	struct remap_disk_super *super = m->side.meta->super;

	*super = *old;
	generate_random_uuid(super->header.uuid);
	super->header.count = 0;
	super->header.generation = cpu_to_le64(1);
	super->header.sequence = cpu_to_le64(1);
	super->header.flags = 0;
	super->header.salt = 0;
	super->incompat = cpu_to_le32(REMAP_DISK_UNFINISHED);
	super->ro_compat = 0;
	super->compat = 0;
	super->spare_start = cpu_to_le64(m->side.start);
	super->spare_sectors = cpu_to_le64(m->side.len);
	super->spare_device_sectors = cpu_to_le64(bdev_nr_sectors(m->side.dev->bdev));
	super->checkpoint_blocks = cpu_to_le64(layout->checkpoint_blocks);
	super->journal_blocks = cpu_to_le64(layout->journal_blocks);
	super->slots_start = cpu_to_le64(layout->slots_start);
	super->slots = cpu_to_le64(layout->slots);
	super->checkpoint = 0;
	super->checkpoint_used = 0;
	super->entries = 0;
	super->lost = 0;
	super->pending = 0;
	super->bad = 0;
	super->written = cpu_to_le64(ktime_get_real_seconds());
	memcpy(super->linked_uuid, old->header.uuid, sizeof(super->linked_uuid));
	super->linked_generation = 0;
	memset(super->name, 0, sizeof(super->name));
	memset(super->main_id, 0, sizeof(super->main_id));
	memset(super->args, 0, sizeof(super->args));
}

/**
 * remap_migration_unfinish() - Mark the new spare as one that nobody is to use.
 * @rc: the target; its move_lock is held
 * @m: its migration
 *
 * Return: 0 or a negative errno; then nobody knows what it says.
 */
int remap_migration_unfinish(struct remap_c *rc, struct remap_migration *m)
{
	int r;

	remap_migration_build(rc, m);
	remap_block_seal(m->side.meta->super);
	r = remap_migration_write(rc, m, 0, m->side.meta->super);
	if (!r)
		r = remap_migration_write(rc, m, 1, page_address(ZERO_PAGE(0)));
	return r;
}

/*
 * Both spares are told. The old one, because it may not hear of the switch: who uses it later makes
 * it newer than the switch, and so tells that it has gone on.
 */
int remap_migration_step_mark(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_disk_super *old = rc->meta->super;

	if (remap_migration_unfinish(rc, m))
		return remap_migration_failed_write(rc);
	if (remap_meta_is_writable(rc)) {
		old->compat |= cpu_to_le32(REMAP_DISK_MIGRATING);
		memcpy(old->linked_uuid, m->side.meta->super->header.uuid,
		       sizeof(old->linked_uuid));
		old->linked_generation = 0;
		/* Such an old spare is what migrations are for. */
		if (remap_checkpoint(rc, NULL))
			remap_meta_degrade(rc, "the begin of the migration could not be written");
	}
	/* What counts for the copies begins here. */
	m->flush_seen[false] = atomic_read(&rc->flush_errors[false]);
	m->flush_seen[true] = atomic_read(&rc->flush_errors[true]);
	memcpy(m->flush_failures, rc->flush_failures, sizeof(m->flush_failures));
	remap_migration_begin_pass(rc, m);
	m->step = remap_migration_step_copy;
	return 0;
}

/**
 * remap_migration_may_bury() - Is the old spare still what was left there?
 * @rc: the target, on the new spare; its move_lock is held
 * @m: its migration; its side is the old spare now
 *
 * After a while somebody may use it for something else, or have migrated back to it.
 *
 * Return: whether it is. False if it cannot be read.
 */
bool remap_migration_may_bury(struct remap_c *rc, struct remap_migration *m)
{
	const struct remap_disk_super *old = m->side.meta->super;
	unsigned int copy, sound = 0;

	for (copy = 0; copy < 2; copy++) {
		const struct remap_disk_super *super = remap_run_block(rc, 0);
		enum remap_super_kind kind;

		if (remap_migration_read(rc, m, copy, 1))
			return false;
		kind = remap_super_kind_of(super);
		if ((kind != REMAP_SUPER_SOUND && kind != REMAP_SUPER_MOVED) ||
		    memcmp(super->header.uuid, old->header.uuid, sizeof(old->header.uuid)) ||
		    le64_to_cpu(super->header.generation) >
		    le64_to_cpu(old->header.generation))
			return false;
		sound += kind == REMAP_SUPER_SOUND;
	}
	return sound;
}

/**
 * remap_migration_bury() - Tell the old spare that its content has moved.
 * @rc: the target, on the new spare; its move_lock is held
 * @m: its migration; its side is the old spare now
 *
 * Return: whether it knows.
 */
bool remap_migration_bury(struct remap_c *rc, struct remap_migration *m)
{
	struct remap_disk_super *super = m->side.meta->super;
	unsigned int i, copy = m->side.meta->copy;
	int r = 0;

	super->incompat = cpu_to_le32(REMAP_DISK_MOVED);
	memcpy(super->linked_uuid, rc->meta->super->header.uuid, sizeof(super->linked_uuid));
	super->linked_generation = rc->meta->super->header.generation;
	super->written = cpu_to_le64(ktime_get_real_seconds());
	/* First the one that does not count: there is a sound one all the time. */
	for (i = 0; i < 2; i++) {
		copy = !copy;
		le64_add_cpu(&super->header.sequence, 1);
		remap_block_seal(super);
		r = remap_migration_write(rc, m, copy, super) ?: r;
	}
	if (r)
		remap_err(rc, "the old spare %s could not be told that its content has moved: never use it again",
			  m->side.dev->name);
	return !r;
}
