// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading: which superblock counts, its checkpoint, then the journal; docs/metadata-format.md has
 * the rules and their reasons. Nothing on the disk is believed before it has been checked.
 *
 * Here: blocks come in, a checkpoint without a superblock is found, a table is replaced.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "dm-remap-copy.h"
#include "dm-remap-load.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

int remap_refuse_meta(struct remap_c *rc, const char *what, const char *why)
{
	remap_err(rc, "metadata on %s refused: %s%s%s", rc->spare->name, what, *what ? ": " : "",
		  why);
	remap_err(rc, "look with \"dmremap-ts meta check\", mend with \"dmremap-ts meta repair\"");
	return -EINVAL;
}

int remap_refuse_block(struct remap_c *rc, const char *what, u64 block, const char *why)
{
	char text[64];

	snprintf(text, sizeof(text), "%s, block %llu", what, block);
	return remap_refuse_meta(rc, text, why);
}

/* A run that cannot be read as a whole may have a single bad block. */
static void remap_load_singly(struct remap_loader *ld, u64 block, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (remap_meta_read_run(ld->rc, block + i, i, 1))
			__set_bit(i, &ld->unreadable);
}

/**
 * remap_load_block() - Read blocks one after the other, from index 0 on.
 * @ld: the loader
 * @start: block of index 0
 * @index: one more than with the last call, or 0
 * @blocks: how many there are
 *
 * Return: the block, in the copier's pages until the next one is asked for; or an ERR_PTR(): -EIO
 * if this one cannot be read, others are as good as ever; -EINTR if somebody wants it to end.
 */
void *remap_load_block(struct remap_loader *ld, u64 start, u64 index, u64 blocks)
{
	unsigned int i = index % REMAP_RUN_BLOCKS;
	unsigned int count = min_t(u64, blocks - index, REMAP_RUN_BLOCKS);

	if (!i) {
		cond_resched();
		/* Of a large spare there may be a lot to read. */
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		ld->unreadable = 0;
		if (remap_meta_read_run(ld->rc, start + index, 0, count))
			remap_load_singly(ld, start + index, count);
	}
	return test_bit(i, &ld->unreadable) ? ERR_PTR(-EIO) : remap_run_block(ld->rc, i);
}

/* Is it a sound block of that generation of this device's checkpoints, whatever its salt? */
static bool remap_is_of_generation(const struct remap_disk_super *super, const void *block,
				   u64 generation, u64 index)
{
	const struct remap_disk_header *header = block;

	return !remap_block_check(block, REMAP_MAGIC_CHECKPOINT, super, generation,
				  le32_to_cpu(header->salt), index);
}

/* Is it something of ours, wherever it belongs, that is newer than the superblock? */
static bool remap_is_newer_trace(const struct remap_disk_super *super, const void *block)
{
	const struct remap_disk_header *header = block;

	return (remap_block_is_sound(block, REMAP_MAGIC_SUPER) ||
		remap_block_is_sound(block, REMAP_MAGIC_CHECKPOINT) ||
		remap_block_is_sound(block, REMAP_MAGIC_JOURNAL)) &&
	       !memcmp(header->uuid, super->header.uuid, sizeof(header->uuid)) &&
	       le64_to_cpu(header->generation) > le64_to_cpu(super->header.generation);
}

/*
 * Does the slot hold a checkpoint of this generation? Then @used are its blocks; 0 if not.
 * Return: 0; or a negative errno, also if there is only a part of one.
 */
static int remap_find_checkpoint(struct remap_loader *ld, unsigned int which, u64 generation,
				 u32 *salt, u64 *used)
{
	struct remap_layout *layout = &ld->meta->layout;
	bool whole = true, some;
	u64 i;

	/* What lies in the place of the superblock that does not count. */
	some = !remap_meta_read_run(ld->rc, !ld->meta->copy, 0, 1) &&
	       remap_is_newer_trace(ld->meta->super, remap_run_block(ld->rc, 0));

	for (i = 0; i < layout->checkpoint_blocks && (whole || !ld->lenient); i++) {
		void *block = remap_load_block(ld, layout->checkpoint_start[which], i,
					       layout->checkpoint_blocks);
		struct remap_disk_header *header = block;

		if (IS_ERR(block) && PTR_ERR(block) != -EIO)
			return PTR_ERR(block);
		if (IS_ERR(block)) {
			/* No checkpoint is without its first block. */
			some = some || !i;
			whole = false;
			continue;
		}
		some = some || remap_is_newer_trace(ld->meta->super, block);
		if (!remap_is_of_generation(ld->meta->super, block, generation, i)) {
			whole = false;
			continue;
		}
		if (!i)
			*salt = le32_to_cpu(header->salt);
		whole = whole && le32_to_cpu(header->salt) == *salt;
		if (whole && le32_to_cpu(header->flags) & REMAP_DISK_LAST) {
			*used = i + 1;
			return 0;
		}
	}
	if (!some || ld->lenient)
		return 0;
	return remap_refuse_meta(ld->rc, "superblock",
				 "damaged, and so is the checkpoint that it may have named");
}

