/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loader for metadata in memory, written from docs/metadata-format.md and from nothing else: what
 * the kernel and the tool do with the same bytes is held against it.
 */
#ifndef FUZZ_LOADER_H
#define FUZZ_LOADER_H

#include "quick_crc.h"
#include "dm-remap-format.h"

struct image {
	const __u8 *data;	/* from the start of the spare range */
	size_t size;
};

struct loaded {
	const char *refused;		/* NULL: there is a table */
	int blank;			/* nothing was ever written here */
	unsigned int copy;		/* of the superblock: 0 is A, 1 is B */
	__u64 generation;
	unsigned int transactions;
	unsigned int journal_used;	/* blocks of whole transactions */
	unsigned int dropped;		/* blocks behind them */
	struct remap_extent *table;	/* sectors ascend and do not overlap; joined where they can be */
	size_t count;
	struct remap_extent *bad;	/* slots ascend and do not overlap */
	size_t bad_count;
};

void load_image(const struct image *image, struct loaded *loaded);
void loaded_free(struct loaded *loaded);

#endif
