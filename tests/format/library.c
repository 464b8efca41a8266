// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/dm-remap-format.h as a library, for tests that compare it with the TypeScript codec. What
 * checks something returns NULL or what is wrong.
 */
#include "dm-remap-format.h"

#define FIELD(member) \
	{ #member, offsetof(struct remap_disk_super, member), \
	  sizeof(((struct remap_disk_super *)0)->member) }

static const struct field {
	const char *name;
	__u32 offset, size;
} fields[] = {
	FIELD(header.magic), FIELD(header.version), FIELD(header.checksum), FIELD(header.count),
	FIELD(header.uuid), FIELD(header.generation), FIELD(header.sequence), FIELD(header.flags),
	FIELD(header.salt), FIELD(incompat), FIELD(ro_compat), FIELD(compat), FIELD(block_sectors),
	FIELD(main_start), FIELD(main_sectors), FIELD(main_device_sectors), FIELD(spare_start),
	FIELD(spare_sectors), FIELD(spare_device_sectors), FIELD(checkpoint_blocks),
	FIELD(journal_blocks), FIELD(slots_start), FIELD(slots), FIELD(checkpoint),
	FIELD(reserved), FIELD(checkpoint_used), FIELD(entries), FIELD(lost), FIELD(pending),
	FIELD(bad), FIELD(created), FIELD(written), FIELD(linked_uuid), FIELD(linked_generation),
	FIELD(reserved2), FIELD(name), FIELD(main_id), FIELD(args), FIELD(reserved3),
};

/* The name of a field of the superblock, in the order of the structure; NULL behind the last. */
const char *format_field(__u32 i, __u32 *offset_and_size)
{
	if (i >= sizeof(fields) / sizeof(fields[0]))
		return NULL;
	offset_and_size[0] = fields[i].offset;
	offset_and_size[1] = fields[i].size;
	return fields[i].name;
}

__u32 format_crc(const void *data, size_t size)
{
	return ~crc32c(~0u, data, size);
}

__u32 format_checksum(const void *block)
{
	return remap_block_checksum(block);
}

void format_layout(__u64 spare_sectors, __u32 block_sectors, __u64 *out)
{
	struct remap_layout layout;

	remap_layout_of(spare_sectors, block_sectors, &layout);
	out[0] = layout.checkpoint_start[0];
	out[1] = layout.checkpoint_start[1];
	out[2] = layout.checkpoint_blocks;
	out[3] = layout.journal_start;
	out[4] = layout.journal_blocks;
	out[5] = layout.slots_start;
	out[6] = layout.slots;
	out[7] = remap_layout_pending(&layout, block_sectors);
}

__u32 format_super_kind(const void *block)
{
	return remap_super_kind_of(block);
}

const char *format_super_check(const void *block)
{
	return remap_super_check(block);
}

const char *format_block_check(const void *block, int journal, const void *uuid, __u64 generation,
			       __u32 salt, __u64 sequence)
{
	struct remap_disk_super super = {};

	memcpy(super.header.uuid, uuid, sizeof(super.header.uuid));
	return remap_block_check(block, journal ? REMAP_MAGIC_JOURNAL : REMAP_MAGIC_CHECKPOINT,
				 &super, generation, salt, sequence);
}

/* Four numbers are an extent: first, len, slot, state. */
static struct remap_extent extent_of(const __u64 *numbers)
{
	struct remap_extent extent = {
		.first = numbers[0], .len = numbers[1], .slot = numbers[2], .state = numbers[3],
	};

	return extent;
}

const char *format_extent_check(__u32 block_sectors, __u64 main_sectors, __u64 spare_sectors,
				const __u64 *numbers, int journal)
{
	struct remap_extent extent = extent_of(numbers);
	struct remap_disk_super super = {
		.block_sectors = cpu_to_le32(block_sectors),
		.main_sectors = cpu_to_le64(main_sectors),
	};
	struct remap_layout layout;

	remap_layout_of(spare_sectors, block_sectors, &layout);
	super.slots_start = cpu_to_le64(layout.slots_start);
	super.slots = cpu_to_le64(layout.slots);
	return remap_extent_check(&super, &extent, journal);
}

