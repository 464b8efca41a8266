/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every part of the target shares: the target itself, its arguments and its log.
 *
 * Units: every number of type sector_t is in 512-byte sectors. "sector" is counted from the
 * first sector of the target; "spare sector" from the first sector of the spare *device*.
 */
#ifndef DM_REMAP_CORE_H
#define DM_REMAP_CORE_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/dm-ioctl.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "dm-remap-devices.h"
#include "dm-remap-events.h"
#include "dm-remap-health.h"
#include "dm-remap-migrate.h"
#include "dm-remap-scan.h"
#include "dm-remap-trace.h"

#if BITS_PER_LONG < 64
#error "the table keeps sectors in unsigned long: 64-bit kernels only"
#endif

#define DM_MSG_PREFIX "remap"
#define REMAP_VERSION "3.2.0"

struct remap_crcs;
struct remap_meta;
struct remap_table;

#define REMAP_MAX_DELAY_MS 10000

/* A range of a device; without a device: none. */
struct remap_span {
	struct block_device *bdev;
	sector_t start, len;
};

/* Feature arguments of the table line. */
struct remap_features {
	bool is_volatile;
	bool no_auto_remap;
	bool proactive;
	bool verify_pending;
	bool verify_reads;
	u64 max_remaps;		/* sectors; 0: as many as the spare holds */
	unsigned int retries;
	unsigned int retry_delay_ms;
	unsigned int scan_interval_s;
};

/*
 * What the table before this one had on a spare that is gone: the device that comes in its place
 * has to have that, too. Written before the first resume.
 */
struct remap_heritage {
	bool expected;
	u8 uuid[16];
	u64 generation;
	u64 journal_used;
};

/* The extent that a CPU met last, and the generation of the table in which it was so. */
struct remap_hint {
	unsigned long generation;
	sector_t first, last;
	void *value;
};

/*
 * I/O under way, counted in two phases as SRCU does (kernel/rcu/srcutree.c), because SRCU's own
 * read side may not end in another context on every kernel that we support. A bio may start on
 * one CPU and end on another, so only the sums over all CPUs mean anything.
 */
struct remap_inflight {
	struct remap_hint hint;
	unsigned long started[2];
	unsigned long ended[2];
};

/* One page vector for all copies of a target; @move_lock guards it. */
#define REMAP_COPY_PAGES 16
#define REMAP_COPY_SECTORS ((sector_t)REMAP_COPY_PAGES << (PAGE_SHIFT - SECTOR_SHIFT))

struct remap_copier {
	struct page *pages[REMAP_COPY_PAGES];
	struct bio_vec vecs[REMAP_COPY_PAGES];
};

struct remap_c {
	/*
	 * Read by every bio; written before the first one, while the device is suspended, and by a
	 * switch to another spare: see remap_switch_swap().
	 */
	struct remap_table *table;
	struct remap_crcs *crcs;	/* NULL without verify_reads */
	struct remap_meta *meta;	/* NULL if volatile; changes hands with @table */
	struct remap_inflight __percpu *inflight;
	struct dm_dev *main;
	sector_t main_start;
	struct dm_dev *spare;
	sector_t spare_start;
	sector_t spare_len;
	/* Of the spare device: behind the metadata, if there is any. */
	sector_t slots_start;
	u64 slots;

	unsigned long flush_failed;	/* bits: main, spare; see remap_flush() */
	atomic_t flush_errors[2];	/* of flushes from above; main, spare */
	int flush_seen[2];		/* at the begin of a move; move_lock */
	int slots_unflushed;		/* written since the last flush of the spare */
	unsigned int flush_failures[2];	/* of our own; main, spare; move_lock */

	/* The drain: see remap_drain(). */
	unsigned int phase;
	bool draining;
	wait_queue_head_t drained;

	/* Bios that wait for the end of a move; the lock orders them against its end. */
	spinlock_t held_lock;
	struct bio_list held;
	bool holding;		/* whoever meets a relocated sector waits */

	/*
	 * Bios that need more than to be sent, successful reads that are to be verified, and what
	 * has to be sent again; see dm-remap-repair.c. Filled where bios end, so the lock is taken
	 * in interrupt context, too.
	 */
	spinlock_t repair_lock;
	struct bio_list repair;
	struct bio_list verify;
	struct bio_list again[2];	/* main, spare */
	struct work_struct repair_work;
	struct work_struct verify_work;
	struct work_struct again_work[2];
	struct workqueue_struct *wq;
	struct bio_set bios;	/* for the I/O of one repair */

	/*
	 * One move at a time. Outermost lock of the target; held over I/O, never taken where a
	 * bio is mapped or completed.
	 */
	struct mutex move_lock;
	struct remap_copier copier;
	atomic_t repairs;	/* that wait for @move_lock, or have it */
	bool repairing;		/* the move is a repair, which never stops half-way; move_lock */

	struct remap_devices devices;
	struct remap_events events;
	struct remap_health health;
	struct remap_scan scan;
	struct remap_migrating migrating;

	/* Makes @table stable for status, which must not sleep. Inside @move_lock. */
	spinlock_t table_lock;

	struct dm_target *ti;
	unsigned int unit;	/* sectors of main's logical block: the least that moves */
	struct remap_features features;
	char *args;		/* feature arguments as they were loaded */
	char name[DM_NAME_LEN];	/* of the mapped device when it was last activated, for the log */
	struct remap_trace trace;
	struct dentry *debugfs;	/* while active */
	struct list_head list;	/* remap_targets */
	bool owner;		/* @table is the device's truth; under remap_targets_lock */
	bool active;		/* has been resumed */
	bool running;		/* ... and not been suspended since; under move_lock */
	bool refused;		/* would have started without what is relocated: it never starts */
	bool noflush;		/* the suspend is not to wait for the devices */
	bool stopping;		/* a suspend waits for the move under way */
	unsigned int relocating; /* relocations under way; under remap_targets_lock */
	struct remap_span claim; /* where a migration goes; under remap_targets_lock */
	struct remap_heritage heritage;
};

extern unsigned int remap_debug_level;
/* Asked for each I/O: whether to log it, and whether any target verifies reads. */
DECLARE_STATIC_KEY_FALSE(remap_log_ios);
DECLARE_STATIC_KEY_FALSE(remap_verifies);
extern unsigned int remap_max_remaps;
extern unsigned int remap_max_per_minute;

struct remap_table *remap_new_table(struct remap_c *rc, struct block_device *spare,
				    sector_t slots_start, u64 slots);
int remap_alloc_resources(struct remap_c *rc);
void remap_free_resources(struct remap_c *rc);

int remap_parse_args(struct remap_c *rc, unsigned int argc, char **argv);

/* State changes and refusals: always in the log. */
__printf(2, 3) void remap_err(const struct remap_c *rc, const char *fmt, ...);
__printf(2, 3) void remap_info(const struct remap_c *rc, const char *fmt, ...);

/* Level 1: each relocation. What level 2 adds, each I/O, is a matter of remap_log_ios. */
#define remap_debug(rc, level, fmt, ...) do {				\
	if (unlikely(READ_ONCE(remap_debug_level) >= (level)))		\
		remap_info(rc, fmt, ##__VA_ARGS__);			\
} while (0)

#endif
