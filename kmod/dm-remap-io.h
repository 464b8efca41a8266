/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_IO_H
#define DM_REMAP_IO_H

#include "dm-remap-core.h"

/* What end_io has to know of a bio. */
struct remap_io {
	sector_t sector;	/* the block core advances bi_sector on its way */
	u32 sectors;		/* set when @found is */
	u8 counted;		/* phase + 1 in which the bio is counted as under way; 0: it is not */
	bool found;		/* writes lost sectors: they have content again when it succeeds */
};

int remap_map(struct dm_target *ti, struct bio *bio);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

void remap_drain(struct remap_c *rc);
void remap_release_held(struct remap_c *rc);
void remap_found_work(struct work_struct *work);

#endif
