/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The spare range as an array of slots of one sector each: which are taken, which are bad.
 */
#ifndef DM_REMAP_SLOTS_H
#define DM_REMAP_SLOTS_H

#include <linux/types.h>
#include <linux/xarray.h>

#define REMAP_MAX_PHASES 128u

struct remap_slots {
	unsigned long *used;	/* a bit a slot; bad slots are used for ever */
	struct xarray bad;	/* the bad ones, an index a unit */
	sector_t start;		/* spare sector of slot 0 */
	u64 total;
	unsigned int unit;	/* sectors that are always taken together */
	unsigned int align;	/* sectors; slot and main sector are congruent modulo this */
	/* No free slot of a phase (spare sector modulo @align, in units) lies below its bound. */
	u64 from[REMAP_MAX_PHASES];
};

int remap_slots_init(struct remap_slots *slots, sector_t start, u64 total, unsigned int unit,
		     unsigned int align);
void remap_slots_exit(struct remap_slots *slots);
u64 remap_slots_take(struct remap_slots *slots, sector_t main_sector, u64 want,
		     sector_t *spare_sector);
bool remap_slots_claim(struct remap_slots *slots, sector_t spare_sector, u64 count);
void remap_slots_free(struct remap_slots *slots, sector_t spare_sector, u64 count);
int remap_slots_prepare_bad(struct remap_slots *slots, sector_t spare_sector);
int remap_slots_mark_bad(struct remap_slots *slots, sector_t spare_sector);
void remap_slots_unmark_bad(struct remap_slots *slots, sector_t spare_sector);

#endif
