// SPDX-License-Identifier: GPL-2.0-only
/*
 * The health of a running target.
 *
 * Whoever asks gets an assessment of the counters as they are at that moment. Changes of the state
 * are told by a work: whoever changes a counter that matters calls remap_health_update(), and the
 * work comes back by itself when time alone will have made a difference.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "dm-remap-core.h"
#include "dm-remap-metadata.h"
#include "dm-remap-table.h"

/* Bring the windows up to date, and take their sums. Returns seconds until they change, or 0. */
static u64 remap_health_windows(struct remap_c *rc, struct remap_vitals *vitals)
{
	struct remap_health_history *history = &rc->table->history;
	struct remap_counters *c = rc->table->counters;
	u64 relocated = atomic64_read(&c->auto_remaps);
	u64 device_errors = atomic64_read(&c->transport_errors);
	u64 write_errors = atomic64_read(&c->write_errors);
	u64 now = ktime_get_boottime_seconds(), wait;
	unsigned long flags;

	spin_lock_irqsave(&rc->health.lock, flags);
	remap_window_follow(&history->relocated, now, relocated);
	remap_window_follow(&history->device_errors, now, device_errors);
	remap_window_follow(&history->write_errors, now, write_errors);
	vitals->relocated = remap_window_sum(&history->relocated);
	vitals->device_errors = remap_window_sum(&history->device_errors);
	if (rc->features.no_auto_remap)
		vitals->write_errors = remap_window_sum(&history->write_errors);

	wait = min_not_zero(remap_window_wait(&history->relocated, now),
			    remap_window_wait(&history->device_errors, now));
	wait = min_not_zero(wait, remap_window_wait(&history->write_errors, now));
	spin_unlock_irqrestore(&rc->health.lock, flags);
	return wait;
}

/* Returns seconds until time alone may change the result, or 0. Does not sleep. */
static u64 remap_health_assess(struct remap_c *rc, struct remap_assessment *result)
{
	struct remap_table *table = rc->table;
	struct remap_totals totals = remap_table_totals(table);
	struct remap_vitals vitals = {
		.main_dead = READ_ONCE(rc->devices.silent[false]),
		.spare_dead = READ_ONCE(rc->devices.silent[true]),
		.storm = READ_ONCE(rc->devices.braked),
		.metadata_ro = !remap_meta_is_writable(rc),
		.slots_total = table->slots.total,
		.slots_free = table->slots.total - totals.remapped - totals.bad,
		.slots_bad = totals.bad,
		.max_remaps = rc->features.max_remaps,
		.remapped = totals.remapped,
		.lost = totals.lost + totals.pending,
		.pending = totals.pending,
		.verify_errors = atomic64_read(&table->counters->verify_errors),
	};
	u64 wait = remap_health_windows(rc, &vitals);

	remap_assess(&vitals, result);
	return wait;
}

static void remap_health_queue(struct remap_c *rc, unsigned long delay)
{
	unsigned long flags;

	spin_lock_irqsave(&rc->health.lock, flags);
	if (!rc->health.running)
		;
	else if (delay)
		/* Does nothing if an update has come meanwhile. */
		queue_delayed_work(rc->wq, &rc->health.work, delay);
	else
		mod_delayed_work(rc->wq, &rc->health.work, 0);
	spin_unlock_irqrestore(&rc->health.lock, flags);
}

static void remap_health_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(to_delayed_work(work), struct remap_c, health.work);
	struct remap_assessment result;
	char reasons[REMAP_REASONS_SIZE];
	enum remap_health_state before;
	u64 wait;

	spin_lock(&rc->table_lock);
	wait = remap_health_assess(rc, &result);
	before = rc->table->history.told;
	rc->table->history.told = result.state;
	spin_unlock(&rc->table_lock);

	if (result.state != before) {
		remap_print_reasons(&result, reasons, sizeof(reasons));
		if (result.state > before)
			remap_err(rc, "health is %s now, was %s: %s",
				  remap_health_state_name(result.state),
				  remap_health_state_name(before), reasons);
		else
			remap_info(rc, "health is %s again, was %s%s%s",
				   remap_health_state_name(result.state),
				   remap_health_state_name(before),
				   result.state == REMAP_GOOD ? "" : ": ",
				   result.state == REMAP_GOOD ? "" : reasons);
		remap_event(rc, REMAP_EVENT_HEALTH, 0, 0);
	}
	if (wait)
		remap_health_queue(rc, wait * HZ);
}

/**
 * remap_health_update() - Something that health depends on has changed: look at it soon.
 * @rc: the target
 *
 * From any context. Costs little when called often: looks are joined.
 */
void remap_health_update(struct remap_c *rc)
{
	remap_health_queue(rc, 0);
}

/**
 * remap_health_name() - The state of health at this moment.
 * @rc: the target
 *
 * Return: good, warning, degraded, critical or failed. Does not sleep.
 */
const char *remap_health_name(struct remap_c *rc)
{
	struct remap_assessment result;

	remap_health_assess(rc, &result);
	return remap_health_state_name(result.state);
}

/**
 * remap_health_print() - The reply to the message "health". Does not sleep.
 * @rc: the target
 * @buf: where to
 * @size: room there
 *
 * Return: how much was written, without the final NUL.
 */
unsigned int remap_health_print(struct remap_c *rc, char *buf, unsigned int size)
{
	struct remap_assessment result;
	char reasons[REMAP_REASONS_SIZE];

	remap_health_assess(rc, &result);
	remap_print_reasons(&result, reasons, sizeof(reasons));
	return scnprintf(buf, size, "health=%s score=%u reason=%s",
			 remap_health_state_name(result.state), result.score, reasons);
}

void remap_health_init(struct remap_c *rc)
{
	spin_lock_init(&rc->health.lock);
	INIT_DELAYED_WORK(&rc->health.work, remap_health_work);
}

/* Until remap_health_resume() nothing is told; whoever asks is still answered. */
void remap_health_pause(struct remap_c *rc)
{
	unsigned long flags;

	spin_lock_irqsave(&rc->health.lock, flags);
	rc->health.running = false;
	spin_unlock_irqrestore(&rc->health.lock, flags);
	cancel_delayed_work_sync(&rc->health.work);
}

void remap_health_resume(struct remap_c *rc)
{
	unsigned long flags;

	spin_lock_irqsave(&rc->health.lock, flags);
	rc->health.running = true;
	spin_unlock_irqrestore(&rc->health.lock, flags);
	remap_health_update(rc);
}

void remap_health_exit(struct remap_c *rc)
{
	remap_health_pause(rc);
}
