// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "loader.h"
#include "extents.h"

struct loader {
	const struct image *image;
	struct loaded *loaded;
	struct remap_disk_super super;	/* the one that counts */
	struct remap_layout layout;
	__u64 generation;
	__u32 salt;
	unsigned int checkpoint;	/* which slot */
	__u64 used;			/* its blocks */
	int has_entries;		/* the superblock tells how many entries they hold */
	struct table table;
};

static const void *block_at(const struct loader *l, __u64 block)
{
	if (block >= l->image->size / REMAP_BLOCK_SIZE)
		return NULL;
	return l->image->data + block * REMAP_BLOCK_SIZE;
}

static int all_zero(const struct image *image, size_t size)
{
	return !memchr_inv(image->data, 0, size < image->size ? size : image->size);
}

/* A block of the ring or of a slot that was written for this device, in whatever generation. */
static int is_ours(const struct loader *l, const void *block, const char *magic)
{
	const struct remap_disk_header *header = block;

	return block && remap_block_is_sound(block, magic) &&
	       !memcmp(header->uuid, l->super.header.uuid, sizeof(header->uuid));
}

static __u64 generation_of(const void *block)
{
	return le64_to_cpu(((const struct remap_disk_header *)block)->generation);
}

static __u32 salt_of(const void *block)
{
	return le32_to_cpu(((const struct remap_disk_header *)block)->salt);
}

static int is_last(const void *block)
{
	return le32_to_cpu(((const struct remap_disk_header *)block)->flags) & REMAP_DISK_LAST;
}

static const char *check_block(const struct loader *l, const void *block, const char *magic,
			       __u64 sequence)
{
	if (!block)
		return "past the end of the image";
	return remap_block_check(block, magic, &l->super, l->generation, l->salt, sequence);
}

/* Of that generation, and of the attempt at it that @salt tells. */
static int is_of(const void *block, __u64 generation, __u32 salt)
{
	return generation_of(block) == generation && salt_of(block) == salt;
}

/* Was it, whatever it is, written later than the superblock that counts? */
static int is_later(const struct loader *l, const void *block)
{
	return (is_ours(l, block, REMAP_MAGIC_SUPER) || is_ours(l, block, REMAP_MAGIC_CHECKPOINT) ||
		is_ours(l, block, REMAP_MAGIC_JOURNAL)) &&
	       generation_of(block) > l->generation;
}

/* Was the journal of the current generation carried on after the checkpoint of that salt? */
static int is_stale(const struct loader *l, __u32 salt)
{
	__u64 i;

	for (i = remap_salt_journal(salt); i < l->layout.journal_blocks; i++)
		if (!check_block(l, block_at(l, l->layout.journal_start + i), REMAP_MAGIC_JOURNAL,
				 i))
			return 1;
	return 0;
}

/*
 * One superblock counts, the other one tells nothing: was its checkpoint the current one?
 * @was_written: there certainly was another superblock
 */
static const char *adopt_next(struct loader *l, int was_written)
{
	unsigned int other = 1 - le32_to_cpu(l->super.checkpoint), found = 0;
	__u64 start = l->layout.checkpoint_start[other], i;
	__u32 salt = l->salt, next;
	const void *block = block_at(l, start);

	if (is_ours(l, block, REMAP_MAGIC_CHECKPOINT)) {
		next = salt_of(block);
		l->generation++;
		l->salt = next;
		for (i = 0; i < l->layout.checkpoint_blocks; i++) {
			block = block_at(l, start + i);
			if (check_block(l, block, REMAP_MAGIC_CHECKPOINT, i) || is_last(block))
				break;
		}
		found = i < l->layout.checkpoint_blocks &&
			!check_block(l, block, REMAP_MAGIC_CHECKPOINT, i);
		l->generation--;
		l->salt = salt;
		if (found && is_stale(l, next))
			return NULL;
		if (found) {
			l->generation++;
			l->salt = next;
			l->checkpoint = other;
			l->used = i + 1;
			l->has_entries = 0;
			return NULL;
		}
	}
	found = is_later(l, block_at(l, 1 - l->loaded->copy));
	for (i = 0; i < l->layout.checkpoint_blocks; i++)
		found += is_later(l, block_at(l, start + i));
	return found && was_written ? "half a checkpoint, and no superblock for it" : NULL;
}

