/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The background read scan: finds sectors that cannot be read before somebody needs them.
 */
#ifndef DM_REMAP_SCAN_H
#define DM_REMAP_SCAN_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct remap_c;

enum remap_scan_state {
	REMAP_SCAN_IDLE,	/* there was none yet */
	REMAP_SCAN_RUNNING,	/* or paused, while the device is suspended */
	REMAP_SCAN_DONE,
	REMAP_SCAN_STOPPED,
	REMAP_SCAN_FAILED,
};

/* The scan under way or the last one, as others may see it. */
struct remap_scan_view {
	enum remap_scan_state state;
	sector_t first, last;
	sector_t position;	/* the next sector to be read; last + 1 at the end */
	u64 errors;		/* sectors found unreadable */
	u64 yields;		/* looks that found the device in use, and put off a read */
	unsigned int run;	/* goes up with every scan */
};

struct remap_scan_step;

/* Reads in flight at once. */
#define REMAP_SCAN_STEPS 2

struct remap_scan {
	struct remap_c *rc;
	struct workqueue_struct *wq;
	struct delayed_work work;	/* one burst of reads, or a look whether a patrol is due */

	spinlock_t lock;		/* guards these; innermost */
	struct remap_scan_view view;
	bool paused;			/* the device does not run */
	bool patrols;			/* @due has a value */
	unsigned long due;		/* when the next patrol starts, in jiffies */

	/* The work's own. */
	struct remap_scan_step *steps[REMAP_SCAN_STEPS];
	unsigned int looked;		/* which scan has looked for users */
	unsigned long user_ios;		/* as they were at the last look */
	unsigned int yielded;		/* times in a row */
};

int remap_scan_init(struct remap_c *rc);
void remap_scan_exit(struct remap_c *rc);
void remap_scan_pause(struct remap_c *rc);
void remap_scan_wait(struct remap_c *rc);
void remap_scan_resume(struct remap_c *rc);
void remap_scan_hand_over(struct remap_c *from, struct remap_c *to);
unsigned int remap_scan_progress(struct remap_c *rc);
int remap_scan_message(struct remap_c *rc, unsigned int argc, char **argv, char *result,
		       unsigned int maxlen);

/* Between dm-remap-scan.c and dm-remap-scan-run.c. */
bool remap_scan_look(struct remap_scan *scan, struct remap_scan_view *view);
bool remap_scan_advance(struct remap_scan *scan, unsigned int run, sector_t position, u64 errors);
void remap_scan_yield(struct remap_scan *scan, unsigned int run);
void remap_scan_end(struct remap_scan *scan, unsigned int run, enum remap_scan_state state);
unsigned long remap_scan_burst(struct remap_scan *scan);
void remap_scan_free_steps(struct remap_scan *scan);

#endif
