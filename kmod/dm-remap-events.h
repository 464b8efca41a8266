/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What user space is told: "dmsetup wait" wakes, and a uevent says what has happened.
 */
#ifndef DM_REMAP_EVENTS_H
#define DM_REMAP_EVENTS_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct remap_c;

enum remap_event_kind {
	REMAP_EVENT_REMAPPED,	/* sectors have been relocated */
	REMAP_EVENT_UNMAPPED,	/* sectors are back on main */
	REMAP_EVENT_PENDING,	/* sectors could not be read */
	REMAP_EVENT_RECOVERED,	/* pending sectors could be read, or rewritten in place */
	REMAP_EVENT_FOUND,	/* lost sectors have been written */
	REMAP_EVENT_FAILED,	/* sectors could not be relocated */
	REMAP_EVENT_BAD_SLOT,	/* slots have gone bad; the sectors are the spare device's */
	REMAP_EVENT_VERIFY,	/* sectors did not read as they were written */
	REMAP_EVENT_STORM,	/* automatic relocation pauses: too many of them */
	REMAP_EVENT_DEVICE,	/* a device does not answer any more, or answers again */
	REMAP_EVENT_SCAN,	/* a scan has started or ended */
	REMAP_EVENT_HEALTH,	/* the assessment has changed */
	REMAP_EVENT_METADATA,	/* it cannot be written any more, or can again */
	REMAP_EVENT_MIGRATION,	/* one has ended, well or not */
	REMAP_NR_EVENTS,
};

/* News of one kind that have not been told yet. */
struct remap_news {
	u64 times;
	u64 first;		/* the least sector */
	u64 count;		/* sectors in all */
};

struct remap_events {
	/* Taken in interrupt context, too. Innermost. */
	spinlock_t lock;
	struct remap_news news[REMAP_NR_EVENTS];
	struct work_struct work;
};

void remap_events_init(struct remap_c *rc);
void remap_events_exit(struct remap_c *rc);
void remap_event(struct remap_c *rc, enum remap_event_kind kind, sector_t first, u64 count);

#endif
