/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata on the spare: structures and the checks that need nothing but a block.
 *
 * docs/metadata-format.md is the norm. Everything is little-endian, in blocks of 4096 bytes, and
 * hostile until checked. Compiles in user space too, where the tests fuzz it.
 *
 * A check returns NULL, or what is wrong in words for the log.
 */
#ifndef DM_REMAP_FORMAT_H
#define DM_REMAP_FORMAT_H

#ifdef __KERNEL__
#include <linux/crc32c.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include "dm-remap-format-user.h"
#endif

#define REMAP_BLOCK_SIZE 4096u
#define REMAP_BLOCK_SECTORS 8u
#define REMAP_FORMAT_VERSION 1u

/* 48 bits for sectors: 128 PiB. */
#define REMAP_DISK_SECTOR_BITS 48
#define REMAP_DISK_MAX_SECTORS (1ull << REMAP_DISK_SECTOR_BITS)
#define REMAP_DISK_SECTOR_MASK (REMAP_DISK_MAX_SECTORS - 1)
/* Runs are written in parts of at most so many sectors, a multiple of every logical block. */
#define REMAP_DISK_MAX_RUN 32768u

#define REMAP_MAGIC_SIZE 8
#define REMAP_MAGIC_SUPER "DmRemapS"
#define REMAP_MAGIC_CHECKPOINT "DmRemapC"
#define REMAP_MAGIC_JOURNAL "DmRemapJ"

/* In the header's flags: the last block of a checkpoint, or of a journal transaction. */
#define REMAP_DISK_LAST 1u

/* Every block starts so. */
struct remap_disk_header {
	__u8 magic[REMAP_MAGIC_SIZE];
	__le32 version;
	__le32 checksum;	/* CRC-32C of the block, with this field taken as zero */
	__le64 count;		/* superblock: sectors relocated; else: entries in this block */
	__u8 uuid[16];
	__le64 generation;	/* of the checkpoint that it describes, belongs to, or continues */
	__le64 sequence;	/* superblock: how many were written; else: index of the block */
	__le32 flags;
	__le32 salt;		/* of one attempt at a checkpoint: see remap_salt(); 0 at first */
} __packed;

struct remap_disk_entry {
	__le64 where;	/* bits 0-47: first sector of the target; 48-63: length in sectors */
	__le64 there;	/* bits 0-47: sector of the spare range; 48-55: state; 56-63: zero */
} __packed;

#define REMAP_BLOCK_ENTRIES \
	((REMAP_BLOCK_SIZE - sizeof(struct remap_disk_header)) / sizeof(struct remap_disk_entry))

enum remap_disk_state {
	REMAP_DISK_MAIN,	/* journal only: back on main, readable as far as is known */
	REMAP_DISK_REMAPPED,
	REMAP_DISK_LOST,	/* relocated; its content could not be read and was not rewritten */
	REMAP_DISK_PENDING,	/* on main, which could not read it */
	REMAP_DISK_UNREADABLE,	/* relocated; its slot could not be read */
	REMAP_DISK_BAD,		/* slots that are never used again; the first sector is 0 */
	REMAP_DISK_WRONG,	/* on main, which gave something else than was written */
	REMAP_DISK_WRONG_SLOT,	/* relocated; its slot gave something else */
	REMAP_DISK_STATES,
};

/* Superblock, incompat: nobody takes these for a spare in use, nor did versions before them. */
#define REMAP_DISK_UNFINISHED 1u	/* a migration to this spare has not ended */
#define REMAP_DISK_MOVED 2u		/* a migration from this spare has ended */

/* Superblock, compat: a migration from here was under way; who uses it makes a new checkpoint. */
#define REMAP_DISK_MIGRATING 1u

#define REMAP_DISK_NAME_SIZE 128
#define REMAP_DISK_ID_SIZE 128
#define REMAP_DISK_ARGS_SIZE 1024

