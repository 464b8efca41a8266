// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: noted where things happen, told by a work of its own, because to tell may have to wait
 * for memory, and so for I/O that waits for whoever has the news.
 */
#include <linux/device-mapper.h>
#include <linux/kobject.h>
#include <linux/sched/mm.h>

#include "dm-remap-core.h"
#include "dm-remap-table.h"

static const char * const remap_event_names[REMAP_NR_EVENTS] = {
	[REMAP_EVENT_REMAPPED] = "remapped",
	[REMAP_EVENT_UNMAPPED] = "unmapped",
	[REMAP_EVENT_PENDING] = "pending",
	[REMAP_EVENT_RECOVERED] = "recovered",
	[REMAP_EVENT_FOUND] = "found",
	[REMAP_EVENT_FAILED] = "failed",
	[REMAP_EVENT_BAD_SLOT] = "bad_slot",
	[REMAP_EVENT_VERIFY] = "verify",
	[REMAP_EVENT_STORM] = "storm",
	[REMAP_EVENT_DEVICE] = "device",
	[REMAP_EVENT_SCAN] = "scan",
	[REMAP_EVENT_HEALTH] = "health",
	[REMAP_EVENT_METADATA] = "metadata",
	[REMAP_EVENT_MIGRATION] = "migration",
};

#define REMAP_EVENT_VARS 7

static void remap_tell(struct remap_c *rc, enum remap_event_kind kind,
		       const struct remap_news *news)
{
	struct gendisk *disk = dm_disk(dm_table_get_md(rc->ti->table));
	struct remap_totals totals;
	const char *health;
	unsigned int noio;
	char vars[REMAP_EVENT_VARS][48];
	char *env[REMAP_EVENT_VARS + 1] = {};
	int i;

	spin_lock(&rc->table_lock);
	totals = remap_table_totals(rc->table);
	health = remap_health_name(rc);
	spin_unlock(&rc->table_lock);
	snprintf(vars[0], sizeof(vars[0]), "DM_REMAP_EVENT=%s", remap_event_names[kind]);
	snprintf(vars[1], sizeof(vars[1]), "DM_REMAP_SECTOR=%llu", news->first);
	snprintf(vars[2], sizeof(vars[2]), "DM_REMAP_COUNT=%llu", news->count);
	snprintf(vars[3], sizeof(vars[3]), "DM_REMAP_REMAPPED=%llu", totals.remapped);
	snprintf(vars[4], sizeof(vars[4]), "DM_REMAP_LOST=%llu", totals.lost + totals.pending);
	snprintf(vars[5], sizeof(vars[5]), "DM_REMAP_PENDING=%llu", totals.pending);
	snprintf(vars[6], sizeof(vars[6]), "DM_REMAP_HEALTH=%s", health);
	for (i = 0; i < REMAP_EVENT_VARS; i++)
		env[i] = vars[i];
	/* A suspend waits for this, with the device's own I/O blocked. */
	noio = memalloc_noio_save();
	kobject_uevent_env(&disk_to_dev(disk)->kobj, KOBJ_CHANGE, env);
	memalloc_noio_restore(noio);
}

static void remap_events_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, events.work);
	struct remap_events *events = &rc->events;
	enum remap_event_kind kind;
	bool told = false;

	for (kind = 0; kind < REMAP_NR_EVENTS; kind++) {
		struct remap_news news;

		spin_lock_irq(&events->lock);
		news = events->news[kind];
		events->news[kind] = (struct remap_news) {};
		spin_unlock_irq(&events->lock);
		if (!news.times)
			continue;
		remap_tell(rc, kind, &news);
		told = true;
	}
	if (told)
		dm_table_event(rc->ti->table);
}

void remap_events_init(struct remap_c *rc)
{
	spin_lock_init(&rc->events.lock);
	INIT_WORK(&rc->events.work, remap_events_work);
}

void remap_events_exit(struct remap_c *rc)
{
	cancel_work_sync(&rc->events.work);
}

/**
 * remap_event() - Something has happened that user space is to know.
 * @rc: the target
 * @kind: what
 * @first: first sector concerned
 * @count: how many sectors
 *
 * Any context. News of one kind that come faster than they are told become one piece of news.
 */
void remap_event(struct remap_c *rc, enum remap_event_kind kind, sector_t first, u64 count)
{
	struct remap_news *news = &rc->events.news[kind];
	unsigned long flags;

	remap_trace_add(&rc->trace, remap_event_names[kind], first, count, BLK_STS_OK);
	spin_lock_irqsave(&rc->events.lock, flags);
	news->first = news->times ? min_t(u64, news->first, first) : first;
	news->count += count;
	news->times++;
	spin_unlock_irqrestore(&rc->events.lock, flags);
	schedule_work(&rc->events.work);
}
