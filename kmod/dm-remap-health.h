/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The health of a running target: collects what dm-remap-assess.c judges, and tells of changes.
 */
#ifndef DM_REMAP_HEALTH_H
#define DM_REMAP_HEALTH_H

#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "dm-remap-assess.h"

struct remap_c;

/* What survives a reload: a part of the table. All zeroes is a device that nothing is known of. */
struct remap_health_history {
	enum remap_health_state told;	/* the state that user space knows */
	struct remap_window relocated;
	struct remap_window device_errors;
	struct remap_window write_errors;
};

/* A part of the target: field @health of struct remap_c. */
struct remap_health {
	spinlock_t lock;		/* guards @running and the windows; taken with irqs off */
	bool running;			/* @work may be queued */
	struct delayed_work work;
};

/* In the constructor; before rc->wq is destroyed. */
void remap_health_init(struct remap_c *rc);
void remap_health_exit(struct remap_c *rc);

/*
 * At the end of postsuspend, so that nobody but the heir looks at a table that is handed over;
 * in resume.
 */
void remap_health_pause(struct remap_c *rc);
void remap_health_resume(struct remap_c *rc);

void remap_health_update(struct remap_c *rc);

/* Where rc->table is stable: with @table_lock held, or where I/O or a message is under way. */
const char *remap_health_name(struct remap_c *rc);
unsigned int remap_health_print(struct remap_c *rc, char *buf, unsigned int size);

#endif
