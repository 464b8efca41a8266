// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading: which superblock counts, and whether it is of these devices; or a blank spare becomes
 * ours.
 */
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/timekeeping.h>
#include <linux/uuid.h>

#include "dm-remap-copy.h"
#include "dm-remap-load.h"

/* All zero, before the first slot? */
static int remap_is_blank(struct remap_loader *ld)
{
	u64 blocks = ld->meta->layout.slots_start / REMAP_BLOCK_SECTORS, i;

	for (i = 0; i < blocks; i++) {
		void *block = remap_load_block(ld, 0, i, blocks);

		if (IS_ERR(block))
			return remap_refuse_block(ld->rc, "metadata area", i, "cannot be read");
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
	if (!remap_table_is_writable(rc)) {
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
		return remap_refuse_meta(rc, "", why);
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
	u64 generation_a = le64_to_cpu(a->header.generation);
	u64 generation_b = le64_to_cpu(b->header.generation);
	bool newer = sequence_b > sequence_a;
	const char *why = remap_super_check(a) ?: remap_super_check(b);

	if (why)
		return remap_refuse_meta(ld->rc, "", why);
	if (memcmp(a->header.uuid, b->header.uuid, sizeof(a->header.uuid)))
		return remap_refuse_meta(ld->rc, "superblocks", "of two different devices");
	/* Both may name the same checkpoint if one of them was mended. */
	if (sequence_a == sequence_b ||
	    (newer ? generation_a > generation_b : generation_b > generation_a) ||
	    (generation_a == generation_b && (a->header.salt != b->header.salt ||
					      a->checkpoint != b->checkpoint)))
		return remap_refuse_meta(ld->rc, "superblocks", "it is unclear which is newer");
	if (newer) {
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

	if (kind_a == REMAP_SUPER_NEWER || kind_b == REMAP_SUPER_NEWER)
		return remap_refuse_meta(ld->rc, "superblock",
					 "written by a newer version, which is needed to read it");
	if (kind_a == REMAP_SUPER_MOVED || kind_b == REMAP_SUPER_MOVED)
		return remap_refuse_meta(ld->rc, "superblock",
					 "its content has moved to another spare");
	if (kind_a == REMAP_SUPER_UNFINISHED || kind_b == REMAP_SUPER_UNFINISHED)
		return remap_refuse_meta(ld->rc, "superblock",
					 "a migration to this spare was not finished");
	if (kind_a != REMAP_SUPER_SOUND && kind_b != REMAP_SUPER_SOUND)
		return remap_refuse_meta(ld->rc, "superblocks", "both are damaged, or blank");
	if (kind_a == REMAP_SUPER_SOUND && kind_b == REMAP_SUPER_SOUND)
		return remap_choose_super(ld, b) ?: remap_check_identity(ld->rc, super);
	if (kind_b == REMAP_SUPER_SOUND) {
		*super = *b;
		ld->meta->copy = 1;
		kind_b = kind_a;
	}
	/* The second one is not written before the first checkpoint is. */
	ld->lenient = kind_b == REMAP_SUPER_ZERO && le64_to_cpu(super->header.sequence) == 1;
	if (!ld->lenient) {
		remap_err(ld->rc, "superblock %c on %s is damaged", ld->meta->copy ? 'A' : 'B',
			  ld->rc->spare->name);
		ld->meta->heal = true;
	}
	return remap_check_identity(ld->rc, super) ?: remap_adopt_checkpoint(ld);
}

static enum remap_super_kind remap_read_super(struct remap_c *rc, unsigned int copy,
					      struct remap_disk_super *super)
{
	/* Who cannot be read is as good as damaged: there are two of them. */
	if (remap_meta_read_run(rc, copy, 0, 1))
		return REMAP_SUPER_DAMAGED;
	memcpy(super, remap_run_block(rc, 0), REMAP_BLOCK_SIZE);
	return remap_super_kind_of(super);
}

/* Return: 0; 1 if the spare was blank and has just been formatted; or a negative errno. */
int remap_load_super(struct remap_loader *ld)
{
	struct remap_disk_super *b = (void *)__get_free_page(GFP_NOIO);
	enum remap_super_kind kind_a, kind_b;
	int r;

	if (!b)
		return -ENOMEM;
	kind_a = remap_read_super(ld->rc, 0, ld->meta->super);
	kind_b = remap_read_super(ld->rc, 1, b);
	if (kind_a == REMAP_SUPER_ZERO && kind_b == REMAP_SUPER_ZERO && ld->may_format)
		r = remap_format(ld) ?: 1;
	else
		r = remap_pick_super(ld, kind_a, b, kind_b);
	free_page((unsigned long)b);
	return r;
}

/**
 * remap_refuse_metadata() - A volatile table would write over metadata, and leave a part of it.
 * @rc: a target without metadata
 *
 * Return: 0; -EBUSY if its spare has some.
 */
int remap_refuse_metadata(struct remap_c *rc)
{
	struct remap_disk_super *super = (void *)__get_free_page(GFP_NOIO);
	unsigned int copy;
	int r = 0;

	if (!super)
		return -ENOMEM;
	mutex_lock(&rc->move_lock);
	for (copy = 0; copy < 2 && !r && rc->spare_len >= 2 * REMAP_BLOCK_SECTORS; copy++)
		if (remap_read_super(rc, copy, super) >= REMAP_SUPER_NEWER)
			r = -EBUSY;
	mutex_unlock(&rc->move_lock);
	free_page((unsigned long)super);
	if (r)
		remap_err(rc, "spare device %s carries the metadata of a table: leave out \"volatile\", or wipe its first 8 KiB",
			  rc->spare->name);
	return r;
}