/* Which of two sound superblocks counts. */
static const char *choose_newer(const struct remap_disk_super *const super[2], unsigned int *newer)
{
	__u64 sequence[2];
	unsigned int copy;

	for (copy = 0; copy < 2; copy++)
		sequence[copy] = le64_to_cpu(super[copy]->header.sequence);
	if (memcmp(super[0]->header.uuid, super[1]->header.uuid, 16))
		return "superblocks of two devices";
	if (sequence[0] == sequence[1])
		return "superblocks of the same sequence";
	copy = sequence[1] > sequence[0];
	if (generation_of(super[copy]) < generation_of(super[1 - copy]))
		return "the newer superblock has the older generation";
	/* Both may name the same checkpoint, if one of them was mended. */
	if (generation_of(super[0]) == generation_of(super[1]) &&
	    (salt_of(super[0]) != salt_of(super[1]) ||
	     super[0]->checkpoint != super[1]->checkpoint))
		return "superblocks of two attempts at one checkpoint";
	*newer = copy;
	return NULL;
}

static void adopt_super(struct loader *l, const struct remap_disk_super *super)
{
	memcpy(&l->super, super, sizeof(l->super));
	remap_layout_of(le64_to_cpu(l->super.spare_sectors), le32_to_cpu(l->super.block_sectors),
			&l->layout);
	l->generation = le64_to_cpu(l->super.header.generation);
	l->salt = le32_to_cpu(l->super.header.salt);
	l->checkpoint = le32_to_cpu(l->super.checkpoint);
	l->used = le64_to_cpu(l->super.checkpoint_used);
	l->has_entries = 1;
}

static const char *choose_super(struct loader *l)
{
	const struct remap_disk_super *super[2] = { block_at(l, 0), block_at(l, 1) };
	enum remap_super_kind kind[2];
	struct remap_layout layout;
	unsigned int copy, sound = 0;
	const char *problem;

	if (!super[1])
		return "smaller than two superblocks";
	for (copy = 0; copy < 2; copy++) {
		kind[copy] = remap_super_kind_of(super[copy]);
		sound += kind[copy] == REMAP_SUPER_SOUND;
	}
	if (kind[0] == REMAP_SUPER_NEWER || kind[1] == REMAP_SUPER_NEWER)
		return "written by a newer version";
	for (copy = 0; copy < 2; copy++) {
		if (kind[copy] == REMAP_SUPER_UNFINISHED || kind[copy] == REMAP_SUPER_MOVED)
			return "not filled, or left, by a migration";
	}
	for (copy = 0; copy < 2; copy++) {
		problem = kind[copy] == REMAP_SUPER_SOUND ? remap_super_check(super[copy]) : NULL;
		if (problem)
			return problem;
	}
	if (kind[0] == REMAP_SUPER_ZERO && kind[1] == REMAP_SUPER_ZERO) {
		remap_layout_of(l->image->size / 512, 1, &layout);
		l->loaded->blank = all_zero(l->image, layout.slots_start * 512);
		return l->loaded->blank ? "blank" : "no superblock, but something is there";
	}
	if (!sound)
		return "no superblock is sound";
	if (sound == 2) {
		problem = choose_newer(super, &copy);
		if (problem)
			return problem;
	} else {
		copy = kind[1] == REMAP_SUPER_SOUND;
	}
	l->loaded->copy = copy;
	adopt_super(l, super[copy]);
	/* Before anything is looked for whose size the superblock tells. */
	if (l->image->size / 512 < l->layout.slots_start)
		return "smaller than its metadata";
	if (sound == 2)
		return NULL;
	return adopt_next(l, kind[1 - copy] != REMAP_SUPER_ZERO ||
			     le64_to_cpu(super[copy]->header.sequence) != 1);
}