const char *format_extent_follows(const __u64 *previous, const __u64 *numbers)
{
	struct remap_extent before = extent_of(previous), extent = extent_of(numbers);

	return remap_extent_follows(&before, &extent);
}

void format_unpack(const void *entry, __u64 *out)
{
	struct remap_extent extent = remap_entry_unpack(entry);

	out[0] = extent.first;
	out[1] = extent.len;
	out[2] = extent.slot;
	out[3] = extent.state;
}

/* A checkpoint or journal block with @nr extents, sealed. */
void format_write_block(void *block, int journal, const void *uuid, const __u64 *numbers,
			const __u64 *extents, __u32 nr)
{
	struct remap_disk_header *header = block;
	struct remap_disk_entry *entries = (void *)(header + 1);
	__u32 i;

	memset(block, 0, REMAP_BLOCK_SIZE);
	memcpy(header->magic, journal ? REMAP_MAGIC_JOURNAL : REMAP_MAGIC_CHECKPOINT,
	       REMAP_MAGIC_SIZE);
	header->version = cpu_to_le32(REMAP_FORMAT_VERSION);
	header->count = cpu_to_le64(nr);
	memcpy(header->uuid, uuid, sizeof(header->uuid));
	header->generation = cpu_to_le64(numbers[0]);
	header->sequence = cpu_to_le64(numbers[1]);
	header->flags = cpu_to_le32(numbers[2]);
	header->salt = cpu_to_le32(numbers[3]);
	for (i = 0; i < nr; i++) {
		struct remap_extent extent = extent_of(extents + 4 * i);

		entries[i] = remap_entry_pack(&extent);
	}
	remap_block_seal(block);
}

/* A superblock: its numbers in the order of the structure, but for what the layout gives. */
void format_write_super(void *block, const void *uuid, const __u64 *n, const void *linked,
			const void *name, const void *main_id, const void *args)
{
	struct remap_disk_super *super = block;
	struct remap_layout layout;

	memset(block, 0, REMAP_BLOCK_SIZE);
	memcpy(super->header.magic, REMAP_MAGIC_SUPER, REMAP_MAGIC_SIZE);
	super->header.version = cpu_to_le32(REMAP_FORMAT_VERSION);
	memcpy(super->header.uuid, uuid, sizeof(super->header.uuid));
	super->header.count = cpu_to_le64(n[0]);
	super->header.generation = cpu_to_le64(n[1]);
	super->header.sequence = cpu_to_le64(n[2]);
	super->header.salt = cpu_to_le32(n[3]);
	super->incompat = cpu_to_le32(n[4]);
	super->ro_compat = cpu_to_le32(n[5]);
	super->compat = cpu_to_le32(n[6]);
	super->block_sectors = cpu_to_le32(n[7]);
	super->main_start = cpu_to_le64(n[8]);
	super->main_sectors = cpu_to_le64(n[9]);
	super->main_device_sectors = cpu_to_le64(n[10]);
	super->spare_start = cpu_to_le64(n[11]);
	super->spare_sectors = cpu_to_le64(n[12]);
	super->spare_device_sectors = cpu_to_le64(n[13]);
	remap_layout_of(n[12], n[7], &layout);
	super->checkpoint_blocks = cpu_to_le64(layout.checkpoint_blocks);
	super->journal_blocks = cpu_to_le64(layout.journal_blocks);
	super->slots_start = cpu_to_le64(layout.slots_start);
	super->slots = cpu_to_le64(layout.slots);
	super->checkpoint = cpu_to_le32(n[14]);
	super->checkpoint_used = cpu_to_le64(n[15]);
	super->entries = cpu_to_le64(n[16]);
	super->lost = cpu_to_le64(n[17]);
	super->pending = cpu_to_le64(n[18]);
	super->bad = cpu_to_le64(n[19]);
	super->created = cpu_to_le64(n[20]);
	super->written = cpu_to_le64(n[21]);
	memcpy(super->linked_uuid, linked, sizeof(super->linked_uuid));
	super->linked_generation = cpu_to_le64(n[22]);
	memcpy(super->name, name, sizeof(super->name));
	memcpy(super->main_id, main_id, sizeof(super->main_id));
	memcpy(super->args, args, sizeof(super->args));
	remap_block_seal(block);
}
