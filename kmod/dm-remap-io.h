/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_IO_H
#define DM_REMAP_IO_H

#include "dm-remap-core.h"

/* Of a bio that met an entry of the table: what its end, or the end of a move, has to know. */
struct remap_io {
	sector_t sector;	/* the block core advances bi_sector on its way */
	u32 sectors;
};

int remap_map(struct dm_target *ti, struct bio *bio);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

void remap_drain(struct remap_c *rc);
void remap_release_held(struct remap_c *rc);
void remap_found_work(struct work_struct *work);
void remap_found_event(struct work_struct *work);

#endif
