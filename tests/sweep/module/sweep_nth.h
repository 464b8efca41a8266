/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A target for tests: its device, linearly, until the Nth request fails.
 *
 * Instances with the same group number share one counter, so that "the Nth" counts over all
 * devices of a stack. It also keeps a list of sectors that are bad from the start, and a bitmap of
 * what a loss of power would take: what was written since the last flush.
 *
 * Table line: <start> <length> sweep_nth <device> <group> <name>
 *
 * It takes messages; the same words, after group and name, can be written to the module's parameter
 * "command", which is much faster, and "state" shows all groups.
 */
#ifndef SWEEP_NTH_H
#define SWEEP_NTH_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#define DM_MSG_PREFIX "sweep_nth"
#define SWEEP_MAX_BAD 64

enum sweep_op { SWEEP_READ, SWEEP_WRITE, SWEEP_FLUSH, SWEEP_NR_OPS };

/* Once; the whole device from then on; or its sector from then on, in that direction. */
enum sweep_mode { SWEEP_ONCE, SWEEP_GONE, SWEEP_SECTOR, SWEEP_NR_MODES };

enum { SWEEP_MEDIUM, SWEEP_IOERR, SWEEP_TRANSPORT, SWEEP_NR_STATUSES };

struct sweep_status {
	const char *name;
	blk_status_t status;
};

extern const char * const sweep_op_names[SWEEP_NR_OPS];
extern const struct sweep_status sweep_statuses[SWEEP_NR_STATUSES];

struct sweep_dev;

/* What the instances of a group share. */
struct sweep_group {
	struct list_head list;
	struct list_head devs;
	unsigned int id;
	spinlock_t lock;	/* all below, and what the instances keep */
	bool armed, parks;
	u64 nth, count;
	enum sweep_mode mode;
	unsigned int status;
	/* The Nth request, once it has come: */
	bool fired;
	const struct sweep_dev *victim;
	enum sweep_op victim_op;
	sector_t victim_first;
	unsigned int victim_sectors;
	struct bio *parked;
	/* Flushes that have failed since, and how many of them by the fault. */
	unsigned int flushes, flush_faults;
};

/* Of a request as it came: the block core advances bi_sector on its way. */
struct sweep_io {
	sector_t sector;
	unsigned int sectors;
	bool fua;	/* dropped from the request where the device below has no cache */
};

struct sweep_bad {
	enum sweep_op op;
	sector_t first, last;
	unsigned int status;
	unsigned int times;	/* failures left of requests for just these sectors; 0: for ever */
};

struct sweep_dev {
	struct list_head list;
	struct dm_target *ti;
	struct dm_dev *dev;
	struct sweep_group *group;
	char *name;
	unsigned int bads;
	struct sweep_bad bad[SWEEP_MAX_BAD];
	unsigned long *dirty;	/* a bit a sector */
};

/* All groups; the lock also keeps the instances where they are. */
extern struct list_head sweep_groups;
extern struct mutex sweep_groups_lock;

/* sweep_messages.c */
int sweep_do(struct sweep_dev *dev, unsigned int argc, char **argv, char *result,
	     unsigned int maxlen);

#endif
