// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading: which superblock counts, its checkpoint, then the journal; docs/metadata-format.md has
 * the rules and their reasons. Nothing on the disk is believed before it has been checked.
 *
 * Here: blocks come in, a checkpoint without a superblock is found, a table is replaced.
 */
#include <linux/sched.h>

#include "dm-remap-copy.h"
#include "dm-remap-load.h"
#include "dm-remap-table.h"

int remap_refuse_meta(struct remap_c *rc, const char *what, const char *why)
{
	remap_err(rc, "metadata on %s refused: %s: %s", rc->spare->name, what, why);
	remap_err(rc, "look with \"dmremap-ts meta check\", mend with \"dmremap-ts meta repair\"");
	return -EINVAL;
}

int remap_refuse_block(struct remap_c *rc, const char *what, u64 block, const char *why)
{
	char text[64];

	snprintf(text, sizeof(text), "%s, block %llu", what, block);
	return remap_refuse_meta(rc, text, why);
}

/*
 * Read blocks one after the other, a run at a time.
 * Return: the block, in the copier's pages until the next one is asked for; or an ERR_PTR().
 */
void *remap_load_block(struct remap_c *rc, u64 start, u64 index, u64 blocks)
{
	unsigned int i = index % REMAP_RUN_BLOCKS;
	int r = 0;

	if (!i) {
		cond_resched();
		r = remap_meta_read_run(rc, start + index,
					min_t(u64, blocks - index, REMAP_RUN_BLOCKS));
	}
	if (r)
		remap_refuse_block(rc, "metadata area", start + index, "cannot be read");
	return r ? ERR_PTR(r) : remap_run_block(rc, i);
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
	some = !remap_meta_read_run(ld->rc, !ld->meta->copy, 1) &&
	       remap_is_newer_trace(ld->meta->super, remap_run_block(ld->rc, 0));

	for (i = 0; i < layout->checkpoint_blocks && (whole || !ld->lenient); i++) {
		void *block = remap_load_block(ld->rc, layout->checkpoint_start[which], i,
					       layout->checkpoint_blocks);
		struct remap_disk_header *header = block;

		if (IS_ERR(block))
			return PTR_ERR(block);
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
		void *block = remap_load_block(ld->rc, ld->meta->layout.journal_start, i, blocks);

		if (IS_ERR(block))
			return PTR_ERR(block);
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
	ld->meta->rewrite = true;
	ld->adopted = true;
	return 0;
}

/* What was loaded takes the place of what there was. */
static void remap_load_publish(struct remap_loader *ld)
{
	struct remap_c *rc = ld->rc;

	ld->table->totals = ld->totals;
	/* They only grow, and health has followed them. */
	ld->table->counters = rc->table->counters;
	ld->table->history = rc->table->history;
	ld->table->generation = rc->table->generation + 1;
	ld->meta->generation = le64_to_cpu(ld->meta->super->header.generation);
	ld->meta->commits = rc->meta->commits;
	ld->meta->checkpoints = rc->meta->checkpoints;
	ld->meta->writes = rc->meta->writes;
	ld->meta->errors = rc->meta->errors;
	spin_lock(&rc->table_lock);
	swap(rc->table, ld->table);
	swap(rc->meta, ld->meta);
	spin_unlock(&rc->table_lock);
}

/* The journal ends where it was read to: what follows starts with a new checkpoint. */
static void remap_load_rewrite(struct remap_c *rc)
{
	struct remap_meta *meta = rc->meta;

	if (!(dm_table_get_mode(rc->ti->table) & REMAP_MODE_WRITE))
		WRITE_ONCE(meta->mode, REMAP_META_READ_ONLY);
	else if (meta->super->ro_compat)
		remap_meta_degrade(rc, "it has features that this version does not know");
	else if (meta->rewrite && remap_checkpoint(rc, NULL))
		remap_meta_degrade(rc, "the table that was read could not be written");
}

/**
 * remap_load() - Read the table from the spare.
 * @rc: the target; its move_lock is held, no I/O is under way, and no memory may be waited for
 *	that needs I/O
 *
 * Return: 0; or a negative errno, the reason is in the log, and the table is what it was.
 */
int remap_load(struct remap_c *rc)
{
	struct remap_loader ld = { .rc = rc, .meta = remap_meta_create(rc) };
	int r = -ENOMEM;

	ld.table = remap_new_table(rc);
	if (IS_ERR(ld.table))
		ld.table = NULL;
	if (ld.meta && ld.table)
		r = remap_load_super(&ld);
	if (!r)
		r = remap_load_entries(&ld);
	if (r >= 0) {
		remap_load_publish(&ld);
		remap_load_rewrite(rc);
		r = 0;
	} else if (r == -ENOMEM) {
		remap_err(rc, "metadata on %s: no memory to read it", rc->spare->name);
	}
	if (ld.table)
		remap_table_destroy(ld.table);
	remap_meta_destroy(ld.meta);
	return r;
}