struct remap_disk_super {
	struct remap_disk_header header;
	__le32 incompat;	/* features that must be known to read the metadata */
	__le32 ro_compat;	/* features that must be known to change it */
	__le32 compat;
	__le32 block_sectors;	/* main's logical block: the unit of everything below */
	__le64 main_start;
	__le64 main_sectors;	/* length of the target */
	__le64 main_device_sectors;
	__le64 spare_start;
	__le64 spare_sectors;	/* the range, metadata and slots */
	__le64 spare_device_sectors;
	__le64 checkpoint_blocks;	/* of each of the two checkpoint slots */
	__le64 journal_blocks;
	__le64 slots_start;	/* sectors from the start of the range */
	__le64 slots;		/* sectors */
	__le32 checkpoint;	/* 0 or 1: which one is current */
	__le32 reserved;
	__le64 checkpoint_used;	/* its blocks */
	__le64 entries;		/* in it */
	__le64 lost;		/* sectors relocated without readable content */
	__le64 pending;		/* sectors of main that could not be read */
	__le64 bad;		/* slots */
	__le64 created;		/* seconds since 1970 */
	__le64 written;
	__u8 linked_uuid[16];	/* of the spare that it has come from, or has moved to; or zero */
	__le64 linked_generation;	/* of that spare when its content came from there */
	__u8 reserved2[8];
	char name[REMAP_DISK_NAME_SIZE];	/* of the mapped device; ends with zeroes */
	char main_id[REMAP_DISK_ID_SIZE];	/* identifies the main device; ends with zeroes */
	char args[REMAP_DISK_ARGS_SIZE];	/* feature arguments of the table line */
	__u8 reserved3[REMAP_BLOCK_SIZE - 1536];
} __packed;

/* Where everything lies: a function of the size of the spare range and of main's logical block. */
struct remap_layout {
	__u64 checkpoint_start[2];	/* blocks from the start of the range */
	__u64 checkpoint_blocks;
	__u64 journal_start;
	__u64 journal_blocks;
	__u64 slots_start;		/* sectors */
	__u64 slots;			/* sectors; 0: the range is too small */
};

static inline void remap_layout_of(__u64 spare_sectors, __u32 block_sectors,
				   struct remap_layout *layout)
{
	__u64 units = spare_sectors / block_sectors;
	__u64 journal = spare_sectors / REMAP_BLOCK_SECTORS / 32;

	/* Every slot may be an extent of its own; the rest is for pending sectors. */
	layout->checkpoint_blocks = (units + units / 8 + 256 + REMAP_BLOCK_ENTRIES - 1) /
				    REMAP_BLOCK_ENTRIES;
	layout->journal_blocks = journal < 8 ? 8 : journal > 1024 ? 1024 : journal;
	layout->checkpoint_start[0] = 2;
	layout->checkpoint_start[1] = 2 + layout->checkpoint_blocks;
	layout->journal_start = 2 + 2 * layout->checkpoint_blocks;
	layout->slots_start = (layout->journal_start + layout->journal_blocks) *
			      REMAP_BLOCK_SECTORS;
	layout->slots = 0;
	if (layout->slots_start < spare_sectors)
		layout->slots = (spare_sectors - layout->slots_start) / block_sectors *
				block_sectors;
}

/* How many entries of a checkpoint may be pending sectors: the others always find room. */
static inline __u64 remap_layout_pending(const struct remap_layout *layout, __u32 block_sectors)
{
	return layout->checkpoint_blocks * REMAP_BLOCK_ENTRIES - layout->slots / block_sectors;
}

static inline __u32 remap_block_checksum(const void *block)
{
	static const __u8 zero[4];
	const size_t at = offsetof(struct remap_disk_header, checksum);
	__u32 crc = crc32c(~0u, block, at);

	crc = crc32c(crc, zero, sizeof(zero));
	return ~crc32c(crc, (const __u8 *)block + at + sizeof(zero),
		       REMAP_BLOCK_SIZE - at - sizeof(zero));
}

static inline void remap_block_seal(void *block)
{
	struct remap_disk_header *header = block;

	header->checksum = cpu_to_le32(remap_block_checksum(block));
}

static inline int remap_block_is_zero(const void *block)
{
	return !memchr_inv(block, 0, REMAP_BLOCK_SIZE);
}

static inline int remap_block_has_magic(const void *block, const char *magic)
{
	return !memcmp(((const struct remap_disk_header *)block)->magic, magic, REMAP_MAGIC_SIZE);
}

/* Is it a block of this kind as somebody once wrote it? */
static inline int remap_block_is_sound(const void *block, const char *magic)
{
	const struct remap_disk_header *header = block;

	return remap_block_has_magic(block, magic) &&
	       le32_to_cpu(header->checksum) == remap_block_checksum(block);
}

/*
 * What the blocks of one attempt at a checkpoint have in common: a random number, and how many
 * blocks of the journal before it (@journal of them may be on the medium) are part of it.
 */
