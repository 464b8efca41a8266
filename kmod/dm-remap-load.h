/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading, in three files: dm-remap-super.c finds the superblock that counts, dm-remap-replay.c
 * makes a table of its checkpoint and of the journal behind it, dm-remap-load.c does the rest.
 */
#ifndef DM_REMAP_LOAD_H
#define DM_REMAP_LOAD_H

#include "dm-remap-core.h"
#include "dm-remap-metadata.h"
#include "dm-remap-table.h"

struct remap_loader {
	struct remap_c *rc;
	struct remap_meta *meta;
	struct remap_table *table;
	struct remap_totals totals;
	struct remap_extent previous;	/* entry of the checkpoint */
	u64 entries;			/* of the checkpoint */
	unsigned long unreadable;	/* bits: blocks of the run in the copier's pages */
	bool may_format;		/* a blank spare; else it must be the one that we know */
	bool adopted;			/* no superblock names the checkpoint */
	bool lenient;			/* a part of another checkpoint may be there */
};

int remap_refuse_meta(struct remap_c *rc, const char *what, const char *why);
int remap_refuse_block(struct remap_c *rc, const char *what, u64 block, const char *why);
void *remap_load_block(struct remap_loader *ld, u64 start, u64 index, u64 blocks);

int remap_adopt_checkpoint(struct remap_loader *ld);
int remap_load_super(struct remap_loader *ld);
int remap_load_entries(struct remap_loader *ld);

#endif
