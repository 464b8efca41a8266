// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading: which superblock counts, its checkpoint, then the journal; docs/metadata-format.md has
 * the rules and their reasons. Nothing on the disk is believed before it has been checked.
 */
#include <linux/blkdev.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uuid.h>

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
	char text[48];

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

/*
 * Does the slot hold a checkpoint of this generation? Then @used are its blocks; 0 if not.
 * Return: 0; or a negative errno, also if there is only a part of one.
 */
static int remap_find_checkpoint(struct remap_loader *ld, unsigned int which, u64 generation,
				 u32 *salt, u64 *used)
{
	struct remap_layout *layout = &ld->meta->layout;
	bool whole = true, some = false;
	u64 i;

	*used = 0;
	for (i = 0; i < layout->checkpoint_blocks; i++) {
		void *block = remap_load_block(ld->rc, layout->checkpoint_start[which], i,
					       layout->checkpoint_blocks);
		struct remap_disk_header *header = block;

		if (IS_ERR(block))
			return PTR_ERR(block);
		if (!remap_is_of_generation(ld->meta->super, block, generation, i)) {
			whole = false;
			continue;
		}
		some = true;
		if (!i)
			*salt = le32_to_cpu(header->salt);
		whole = whole && le32_to_cpu(header->salt) == *salt;
		if (whole && le32_to_cpu(header->flags) & REMAP_DISK_LAST) {
			*used = i + 1;
			return 0;
		}
	}
	return some ? remap_refuse_meta(ld->rc, "superblock",
					"damaged, and so is the checkpoint that it may have named") : 0;
}

/*
 * One superblock is damaged, the other is in @ld->meta->super. A checkpoint that is newer, and
 * whole, is the current one: its superblock was being written, or was damaged later.
 */
static int remap_adopt_checkpoint(struct remap_loader *ld)
{
	struct remap_disk_super *super = ld->meta->super;
	u64 generation = le64_to_cpu(super->header.generation) + 1, used;
	unsigned int which = !le32_to_cpu(super->checkpoint);
	u32 salt = 0;
	int r = remap_find_checkpoint(ld, which, generation, &salt, &used);

	remap_err(ld->rc, "superblock %c on %s is damaged", ld->meta->copy ? 'A' : 'B',
		  ld->rc->spare->name);
	ld->meta->rewrite = true;
	if (r || !used)
		return r;
	super->header.generation = cpu_to_le64(generation);
	super->header.salt = cpu_to_le32(salt);
	super->checkpoint = cpu_to_le32(which);
	super->checkpoint_used = cpu_to_le64(used);
	ld->adopted = true;
	return 0;
}

/* All zero, before the first slot? */
static int remap_is_blank(struct remap_loader *ld)
{
	u64 blocks = ld->meta->layout.slots_start / REMAP_BLOCK_SECTORS, i;

	for (i = 0; i < blocks; i++) {
		void *block = remap_load_block(ld->rc, 0, i, blocks);

		if (IS_ERR(block))
			return PTR_ERR(block);
		if (!remap_block_is_zero(block))
			return remap_refuse_block(ld->rc, "superblocks are blank", i,
						  "but this block is not, so nothing is formatted");
	}
	return 0;
}

static void remap_super_sizes(struct remap_c *rc, const struct remap_layout *layout,
			      struct remap_disk_super *super)
{
	super->block_sectors = cpu_to_le32(rc->unit);
	super->main_start = cpu_to_le64(rc->main_start);
	super->main_sectors = cpu_to_le64(rc->ti->len);
	super->main_device_sectors = cpu_to_le64(bdev_nr_sectors(rc->main->bdev));
	super->spare_start = cpu_to_le64(rc->spare_start);
	super->spare_sectors = cpu_to_le64(rc->spare_len);
	super->spare_device_sectors = cpu_to_le64(bdev_nr_sectors(rc->spare->bdev));
	super->checkpoint_blocks = cpu_to_le64(layout->checkpoint_blocks);
	super->journal_blocks = cpu_to_le64(layout->journal_blocks);
	super->slots_start = cpu_to_le64(layout->slots_start);
	super->slots = cpu_to_le64(layout->slots);
}

/*
 * A blank spare becomes ours. All that is not zero lies in one sector, so that the superblock is
 * there as a whole or not at all.
 */
static int remap_format(struct remap_loader *ld)
{
	struct remap_disk_super *super = ld->meta->super;
	struct remap_c *rc = ld->rc;
	int r = remap_is_blank(ld);

	if (r)
		return r;
	if (!(dm_table_get_mode(rc->ti->table) & REMAP_MODE_WRITE)) {
		remap_err(rc, "spare device %s is blank, and the table is read-only",
			  rc->spare->name);
		return -EROFS;
	}
	memset(super, 0, sizeof(*super));
	super->header.version = cpu_to_le32(REMAP_FORMAT_VERSION);
	super->header.generation = cpu_to_le64(1);
	generate_random_uuid(super->header.uuid);
	memcpy(super->header.magic, REMAP_MAGIC_SUPER, REMAP_MAGIC_SIZE);
	super->header.sequence = cpu_to_le64(1);
	remap_super_sizes(rc, &ld->meta->layout, super);
	super->created = cpu_to_le64(ktime_get_real_seconds());
	super->written = super->created;
	strscpy(super->name, rc->name, sizeof(super->name));
	r = remap_meta_write_block(rc, 0, super);
	if (r)
		remap_err(rc, "spare device %s cannot be formatted", rc->spare->name);
	else
		remap_info(rc, "spare device %s was blank: formatted, %llu slots",
			   rc->spare->name, ld->meta->layout.slots);
	return r;
}

