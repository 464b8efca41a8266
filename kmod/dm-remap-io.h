/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_IO_H
#define DM_REMAP_IO_H

#include "dm-remap-core.h"

/* Of a bio that met an entry of the table: what its end, or the end of a move, has to know. */
struct remap_io {
	sector_t sector;	/* the block core advances bi_sector on its way */
	u32 sectors;
};

/*
 * What the end of a bio must do is kept in the clone's bi_private, which dm core leaves to us as
 * NULL and which every driver below hands back as it got it: a bio that needs nothing then costs
 * end_io one test, and map() not even the look-up of its per-bio data.
 */
#define REMAP_IO_COUNTED BIT(0)		/* is counted as under way, ... */
#define REMAP_IO_PHASE BIT(1)		/* ... in this phase */
#define REMAP_IO_FOUND BIT(2)		/* writes lost sectors: they have content if it succeeds */
#define REMAP_IO_REFUSED BIT(3)		/* failed by us: no device is to blame */

static inline unsigned long remap_io_flags(const struct bio *bio)
{
	return (unsigned long)bio->bi_private;
}

static inline void remap_io_set(struct bio *bio, unsigned long flags)
{
	bio->bi_private = (void *)flags;
}

int remap_map(struct dm_target *ti, struct bio *bio);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

void remap_drain(struct remap_c *rc);
void remap_release_held(struct remap_c *rc);

/* dm-remap-found.c */
void remap_found_work(struct work_struct *work);
void remap_found_event(struct work_struct *work);

#endif
