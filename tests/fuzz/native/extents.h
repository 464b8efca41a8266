/* SPDX-License-Identifier: GPL-2.0-only */
/* What the loader builds: sorted arrays of extents, replaced piece by piece; and slots. */
#ifndef FUZZ_EXTENTS_H
#define FUZZ_EXTENTS_H

#include "quick_crc.h"
#include "dm-remap-format.h"

struct extents {
	struct remap_extent *at;
	size_t count, room;
};

struct table {
	struct extents sectors, bad;
	__u64 slots_start, slots;	/* sectors */
	__u8 *taken;			/* a bit for each of them: in use, or bad */
};

void table_init(struct table *table, const struct remap_layout *layout);
void table_free(struct table *table);
/*
 * Replaces what is known of its sectors, or adds to the bad slots. Its slots must be free, or have
 * been those of these sectors. Returns NULL, or what is wrong.
 */
const char *table_apply(struct table *table, const struct remap_extent *extent);
/* Joins neighbours that say the same. */
void extents_join(struct extents *extents);

#endif
