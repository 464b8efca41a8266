/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O that the target does on its own account: one range at a time, through its own pages.
 * Every caller holds the target's move_lock, which guards the pages.
 */
#ifndef DM_REMAP_COPY_H
#define DM_REMAP_COPY_H

#include "dm-remap-core.h"

int remap_copier_init(struct remap_copier *copier);
void remap_copier_exit(struct remap_copier *copier);

blk_status_t remap_copy_io(struct remap_c *rc, const struct remap_area *area, blk_opf_t opf,
			   sector_t sector, sector_t offset, sector_t count);
blk_status_t remap_copy_retry(struct remap_c *rc, const struct remap_area *area, blk_opf_t opf,
			      sector_t sector, sector_t offset, sector_t count);
void remap_flush_begin(struct remap_c *rc);
int remap_flush(struct remap_c *rc, const struct remap_area *area);
bool remap_told_to_stop(const struct remap_c *rc);

#endif
