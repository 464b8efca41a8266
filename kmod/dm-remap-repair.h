/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bios that need more than to be sent: they have failed, they meet sectors that are lost or
 * pending, or they lie in several places and cannot be cut. One worker takes them one by one.
 */
#ifndef DM_REMAP_REPAIR_H
#define DM_REMAP_REPAIR_H

#include <linux/list.h>

#include "dm-remap-core.h"

/* How long to wait for memory, step by step: whoever wrote the bio may not get any back before. */
#define REMAP_MEMORY_TRIES 100
#define REMAP_MEMORY_DELAY_MS 20

/* How long a bio may take its time: then nothing is retried, and reads look no further. */
#define REMAP_REPAIR_LIMIT (30 * HZ)

/* Blocks found weak by one repair, at most so many of them are relocated ahead of their failure. */
#define REMAP_MAX_WEAK 16

/* A bio under repair. Everything here happens under the target's move_lock. */
struct remap_repair {
	struct remap_c *rc;
	struct bio *bio;
	const struct bvec_iter *iter;	/* the bio's, as it was sent */
	sector_t first, last;		/* sectors of the target */
	struct list_head pieces;	/* blocks on their way to new slots, held until the end */
	bool may_relocate;
	unsigned long limit;		/* jiffies: see REMAP_REPAIR_LIMIT */
	u64 taken;			/* sectors of @pieces that were on main */
	bool retried;			/* some I/O has worked at another try */
	bool failed;			/* some I/O has failed, on a medium */
	blk_status_t way;		/* ... or on the way there: then how */
	sector_t weak[REMAP_MAX_WEAK];	/* blocks that gave their data only after another try */
	unsigned int nr_weak;
};

int remap_repair_init(struct remap_c *rc);
void remap_repair_exit(struct remap_c *rc);
void remap_repair_queue(struct remap_c *rc, struct bio *bio);
void remap_verify_queue(struct remap_c *rc, struct bio *bio);
void remap_again_queue(struct remap_c *rc, struct bio *bio);
blk_status_t remap_repair_again(struct remap_c *rc, struct bio *bio, const struct bvec_iter *iter,
				sector_t first);
int remap_mark_pending(struct remap_c *rc, sector_t first, sector_t last);
int remap_mark_wrong(struct remap_c *rc, sector_t first, sector_t last);

/* dm-remap-repair-io.c: I/O on a part of the bio, from and to its own pages */
struct remap_area remap_repair_area(const struct remap_repair *rp, const void *value);
blk_status_t remap_repair_io(struct remap_repair *rp, const void *value, sector_t pos,
			     sector_t count);
blk_status_t remap_repair_retry(struct remap_repair *rp, const void *value, sector_t pos,
				blk_status_t status);
void remap_repair_retried(struct remap_repair *rp);
bool remap_repair_is_medium(struct remap_repair *rp, const void *value, blk_status_t status);
blk_status_t remap_repair_compare(struct remap_repair *rp, const void *value, sector_t pos);
sector_t remap_repair_half(const struct remap_repair *rp, sector_t count);
int remap_repair_change(struct remap_repair *rp, sector_t first, sector_t last,
			void *(*become)(void *value), u64 *changed);

/* dm-remap-repair-write.c, dm-remap-repair-read.c */
blk_status_t remap_repair_write(struct remap_repair *rp);
blk_status_t remap_repair_read(struct remap_repair *rp);

#endif
