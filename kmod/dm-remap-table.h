/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The remap table: which sectors are where.
 *
 * A maple tree maps ranges of sectors to tagged integers, so an entry costs no allocation of its
 * own. The integer holds the state and the distance from the sector to its spare sector rather
 * than the spare sector itself: all parts of a range then have the same value, a range can be cut
 * anywhere without touching the rest, and neighbours with equal values are one extent.
 */
#ifndef DM_REMAP_TABLE_H
#define DM_REMAP_TABLE_H

#include <linux/bitops.h>
#include <linux/maple_tree.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "dm-remap-health.h"
#include "dm-remap-slots.h"

/* What is known of a range. No entry at all means REMAP_MAIN. */
enum remap_state {
	REMAP_MAIN,		/* on the main device */
	REMAP_MAPPED,		/* on the spare */
	REMAP_LOST,		/* has a slot, but its content could not be read: not written yet */
};

#define REMAP_STATE_MASK 3ul
#define REMAP_HELD BIT(2)	/* being moved: new I/O waits */
#define REMAP_PENDING BIT(3)	/* could not be read where it lies, and was not written since */
#define REMAP_DOUBT BIT(4)	/* its last change may last or not: see dm-remap-journal.c */
#define REMAP_WRONG BIT(5)	/* with REMAP_PENDING: it reads, but not as it was written */
#define REMAP_DELTA_SHIFT 6
#define REMAP_DELTA_MASK GENMASK_ULL(56, 0)

static inline void *remap_value(enum remap_state state, unsigned long flags, u64 delta)
{
	return xa_mk_value((delta & REMAP_DELTA_MASK) << REMAP_DELTA_SHIFT | flags | state);
}

static inline enum remap_state remap_state(const void *value)
{
	return value ? xa_to_value(value) & REMAP_STATE_MASK : REMAP_MAIN;
}

static inline bool remap_is_held(const void *value)
{
	return value && xa_to_value(value) & REMAP_HELD;
}

static inline bool remap_is_pending(const void *value)
{
	return value && xa_to_value(value) & REMAP_PENDING;
}

static inline bool remap_is_wrong(const void *value)
{
	return value && xa_to_value(value) & REMAP_WRONG;
}

/* What is known of the content, apart from where it lies. */
static inline unsigned long remap_flags(const void *value)
{
	return value ? xa_to_value(value) & (REMAP_PENDING | REMAP_WRONG | REMAP_DOUBT) : 0;
}

static inline bool remap_is_doubtful(const void *value)
{
	return value && xa_to_value(value) & REMAP_DOUBT;
}

/* Is it unknown whether a read would find what was written? */
static inline bool remap_is_trouble(const void *value)
{
	return remap_is_pending(value) || remap_state(value) == REMAP_LOST;
}

/* Is there more to it than to send a bio where it lies? */
static inline bool remap_is_special(const void *value)
{
	return remap_state(value) == REMAP_LOST ||
	       (value && xa_to_value(value) & (REMAP_PENDING | REMAP_DOUBT));
}

/* Is it more than "on main, as far as anybody knows"? */
static inline bool remap_is_listed(const void *value)
{
	return remap_state(value) != REMAP_MAIN || remap_is_pending(value);
}

/* Spare sector minus sector, modulo 2^57. */
static inline u64 remap_delta(const void *value)
{
	return xa_to_value(value) >> REMAP_DELTA_SHIFT;
}

static inline sector_t remap_spare_sector(const void *value, sector_t sector)
{
	return (sector + remap_delta(value)) & REMAP_DELTA_MASK;
}

/* Only grow. */
struct remap_counters {
	atomic64_t read_errors;
	atomic64_t write_errors;
	atomic64_t transport_errors;
	atomic64_t verify_errors;	/* blocks that did not read as they were written */
	atomic64_t spare_errors;	/* failed reads and writes of slots */
	atomic64_t lost_reads;		/* reads refused because the content is lost */
	atomic64_t retried;		/* blocks that worked when they were tried again */
	atomic64_t recovered;		/* pending sectors that were read or rewritten in place */
	atomic64_t storm_brakes;
	atomic64_t scans;
	atomic64_t held_bios;		/* bios that waited for a move */
	atomic64_t auto_remaps;		/* sectors */
	atomic64_t manual_remaps;	/* sectors */
	atomic64_t unmapped;		/* sectors */
	atomic64_t moves;
};

/* Sums over the table, in sectors; they belong together, so @lock guards them as one. */
struct remap_totals {
	u64 remapped;
	u64 lost;		/* of these: content lost, or its slot cannot be read */
	u64 pending;		/* on main, which could not read them */
	u64 bad;		/* slots */
};

struct remap_table {
	struct maple_tree tree;
	/* A bit a region of 2^filter_shift sectors: set if an entry may lie in it. */
	unsigned long *filter;
	unsigned int filter_shift;
	sector_t len;
	unsigned long generation;	/* goes up with every change of the tree */
	struct remap_slots slots;
	struct remap_counters *counters;	/* of the device: they outlive a table */
	/* Status reads the totals where it must not sleep. Innermost. */
	spinlock_t lock;
	struct remap_totals totals;
	struct remap_health_history history;
};

/* Does an entry lie in the regions of these sectors? It may say yes for nothing, never no. */
static inline bool remap_filter_hit(const struct remap_table *table, sector_t first, sector_t last)
{
	unsigned long bit = first >> table->filter_shift;
	unsigned long end = last >> table->filter_shift;

	if (unlikely(test_bit(bit, table->filter)))
		return true;
	return end != bit && find_next_bit(table->filter, end + 1, bit + 1) <= end;
}

struct remap_table *remap_table_create(sector_t len, sector_t spare_start, u64 slots,
				       unsigned int unit, unsigned int align);
void remap_table_destroy(struct remap_table *table);

const char *remap_state_name(const void *value);
void *remap_table_at(struct remap_table *table, sector_t sector, sector_t *last);
void *remap_table_next(struct remap_table *table, sector_t *first, sector_t *last);
void remap_table_private(struct remap_table *table);
int remap_table_load(struct remap_table *table, sector_t first, sector_t last, void *value);
void remap_table_shared(struct remap_table *table);
void remap_table_touch(struct remap_table *table);
int remap_table_store(struct remap_table *table, sector_t first, sector_t last, void *value);
int remap_table_change(struct remap_table *table, sector_t first, sector_t last,
		       void *(*become)(void *value), u64 *changed);
void *remap_become_pending(void *value);
void *remap_become_wrong(void *value);
void *remap_become_merely_pending(void *value);
void *remap_become_readable(void *value);
void *remap_become_written(void *value);
void remap_table_settle(struct remap_table *table, sector_t first, sector_t last, void *value);
void remap_table_settle_moved(struct remap_table *table, sector_t first, sector_t last);
void remap_table_tidy(struct remap_table *table, sector_t first, sector_t last);
void remap_totals_add(struct remap_totals *totals, const void *value, u64 count);
void remap_table_count(struct remap_table *table, sector_t first, sector_t last,
		       struct remap_totals *totals);
struct remap_totals remap_table_totals(struct remap_table *table);
void remap_table_replace_totals(struct remap_table *table, const struct remap_totals *before,
				const struct remap_totals *after);

#endif
