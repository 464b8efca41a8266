/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify_reads: CRC32C of every logical block that was written since activation.
 *
 * What is not known is not verified: a block that has not been written, that is being written, or
 * for which there was no memory. Nothing here is persistent.
 */
#ifndef DM_REMAP_VERIFY_H
#define DM_REMAP_VERIFY_H

#include "dm-remap-core.h"

struct remap_crcs;

struct remap_crcs *remap_crcs_create(unsigned int unit);
void remap_crcs_destroy(struct remap_crcs *crcs);
void remap_crcs_sums(const struct remap_crcs *crcs, u64 *blocks, u64 *bytes);

void remap_crcs_write_begin(struct remap_crcs *crcs, struct bio *bio, sector_t sector);
bool remap_crcs_unchanged(struct remap_crcs *crcs, struct bio *bio, const struct bvec_iter *iter,
			  sector_t sector);
void remap_crcs_write_end(struct remap_crcs *crcs, sector_t sector, sector_t sectors, bool ok);
void remap_crcs_forget(struct remap_crcs *crcs, sector_t first, sector_t last);
bool remap_crcs_knows(struct remap_crcs *crcs, sector_t sector, sector_t sectors);

bool remap_crcs_match(struct remap_crcs *crcs, struct bio *bio, const struct bvec_iter *iter,
		      sector_t sector);

/* dm-remap-recheck.c: under the target's move_lock */
bool remap_crcs_know(struct remap_c *rc, sector_t sector);
bool remap_crcs_match_copy(struct remap_c *rc, sector_t sector, sector_t count);
void remap_crcs_mismatch(struct remap_c *rc, sector_t first, sector_t count);
blk_status_t remap_crcs_recheck(struct remap_c *rc, struct bio *bio, const struct bvec_iter *iter,
				sector_t sector);

/* For dm-remap-recheck.c. */
unsigned int remap_crcs_unit(const struct remap_crcs *crcs);
u32 remap_crcs_of_bio(struct bio *bio, struct bvec_iter *iter, unsigned int bytes);
u32 remap_crcs_of_pages(struct page **pages, unsigned int pos, unsigned int bytes);
u64 remap_crcs_word(struct remap_crcs *crcs, sector_t sector);

#endif