/* Did the journal go on after a checkpoint with this salt was given up? Or a negative errno. */
static int remap_journal_went_on(struct remap_loader *ld, u32 salt)
{
	struct remap_disk_super *super = ld->meta->super;
	const u64 blocks = ld->meta->layout.journal_blocks;
	u64 i;

	for (i = 0; i < blocks; i++) {
		void *block = remap_load_block(ld, ld->meta->layout.journal_start, i, blocks);

		if (IS_ERR(block))
			return remap_refuse_block(ld->rc, "journal", i, "cannot be read");
		if (i >= remap_salt_journal(salt) &&
		    !remap_block_check(block, REMAP_MAGIC_JOURNAL, super,
				       le64_to_cpu(super->header.generation),
				       le32_to_cpu(super->header.salt), i))
			return 1;
	}
	return 0;
}

/*
 * One superblock does not count, the other is in @ld->meta->super. A checkpoint that is newer, and
 * whole, is the current one: its superblock was being written, or was damaged later. Unless it was
 * given up before its superblock was written, by a crash; then the journal may have gone on.
 */
int remap_adopt_checkpoint(struct remap_loader *ld)
{
	struct remap_disk_super *super = ld->meta->super;
	u64 generation = le64_to_cpu(super->header.generation) + 1, used = 0;
	unsigned int which = !le32_to_cpu(super->checkpoint);
	u32 salt = 0;
	int r = remap_find_checkpoint(ld, which, generation, &salt, &used);

	if (!r && used)
		r = remap_journal_went_on(ld, salt);
	if (r || !used)
		return min(r, 0);
	super->header.generation = cpu_to_le64(generation);
	super->header.salt = cpu_to_le32(salt);
	super->checkpoint = cpu_to_le32(which);
	super->checkpoint_used = cpu_to_le64(used);
	ld->meta->heal = true;
	ld->adopted = true;
	return 0;
}

/* What was loaded takes the place of what there was. */
static void remap_load_publish(struct remap_loader *ld)
{
	struct remap_c *rc = ld->rc;

	ld->table->totals = ld->totals;
	ld->table->generation = rc->table->generation + 1;
	ld->meta->generation = le64_to_cpu(ld->meta->super->header.generation);
	ld->meta->commits = rc->meta->commits;
	ld->meta->checkpoints = rc->meta->checkpoints;
	ld->meta->writes = rc->meta->writes;
	ld->meta->errors = rc->meta->errors;
	/* What a failed write may have left there need not be where it is going to stay. */
	ld->meta->rewrite |= rc->meta->mode != REMAP_META_WRITE;
	/* Reading alone makes nothing of that sure. */
	ld->meta->frozen = rc->meta->frozen;
	spin_lock(&rc->table_lock);
	/* They only grow, and health has followed them. */
	swap(ld->table->counters, rc->table->counters);
	spin_lock_irq(&rc->health.lock);
	ld->table->history = rc->table->history;
	spin_unlock_irq(&rc->health.lock);
	swap(rc->table, ld->table);
	swap(rc->meta, ld->meta);
	spin_unlock(&rc->table_lock);
	/* What is known of what was written may be of another place now. */
	if (rc->crcs)
		remap_crcs_forget(rc->crcs, 0, rc->ti->len - 1);
}

/* It comes in the place of another device: does it have all that is being served? */
static bool remap_load_is_heritage(const struct remap_loader *ld)
{
	const struct remap_heritage *heritage = &ld->rc->heritage;
	u64 generation = le64_to_cpu(ld->meta->super->header.generation);

	return generation > heritage->generation ||
	       (generation == heritage->generation &&
		ld->meta->journal_used >= heritage->journal_used);
}

/*
 * Is it the spare that we know, and does what we have read of it last? A write that was said to
 * have failed may be in a cache.
 */
static int remap_load_believe(struct remap_loader *ld)
{
	const struct remap_heritage *heritage = &ld->rc->heritage;
	struct remap_area spare = remap_spare_area(ld->rc);
	const u8 *known = ld->rc->meta->super->header.uuid;
	bool first = heritage->expected && !ld->rc->active;

	if (first)
		known = heritage->uuid;
	if (!ld->may_format &&
	    memcmp(known, ld->meta->super->header.uuid, sizeof(heritage->uuid)))
		return remap_refuse_meta(ld->rc, "superblock", "of another device");
	if (first && !remap_load_is_heritage(ld))
		return remap_refuse_meta(ld->rc, "superblock", "older than what is being served");
	remap_flush_begin(ld->rc);
	return remap_table_is_writable(ld->rc) && remap_flush(ld->rc, &spare) ? -EIO : 0;
}

/**
 * remap_load() - Read the table from the spare.
 * @rc: the target; its move_lock is held, no I/O is under way, and no memory may be waited for
 *	that needs I/O
 * @may_format: a blank spare becomes ours; else it must be the one that @rc has now
 *
 * Return: 0; or a negative errno, the reason is in the log, and the table is what it was.
 */
int remap_load(struct remap_c *rc, bool may_format)
{
	struct remap_loader ld = {
		.rc = rc, .meta = remap_meta_create(rc, rc->spare_len), .may_format = may_format,
	};
	int r = -ENOMEM;

	ld.table = remap_new_table(rc, rc->spare->bdev, rc->slots_start, rc->slots);
	if (IS_ERR(ld.table))
		ld.table = NULL;
	if (ld.meta && ld.table)
		r = remap_load_super(&ld);
	if (!r)
		r = remap_load_entries(&ld) ?: remap_load_believe(&ld);
	if (r >= 0) {
		remap_load_publish(&ld);
		r = 0;
	} else if (r == -ENOMEM) {
		remap_err(rc, "metadata on %s: no memory to read it", rc->spare->name);
	}
	if (ld.table)
		remap_table_destroy(ld.table);
	remap_meta_destroy(ld.meta);
	return r;
}
