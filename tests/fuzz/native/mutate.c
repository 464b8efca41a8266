// SPDX-License-Identifier: GPL-2.0-only
#include "mutate.h"

#include "quick_crc.h"
#include "dm-remap-format.h"

/* libFuzzer's own. */
size_t LLVMFuzzerMutate(__u8 *data, size_t size, size_t room);

#define SIZE REMAP_BLOCK_SIZE

static __u32 state;

static __u32 pick(__u32 below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return below ? state % below : 0;
}

static __u64 boundary(__u64 now)
{
	static const __u64 values[] = {
		0, 1, 2, 7, 8, 251, 252, 253, 255, 256, 32768, 65535, 65536,
		(1ull << 31) - 1, 1ull << 31, ~0u, 1ull << 32, (1ull << 48) - 1, 1ull << 48,
		(1ull << 53) - 1, 1ull << 53, 1ull << 63, ~0ull,
	};

	switch (pick(6)) {
	case 0:
		return now + 1;
	case 1:
		return now - 1;
	case 2:
		return now ^ 1ull << pick(64);
	case 3:
		return now * 2;
	default:
		return values[pick(sizeof(values) / sizeof(*values))];
	}
}

static void change(void *block, size_t at, size_t size)
{
	__u64 value = 0;

	memcpy(&value, (__u8 *)block + at, size);
	value = boundary(value);
	memcpy((__u8 *)block + at, &value, size);
}

struct field {
	__u16 at;
	__u8 size;
};

#define FIELD(type, name) { offsetof(struct type, name), sizeof(((struct type *)0)->name) }

static void change_header(void *block)
{
	static const struct field fields[] = {
		FIELD(remap_disk_header, version), FIELD(remap_disk_header, count),
		FIELD(remap_disk_header, generation), FIELD(remap_disk_header, sequence),
		FIELD(remap_disk_header, flags), FIELD(remap_disk_header, salt),
	};
	const struct field *field = &fields[pick(sizeof(fields) / sizeof(*fields))];

	change(block, field->at, field->size);
}

static void change_super(void *block)
{
	static const struct field fields[] = {
		FIELD(remap_disk_super, incompat), FIELD(remap_disk_super, ro_compat),
		FIELD(remap_disk_super, block_sectors), FIELD(remap_disk_super, main_start),
		FIELD(remap_disk_super, main_sectors), FIELD(remap_disk_super, spare_sectors),
		FIELD(remap_disk_super, checkpoint_blocks), FIELD(remap_disk_super, journal_blocks),
		FIELD(remap_disk_super, slots_start), FIELD(remap_disk_super, slots),
		FIELD(remap_disk_super, checkpoint), FIELD(remap_disk_super, checkpoint_used),
		FIELD(remap_disk_super, entries), FIELD(remap_disk_super, compat),
		FIELD(remap_disk_super, linked_generation),
	};
	const struct field *field = &fields[pick(sizeof(fields) / sizeof(*fields))];

	change(block, field->at, field->size);
}

/* Another size of the spare, and all that follows from it. */
static void change_geometry(void *block)
{
	struct remap_disk_super *super = block;
	__u32 block_sectors = 1u << pick(4);
	__u64 spare = pick(2) ? boundary(le64_to_cpu(super->spare_sectors)) : 100 + pick(4000);
	struct remap_layout l;

	remap_layout_of(spare, block_sectors, &l);
	super->spare_sectors = cpu_to_le64(spare);
	super->block_sectors = cpu_to_le32(block_sectors);
	super->checkpoint_blocks = cpu_to_le64(l.checkpoint_blocks);
	super->journal_blocks = cpu_to_le64(l.journal_blocks);
	super->slots_start = cpu_to_le64(l.slots_start);
	super->slots = cpu_to_le64(l.slots);
}

static void change_entry(void *block)
{
	struct remap_disk_header *header = block;
	struct remap_disk_entry *entries = (struct remap_disk_entry *)(header + 1);
	__u64 count = le64_to_cpu(header->count);
	__u32 index = pick(count && count <= REMAP_BLOCK_ENTRIES ? count : REMAP_BLOCK_ENTRIES);
	struct remap_extent extent = remap_entry_unpack(&entries[index]);

	switch (pick(7)) {
	case 0:
		extent.first = boundary(extent.first) & REMAP_DISK_SECTOR_MASK;
		break;
	case 1:
		extent.slot = boundary(extent.slot) & REMAP_DISK_SECTOR_MASK;
		break;
	case 2:
		extent.len = boundary(extent.len) & 0xffff;
		break;
	case 3:
		extent.state = pick(REMAP_DISK_STATES + 1);
		break;
	case 4:
		extent.state = pick(0x10000);
		break;
	case 5:
		entries[index] = entries[pick(REMAP_BLOCK_ENTRIES)];
		return;
	default:
		extent.first += extent.len;
		extent.slot += extent.len;
		break;
	}
	entries[index] = remap_entry_pack(&extent);
}

