/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_MOVE_H
#define DM_REMAP_MOVE_H

#include "dm-remap-core.h"

struct remap_range {
	sector_t first, last;
};

/* Sectors; for the reply. */
struct remap_relocated {
	u64 remapped;
	u64 lost;
};

struct remap_unmapped {
	u64 cleared;
	u64 kept;
};

int remap_relocate(struct remap_c *rc, const struct remap_range *ranges, unsigned int nr,
		   struct remap_relocated *result);
bool remap_within_limit(struct remap_c *rc, u64 more);
int remap_relocate_weak_block(struct remap_c *rc, const struct remap_range *range);
void remap_count_bad_slot(struct remap_c *rc, sector_t spare_sector);
int remap_slot_is_bad(struct remap_c *rc, sector_t spare_sector);
int remap_unmap(struct remap_c *rc, const struct remap_range *range, bool force,
		struct remap_unmapped *result);

#endif