static inline __u32 remap_salt(__u32 random, __u64 journal)
{
	return random << 16 | (journal & 0xffff);
}

static inline __u64 remap_salt_journal(__u32 salt)
{
	return salt & 0xffff;
}

enum remap_super_kind {
	REMAP_SUPER_ZERO,
	REMAP_SUPER_DAMAGED,	/* or never one of ours */
	REMAP_SUPER_NEWER,	/* sound, but not to be understood by this version */
	REMAP_SUPER_SOUND,
	REMAP_SUPER_UNFINISHED,	/* sound, but the target of a migration that did not end */
	REMAP_SUPER_MOVED,	/* sound, but what it described is on another spare now */
};

static inline enum remap_super_kind remap_super_kind_of(const void *block)
{
	const struct remap_disk_super *super = block;

	if (remap_block_is_zero(block))
		return REMAP_SUPER_ZERO;
	if (!remap_block_is_sound(block, REMAP_MAGIC_SUPER))
		return REMAP_SUPER_DAMAGED;
	if (le32_to_cpu(super->header.version) != REMAP_FORMAT_VERSION)
		return REMAP_SUPER_NEWER;
	switch (le32_to_cpu(super->incompat)) {
	case 0:
		return REMAP_SUPER_SOUND;
	case REMAP_DISK_UNFINISHED:
		return REMAP_SUPER_UNFINISHED;
	case REMAP_DISK_MOVED:
		return REMAP_SUPER_MOVED;
	default:
		return REMAP_SUPER_NEWER;
	}
}

/* Generations and sequences start at 1 and never wrap around: nobody writes so many. */
static inline int remap_counter_is_impossible(__u64 counter)
{
	return !counter || counter >> REMAP_DISK_SECTOR_BITS;
}

static inline int remap_text_ends(const char *text, size_t size)
{
	return !!memchr(text, 0, size);
}

/* Does a sound superblock make sense in itself? */
static inline const char *remap_super_check(const struct remap_disk_super *super)
{
	__u32 block_sectors = le32_to_cpu(super->block_sectors);
	__u64 main_sectors = le64_to_cpu(super->main_sectors);
	__u64 spare_sectors = le64_to_cpu(super->spare_sectors);
	__u64 used = le64_to_cpu(super->checkpoint_used);
	__u64 entries = le64_to_cpu(super->entries);
	struct remap_layout layout;

	if (!block_sectors || block_sectors > REMAP_BLOCK_SECTORS ||
	    (block_sectors & (block_sectors - 1)))
		return "superblock: impossible logical block size";
	if (!main_sectors || main_sectors > REMAP_DISK_MAX_SECTORS ||
	    main_sectors % block_sectors || spare_sectors > REMAP_DISK_MAX_SECTORS)
		return "superblock: impossible device sizes";
	remap_layout_of(spare_sectors, block_sectors, &layout);
	if (!layout.slots)
		return "superblock: impossible device sizes";
	if (le64_to_cpu(super->checkpoint_blocks) != layout.checkpoint_blocks ||
	    le64_to_cpu(super->journal_blocks) != layout.journal_blocks ||
	    le64_to_cpu(super->slots_start) != layout.slots_start ||
	    le64_to_cpu(super->slots) != layout.slots)
		return "superblock: the layout does not follow from the sizes";
	/* Only formatting makes a checkpoint of no blocks. */
	if (le32_to_cpu(super->checkpoint) > 1 || used > layout.checkpoint_blocks ||
	    !used != (le64_to_cpu(super->header.generation) == 1) ||
	    entries > used * REMAP_BLOCK_ENTRIES)
		return "superblock: impossible checkpoint";
	if (remap_counter_is_impossible(le64_to_cpu(super->header.generation)) ||
	    remap_counter_is_impossible(le64_to_cpu(super->header.sequence)))
		return "superblock: impossible generation or sequence";
	if (!remap_text_ends(super->name, sizeof(super->name)) ||
	    !remap_text_ends(super->main_id, sizeof(super->main_id)) ||
	    !remap_text_ends(super->args, sizeof(super->args)))
		return "superblock: a text does not end";
	return NULL;
}

/*
 * Is a block that block of the checkpoint, or of the journal, of that generation? Two attempts at
 * one checkpoint may share a generation, but not their salt.
 */