/* One more block of the journal, with entries that pass, mostly. */
static void append_journal(__u8 *data, size_t blocks)
{
	const struct remap_disk_super *super = (const void *)(data + pick(2) * SIZE);
	__u64 slots_start = le64_to_cpu(super->slots_start), slots = le64_to_cpu(super->slots);
	__u64 start = slots_start / REMAP_BLOCK_SECTORS - le64_to_cpu(super->journal_blocks), i;
	__u32 unit = le32_to_cpu(super->block_sectors), count = pick(6), e;
	struct remap_disk_header header = { .magic = REMAP_MAGIC_JOURNAL };
	__u8 *block;

	if (remap_super_check(super) || start >= blocks)
		return;
	for (i = 0; start + i + 1 < blocks; i++)
		if (remap_block_check(data + (start + i) * SIZE, REMAP_MAGIC_JOURNAL, super,
				      le64_to_cpu(super->header.generation),
				      le32_to_cpu(super->header.salt), i))
			break;
	block = data + (start + i) * SIZE;
	memset(block, 0, SIZE);
	header.version = cpu_to_le32(REMAP_FORMAT_VERSION);
	header.count = cpu_to_le64(count);
	memcpy(header.uuid, super->header.uuid, sizeof(header.uuid));
	header.generation = super->header.generation;
	header.salt = super->header.salt;
	header.sequence = cpu_to_le64(i);
	header.flags = cpu_to_le32(pick(4) ? REMAP_DISK_LAST : 0);
	memcpy(block, &header, sizeof(header));
	for (e = 0; e < count; e++) {
		struct remap_extent extent = {
			.state = pick(REMAP_DISK_STATES),
			.len = (1 + pick(4)) * unit,
		};
		struct remap_disk_entry entry;

		if (extent.state != REMAP_DISK_BAD)
			extent.first = pick(64) * unit;
		if (remap_extent_has_slot(&extent))
			extent.slot = slots_start + pick(slots / unit < 64 ? slots / unit : 64) * unit;
		entry = remap_entry_pack(&extent);
		memcpy(block + sizeof(header) + e * sizeof(entry), &entry, sizeof(entry));
	}
}

/* Most often a block that holds something. */
static __u8 *some_block(__u8 *data, size_t blocks)
{
	unsigned int tries;
	__u8 *block = data;

	for (tries = 0; tries < 8; tries++) {
		block = data + pick(blocks) * SIZE;
		if (!remap_block_is_zero(block))
			break;
	}
	return block;
}

static void change_block(__u8 *data, size_t blocks)
{
	__u8 *block = some_block(data, blocks), *other = some_block(data, blocks);
	__u8 spare[SIZE];

	switch (pick(11)) {
	case 0:
		memset(block, 0, SIZE);
		return;
	case 1:
		memmove(block, other, SIZE);
		return;
	case 2:
		memcpy(spare, block, SIZE);
		memmove(block, other, SIZE);
		memcpy(other, spare, SIZE);
		return;
	case 3:
		block[pick(SIZE)] ^= 1u << pick(8);
		return;
	case 4:
		LLVMFuzzerMutate(block, SIZE, SIZE);
		break;
	case 5:
		change_header(block);
		break;
	case 6:
		block = data + pick(2) * SIZE;
		change_super(block);
		break;
	case 7:
		block = data + pick(2) * SIZE;
		change_geometry(block);
		break;
	case 8:
		append_journal(data, blocks);
		for (block = data + 2 * SIZE; block < data + blocks * SIZE; block += SIZE)
			if (remap_block_has_magic(block, REMAP_MAGIC_JOURNAL))
				remap_block_seal(block);
		return;
	default:
		change_entry(block);
		break;
	}
	remap_block_seal(block);
}

size_t mutate_image(__u8 *data, size_t size, size_t room, unsigned int seed)
{
	unsigned int times;

	state = seed * 2654435761u | 1;
	if (size < 2 * SIZE || !pick(100))
		return LLVMFuzzerMutate(data, size, room);
	if (!pick(50))
		return size - (1 + pick(3)) * (pick(2) ? SIZE : 512) / 2;
	for (times = 1 + (pick(4) ? 0 : pick(4)); times; times--)
		change_block(data, size / SIZE);
	return size;
}

size_t cross_images(const __u8 *one, size_t one_size, const __u8 *other, size_t other_size,
		    __u8 *out, size_t room, unsigned int seed)
{
	size_t size = one_size < room ? one_size : room, at;

	state = seed * 2654435761u | 1;
	memcpy(out, one, size);
	for (at = 0; at + SIZE <= size && at + SIZE <= other_size; at += SIZE)
		if (!pick(4))
			memcpy(out + at, other + at, SIZE);
	return size;
}
