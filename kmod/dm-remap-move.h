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
int remap_unmap(struct remap_c *rc, const struct remap_range *range, bool force,
		struct remap_unmapped *result);

#endif