static const char *load_checkpoint(struct loader *l)
{
	struct remap_extent previous = {}, extent;
	__u64 i, entries = 0;
	const char *problem;
	unsigned int e;

	for (i = 0; i < l->used; i++) {
		const void *block = block_at(l, l->layout.checkpoint_start[l->checkpoint] + i);

		problem = check_block(l, block, REMAP_MAGIC_CHECKPOINT, i);
		if (problem)
			return problem;
		if (!is_last(block) != (i + 1 < l->used))
			return "the checkpoint ends elsewhere";
		for (e = 0; e < le64_to_cpu(((const struct remap_disk_header *)block)->count); e++) {
			extent = remap_entry_unpack(remap_block_entries(block) + e);
			problem = remap_extent_check(&l->super, &extent, 0);
			if (!problem)
				problem = remap_extent_follows(&previous, &extent);
			if (!problem)
				problem = table_apply(&l->table, &extent);
			if (problem)
				return problem;
			entries++;
			previous = extent;
		}
	}
	if (l->has_entries && entries != le64_to_cpu(l->super.entries))
		return "the superblock counts other entries";
	return NULL;
}

/* The blocks from @start on that fit, up to the last one that ends a transaction. */
static const char *find_journal(struct loader *l, __u64 *used)
{
	__u64 i, end;

	*used = 0;
	for (end = 0; end < l->layout.journal_blocks; end++) {
		const void *block = block_at(l, l->layout.journal_start + end);

		if (check_block(l, block, REMAP_MAGIC_JOURNAL, end))
			break;
		if (is_last(block)) {
			*used = end + 1;
			l->loaded->transactions++;
		}
	}
	for (i = end; i < l->layout.journal_blocks; i++) {
		const void *block = block_at(l, l->layout.journal_start + i);

		if (block && remap_block_is_sound(block, REMAP_MAGIC_JOURNAL) &&
		    !is_ours(l, block, REMAP_MAGIC_JOURNAL))
			return "a block of another device in the journal";
		if (is_ours(l, block, REMAP_MAGIC_JOURNAL) &&
		    (generation_of(block) > l->generation ||
		     is_of(block, l->generation, l->salt)))
			return "damage in the middle of the journal";
	}
	l->loaded->journal_used = *used;
	l->loaded->dropped = end - *used;
	return NULL;
}

static const char *replay_journal(struct loader *l)
{
	const char *problem;
	unsigned int e;
	__u64 used, i;

	problem = find_journal(l, &used);
	for (i = 0; !problem && i < used; i++) {
		const void *block = block_at(l, l->layout.journal_start + i);

		for (e = 0; e < le64_to_cpu(((const struct remap_disk_header *)block)->count); e++) {
			struct remap_extent extent =
				remap_entry_unpack(remap_block_entries(block) + e);

			problem = remap_extent_check(&l->super, &extent, 1);
			if (!problem)
				problem = table_apply(&l->table, &extent);
			if (problem)
				return problem;
		}
	}
	return problem;
}

void load_image(const struct image *image, struct loaded *loaded)
{
	struct loader l = { .image = image, .loaded = loaded };

	memset(loaded, 0, sizeof(*loaded));
	loaded->refused = choose_super(&l);
	if (loaded->refused)
		return;
	table_init(&l.table, &l.layout);
	loaded->refused = load_checkpoint(&l);
	if (!loaded->refused)
		loaded->refused = replay_journal(&l);
	if (!loaded->refused) {
		extents_join(&l.table.sectors);
		extents_join(&l.table.bad);
		loaded->generation = l.generation;
		loaded->table = l.table.sectors.at;
		loaded->count = l.table.sectors.count;
		loaded->bad = l.table.bad.at;
		loaded->bad_count = l.table.bad.count;
		l.table.sectors.at = l.table.bad.at = NULL;
	}
	table_free(&l.table);
}

void loaded_free(struct loaded *loaded)
{
	free(loaded->table);
	free(loaded->bad);
	loaded->table = loaded->bad = NULL;
}
