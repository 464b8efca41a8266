// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer's target: an input is the start of a spare. Whatever it holds, the checks of
 * dm-remap-format.h must be free of undefined behaviour, and a table that is accepted must be one
 * that can be served. docs/fuzzing.md tells how to run it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "loader.h"
#include "mutate.h"

static unsigned long runs, tables, replayed, blanks;

static void report(void)
{
	fprintf(stderr, "fuzz: runs=%lu tables=%lu replayed=%lu blanks=%lu\n", runs, tables,
		replayed, blanks);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	quick_crc_init();
	if (~crc32c(~0u, "123456789", 9) != 0xe3069283u ||
	    ~crc32c_plain(~0u, "123456789", 9) != 0xe3069283u)
		abort();
	atexit(report);
	return 0;
}

static void demand(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz: broken: %s\n", what);
	abort();
}

static void check_layout(const struct remap_disk_super *super)
{
	__u64 spare = le64_to_cpu(super->spare_sectors);
	__u32 block_sectors = le32_to_cpu(super->block_sectors);
	struct remap_layout l;

	remap_layout_of(spare, block_sectors, &l);
	demand(l.slots && l.slots <= spare && l.slots_start <= spare - l.slots, "layout in range");
	demand(l.slots % block_sectors == 0, "whole slots");
	demand(l.checkpoint_start[1] == l.checkpoint_start[0] + l.checkpoint_blocks &&
	       l.journal_start == l.checkpoint_start[1] + l.checkpoint_blocks &&
	       l.slots_start == (l.journal_start + l.journal_blocks) * REMAP_BLOCK_SECTORS,
	       "areas follow each other");
	demand(remap_layout_pending(&l, block_sectors) <=
	       l.checkpoint_blocks * REMAP_BLOCK_ENTRIES, "room for pending sectors");
}

static void check_extent(const struct remap_disk_super *super, const struct remap_extent *extent)
{
	__u64 start = le64_to_cpu(super->slots_start), slots = le64_to_cpu(super->slots);

	demand(extent->len, "an extent has sectors");
	if (extent->state != REMAP_DISK_BAD)
		demand(extent->first + extent->len <= le64_to_cpu(super->main_sectors),
		       "sectors of the target");
	if (remap_extent_has_slot(extent))
		demand(extent->slot >= start && extent->slot + extent->len <= start + slots,
		       "slots behind the metadata and on the spare");
}

/* The pure checks take anything: no CRC is asked for here. */
static void check_blocks(const struct image *image)
{
	size_t blocks = image->size / REMAP_BLOCK_SIZE, i, e;
	const struct remap_disk_super *super = NULL;

	for (i = 0; i < blocks && i < 2; i++) {
		const void *block = image->data + i * REMAP_BLOCK_SIZE;

		remap_super_kind_of(block);
		if (remap_super_check(block))
			continue;
		super = block;
		check_layout(super);
	}
	for (i = 2; super && i < blocks; i++) {
		const void *block = image->data + i * REMAP_BLOCK_SIZE;
		struct remap_extent previous = {};

		for (e = 0; e < REMAP_BLOCK_ENTRIES; e++) {
			const struct remap_disk_entry *entry = remap_block_entries(block) + e;
			struct remap_extent extent = remap_entry_unpack(entry);
			struct remap_disk_entry packed = remap_entry_pack(&extent);

			demand(!memcmp(&packed, entry, sizeof(packed)), "an entry survives unpacking");
			remap_extent_follows(&previous, &extent);
			if (!remap_extent_check(super, &extent, 1))
				check_extent(super, &extent);
			previous = extent;
		}
	}
}

/* Not the way the loader does it: every pair. */
static int overlaps(const struct remap_extent *a, const struct remap_extent *b)
{
	return remap_extent_has_slot(a) && remap_extent_has_slot(b) &&
	       a->slot < b->slot + b->len && b->slot < a->slot + a->len;
}

static void check_table(const struct image *image, const struct loaded *loaded)
{
	const struct remap_disk_super *super =
		(const void *)(image->data + loaded->copy * REMAP_BLOCK_SIZE);
	size_t i, j;

	for (i = 0; i < loaded->count; i++) {
		const struct remap_extent *extent = &loaded->table[i];

		check_extent(super, extent);
		demand(extent->state != REMAP_DISK_MAIN && extent->state != REMAP_DISK_BAD &&
		       extent->state < REMAP_DISK_STATES,
		       "a state that a sector can have");
		demand(!i || extent[-1].first + extent[-1].len <= extent->first, "entries ascend");
		for (j = i + 1; j < loaded->count && loaded->count < 1000; j++)
			demand(!overlaps(extent, &loaded->table[j]), "slots are used once");
		for (j = 0; j < loaded->bad_count && loaded->count < 1000; j++)
			demand(!overlaps(extent, &loaded->bad[j]), "bad slots are not used");
	}
	for (i = 0; i < loaded->bad_count; i++) {
		check_extent(super, &loaded->bad[i]);
		demand(loaded->bad[i].state == REMAP_DISK_BAD, "bad slots apart");
	}
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct image image = { .data = data, .size = size };
	struct loaded loaded;

	runs++;
	check_blocks(&image);
	load_image(&image, &loaded);
	blanks += loaded.blank;
	if (!loaded.refused) {
		tables++;
		replayed += loaded.transactions != 0;
		check_table(&image, &loaded);
	}
	loaded_free(&loaded);
	return 0;
}

size_t LLVMFuzzerCustomMutator(__u8 *data, size_t size, size_t room, unsigned int seed)
{
	return mutate_image(data, size, room, seed);
}

size_t LLVMFuzzerCustomCrossOver(const __u8 *one, size_t one_size, const __u8 *other,
				 size_t other_size, __u8 *out, size_t room, unsigned int seed)
{
	return cross_images(one, one_size, other, other_size, out, room, seed);
}
