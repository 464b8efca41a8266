/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_IO_H
#define DM_REMAP_IO_H

#include "dm-remap-core.h"

/*
 * Of every bio with data: the part of it that was sent as one, as dm core counts sectors. The block
 * core and drivers below advance the bio's own iterator on its way.
 */
struct remap_io {
	struct bvec_iter iter;
};

/*
 * What the end of a bio must do is kept in the clone's bi_private, which dm core leaves to us as
 * NULL and which every driver below hands back as it got it: a bio that needs nothing then costs
 * end_io one test.
 */
#define REMAP_IO_COUNTED BIT(0)		/* is counted as under way, ... */
#define REMAP_IO_PHASE BIT(1)		/* ... in this phase */
#define REMAP_IO_SETTLED BIT(2)		/* its status is our last word */
#define REMAP_IO_VERIFY BIT(3)		/* its data is checked, or to be remembered for checks */
#define REMAP_IO_MISMATCH BIT(4)	/* read other data than was written */
#define REMAP_IO_FLUSH BIT(5)		/* empty, ... */
#define REMAP_IO_FLUSH_FAILS BIT(6)	/* ... and has to fail for one that did */
#define REMAP_IO_SLOT_WRITE BIT(7)	/* what it wrote may be in the spare's cache */

static inline unsigned long remap_io_flags(const struct bio *bio)
{
	return (unsigned long)bio->bi_private;
}

static inline void remap_io_set(struct bio *bio, unsigned long flags)
{
	bio->bi_private = (void *)flags;
}

/* What remap_map() was given; the bio itself may have come far since. */
static inline const struct bvec_iter *remap_io_iter(struct bio *bio)
{
	return &((struct remap_io *)dm_per_bio_data(bio, sizeof(struct remap_io)))->iter;
}

/* Whole blocks? */
static inline bool remap_is_whole(const struct remap_c *rc, const struct bvec_iter *iter)
{
	return !((dm_target_offset(rc->ti, iter->bi_sector) | iter->bi_size >> SECTOR_SHIFT) &
		 (rc->unit - 1));
}

int remap_map(struct dm_target *ti, struct bio *bio);
int remap_map_flush(struct remap_c *rc, struct bio *bio);
void remap_end_flush(struct remap_c *rc, struct bio *bio, blk_status_t *error);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

void remap_count_error(struct remap_c *rc, const struct bio *bio, blk_status_t error);
void remap_drain(struct remap_c *rc);
void remap_release_held(struct remap_c *rc);
void remap_send_again(struct remap_c *rc, struct bio *bio);

#endif