static inline const char *remap_block_check(const void *block, const char *magic,
					    const struct remap_disk_super *super,
					    __u64 generation, __u32 salt, __u64 sequence)
{
	const struct remap_disk_header *header = block;

	if (!remap_block_is_sound(block, magic))
		return "damaged";
	if (le32_to_cpu(header->version) != REMAP_FORMAT_VERSION)
		return "of another version";
	if (memcmp(header->uuid, super->header.uuid, sizeof(header->uuid)))
		return "of another device";
	if (le64_to_cpu(header->generation) != generation || le32_to_cpu(header->salt) != salt)
		return "of another generation";
	if (le64_to_cpu(header->sequence) != sequence)
		return "in the wrong place";
	if (le64_to_cpu(header->count) > REMAP_BLOCK_ENTRIES)
		return "impossible number of entries";
	if (le32_to_cpu(header->flags) & ~REMAP_DISK_LAST)
		return "unknown flags";
	return NULL;
}

static inline const struct remap_disk_entry *remap_block_entries(const void *block)
{
	return (const struct remap_disk_entry *)((const struct remap_disk_header *)block + 1);
}

/* An entry, unpacked. */
struct remap_extent {
	__u64 first;	/* sector of the target */
	__u64 slot;	/* sector of the spare range; 0 for what lies on main */
	__u32 len;	/* sectors */
	__u32 state;	/* enum remap_disk_state */
};

static inline struct remap_extent remap_entry_unpack(const struct remap_disk_entry *entry)
{
	__u64 where = le64_to_cpu(entry->where), there = le64_to_cpu(entry->there);
	struct remap_extent extent = {
		.first = where & REMAP_DISK_SECTOR_MASK,
		.slot = there & REMAP_DISK_SECTOR_MASK,
		.len = where >> REMAP_DISK_SECTOR_BITS,
		.state = there >> REMAP_DISK_SECTOR_BITS,
	};

	return extent;
}

static inline struct remap_disk_entry remap_entry_pack(const struct remap_extent *extent)
{
	struct remap_disk_entry entry = {
		.where = cpu_to_le64(extent->first | (__u64)extent->len << REMAP_DISK_SECTOR_BITS),
		.there = cpu_to_le64(extent->slot | (__u64)extent->state << REMAP_DISK_SECTOR_BITS),
	};

	return entry;
}

static inline int remap_extent_has_slot(const struct remap_extent *extent)
{
	return extent->state != REMAP_DISK_MAIN && extent->state != REMAP_DISK_PENDING &&
	       extent->state != REMAP_DISK_WRONG;
}

/* Does an entry stay inside the devices of its (checked) superblock? */
static inline const char *remap_extent_check(const struct remap_disk_super *super,
					     const struct remap_extent *extent, int journal)
{
	__u64 misaligned = le32_to_cpu(super->block_sectors) - 1;
	__u64 main_sectors = le64_to_cpu(super->main_sectors);
	__u64 start = le64_to_cpu(super->slots_start), slots = le64_to_cpu(super->slots);

	if (extent->state >= REMAP_DISK_STATES || (extent->state == REMAP_DISK_MAIN && !journal))
		return "entry of unknown state";
	if (!extent->len || (extent->first | extent->len | extent->slot) & misaligned)
		return "entry is not whole logical blocks";
	if (extent->state == REMAP_DISK_BAD && extent->first)
		return "bad slots with a sector of main";
	if (extent->state != REMAP_DISK_BAD &&
	    (extent->first >= main_sectors || extent->len > main_sectors - extent->first))
		return "entry past the end of main";
	if (!remap_extent_has_slot(extent))
		return extent->slot ? "slot for a sector on main" : NULL;
	if (extent->slot < start || extent->slot - start >= slots ||
	    extent->len > slots - (extent->slot - start))
		return "slot out of range";
	return NULL;
}

/*
 * In a checkpoint: sectors ascend, bad slots come last and ascend, too. @previous is all zeroes
 * for the first entry.
 */
static inline const char *remap_extent_follows(const struct remap_extent *previous,
					       const struct remap_extent *extent)
{
	int bad = extent->state == REMAP_DISK_BAD, was_bad = previous->state == REMAP_DISK_BAD;

	if (was_bad && !bad)
		return "sectors behind the bad slots";
	if (bad ? was_bad && extent->slot < previous->slot + previous->len :
		  extent->first < previous->first + previous->len)
		return "entries overlap or do not ascend";
	return NULL;
}

#endif