static int remap_check_number(struct remap_c *rc, const char *what, u64 was, u64 is)
{
	char text[80];

	if (was == is)
		return 0;
	snprintf(text, sizeof(text), "%llu sectors according to it, %llu now", was, is);
	return remap_refuse_meta(rc, what, text);
}

/* Is it of these devices, and are they as they were? */
static int remap_check_identity(struct remap_c *rc, const struct remap_disk_super *super)
{
	const char *why = remap_super_check(super);

	if (why)
		return remap_refuse_meta(rc, "superblock", why);
	return remap_check_number(rc, "length of the spare range",
				  le64_to_cpu(super->spare_sectors), rc->spare_len) ?:
	       remap_check_number(rc, "logical block of main", le32_to_cpu(super->block_sectors),
				  rc->unit) ?:
	       remap_check_number(rc, "start of main", le64_to_cpu(super->main_start),
				  rc->main_start) ?:
	       remap_check_number(rc, "length of the target", le64_to_cpu(super->main_sectors),
				  rc->ti->len) ?:
	       remap_check_number(rc, "size of the main device",
				  le64_to_cpu(super->main_device_sectors),
				  bdev_nr_sectors(rc->main->bdev)) ?:
	       remap_check_number(rc, "size of the spare device",
				  le64_to_cpu(super->spare_device_sectors),
				  bdev_nr_sectors(rc->spare->bdev));
}

/* One of two sound superblocks counts: the one that was written later. */
static int remap_choose_super(struct remap_loader *ld, struct remap_disk_super *b)
{
	struct remap_disk_super *a = ld->meta->super;
	u64 sequence_a = le64_to_cpu(a->header.sequence);
	u64 sequence_b = le64_to_cpu(b->header.sequence);

	if (memcmp(a->header.uuid, b->header.uuid, sizeof(a->header.uuid)))
		return remap_refuse_meta(ld->rc, "superblocks", "of two different devices");
	if (sequence_a == sequence_b)
		return remap_refuse_meta(ld->rc, "superblocks", "both claim to be the newest");
	if (sequence_b > sequence_a) {
		*a = *b;
		ld->meta->copy = 1;
	}
	return 0;
}

/* @a is ld->meta->super. */
static int remap_pick_super(struct remap_loader *ld, enum remap_super_kind kind_a,
			    struct remap_disk_super *b, enum remap_super_kind kind_b)
{
	struct remap_disk_super *super = ld->meta->super;
	int r;

	if (kind_a == REMAP_SUPER_NEWER || kind_b == REMAP_SUPER_NEWER)
		return remap_refuse_meta(ld->rc, "superblock",
					 "written by a newer version, which is needed to read it");
	if (kind_a != REMAP_SUPER_SOUND && kind_b != REMAP_SUPER_SOUND)
		return remap_refuse_meta(ld->rc, "superblocks", "both are damaged");
	if (kind_a == REMAP_SUPER_SOUND && kind_b == REMAP_SUPER_SOUND)
		return remap_choose_super(ld, b) ?: remap_check_identity(ld->rc, super);
	if (kind_b == REMAP_SUPER_SOUND) {
		*super = *b;
		ld->meta->copy = 1;
		kind_b = kind_a;
	}
	r = remap_check_identity(ld->rc, super);
	/* The second one is not written before the second checkpoint. */
	if (r || (kind_b == REMAP_SUPER_ZERO && le64_to_cpu(super->header.sequence) == 1))
		return r;
	return remap_adopt_checkpoint(ld);
}

static enum remap_super_kind remap_read_super(struct remap_c *rc, struct remap_meta *meta,
					      unsigned int copy, struct remap_disk_super *super)
{
	/* Who cannot be read is as good as damaged: there are two of them. */
	if (remap_meta_read_run(rc, copy, 1))
		return REMAP_SUPER_DAMAGED;
	memcpy(super, remap_run_block(rc, 0), REMAP_BLOCK_SIZE);
	return remap_super_kind_of(super);
}

/* Return: 0; 1 if the spare was blank and has just been formatted; or a negative errno. */
static int remap_load_super(struct remap_loader *ld)
{
	struct remap_disk_super *b = (void *)__get_free_page(GFP_NOIO);
	enum remap_super_kind kind_a, kind_b;
	int r;

	if (!b)
		return -ENOMEM;
	kind_a = remap_read_super(ld->rc, ld->meta, 0, ld->meta->super);
	kind_b = remap_read_super(ld->rc, ld->meta, 1, b);
	if (kind_a == REMAP_SUPER_ZERO && kind_b == REMAP_SUPER_ZERO)
		r = remap_format(ld) ?: 1;
	else
		r = remap_pick_super(ld, kind_a, b, kind_b);
	free_page((unsigned long)b);
	return r;
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
