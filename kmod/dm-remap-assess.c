// SPDX-License-Identifier: GPL-2.0-only
/*
 * How well a device is. docs/health.md has the same table; a test compares the two.
 */
#include "dm-remap-assess.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <stdio.h>
#include <string.h>
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* How a metric is compared and shown. */
enum remap_metric_kind {
	REMAP_FLAG,	/* met if set; the word alone */
	REMAP_COUNT,	/* met from the threshold on upwards; word:number */
	REMAP_LEFT,	/* met from the threshold on downwards; word:percent% */
};

/*
 * The one table of thresholds. The rows of a metric go from mild to severe, and the last one that
 * is met counts: the worst state of all metrics is the device's, the points of all are taken
 * from 100. A few relocations, by whomever, are what the target is for: they are no reason.
 */
static const struct {
	enum remap_metric metric;
	enum remap_metric_kind kind;
	u64 threshold;
	enum remap_health_state state;
	unsigned int points;
	const char *word;
} remap_thresholds[] = {
	{ REMAP_M_MAIN_DEAD, REMAP_FLAG, 1, REMAP_FAILED, 100, "main_dead" },
	{ REMAP_M_SPARE_DEAD, REMAP_FLAG, 1, REMAP_CRITICAL, 60, "spare_dead" },
	{ REMAP_M_STORM, REMAP_FLAG, 1, REMAP_CRITICAL, 60, "storm" },
	{ REMAP_M_METADATA_RO, REMAP_FLAG, 1, REMAP_CRITICAL, 60, "metadata_ro" },
	{ REMAP_M_SLOTS_LEFT, REMAP_LEFT, 20, REMAP_WARNING, 10, "slots_left" },
	{ REMAP_M_SLOTS_LEFT, REMAP_LEFT, 5, REMAP_DEGRADED, 30, "slots_left" },
	{ REMAP_M_SLOTS_LEFT, REMAP_LEFT, 0, REMAP_CRITICAL, 60, "slots_left" },
	{ REMAP_M_REMAPS_LEFT, REMAP_LEFT, 20, REMAP_WARNING, 10, "remaps_left" },
	{ REMAP_M_REMAPS_LEFT, REMAP_LEFT, 5, REMAP_DEGRADED, 30, "remaps_left" },
	{ REMAP_M_REMAPS_LEFT, REMAP_LEFT, 0, REMAP_CRITICAL, 60, "remaps_left" },
	{ REMAP_M_LOST, REMAP_COUNT, 1, REMAP_WARNING, 10, "lost" },
	{ REMAP_M_LOST, REMAP_COUNT, 64, REMAP_DEGRADED, 30, "lost" },
	{ REMAP_M_LOST, REMAP_COUNT, 4096, REMAP_CRITICAL, 60, "lost" },
	{ REMAP_M_PENDING, REMAP_COUNT, 1, REMAP_WARNING, 5, "pending" },
	{ REMAP_M_BAD_SLOTS, REMAP_COUNT, 1, REMAP_WARNING, 5, "bad_slots" },
	{ REMAP_M_BAD_SLOTS, REMAP_COUNT, 64, REMAP_DEGRADED, 30, "bad_slots" },
	{ REMAP_M_RELOCATED, REMAP_COUNT, 128, REMAP_WARNING, 10, "relocated" },
	{ REMAP_M_RELOCATED, REMAP_COUNT, 1024, REMAP_DEGRADED, 30, "relocated" },
	{ REMAP_M_DEVICE_ERRORS, REMAP_COUNT, 1, REMAP_WARNING, 10, "device_errors" },
	{ REMAP_M_DEVICE_ERRORS, REMAP_COUNT, 32, REMAP_DEGRADED, 30, "device_errors" },
	{ REMAP_M_WRITE_ERRORS, REMAP_COUNT, 1, REMAP_WARNING, 10, "write_errors" },
	{ REMAP_M_WRITE_ERRORS, REMAP_COUNT, 32, REMAP_DEGRADED, 30, "write_errors" },
	{ REMAP_M_VERIFY_ERRORS, REMAP_COUNT, 1, REMAP_WARNING, 10, "verify_errors" },
	{ REMAP_M_VERIFY_ERRORS, REMAP_COUNT, 16, REMAP_DEGRADED, 30, "verify_errors" },
};

static const char * const remap_health_state_names[REMAP_NR_HEALTH_STATES] = {
	"good", "warning", "degraded", "critical", "failed",
};

const char *remap_health_state_name(enum remap_health_state state)
{
	return remap_health_state_names[state];
}

/* Rounded up: 0 only if nothing is left. */
static u64 remap_percent(u64 left, u64 all)
{
	if (!all || left >= all)
		return 100;
	/* Numbers of sectors are far below 2^57. */
	return (left * 100 + all - 1) / all;
}

static u64 remap_percent_of_remaps(const struct remap_vitals *vitals)
{
	if (!vitals->max_remaps)
		return 100;
	if (vitals->remapped >= vitals->max_remaps)
		return 0;
	return remap_percent(vitals->max_remaps - vitals->remapped, vitals->max_remaps);
}

static void remap_measure(const struct remap_vitals *vitals, u64 *value)
{
	value[REMAP_M_MAIN_DEAD] = vitals->main_dead;
	value[REMAP_M_SPARE_DEAD] = vitals->spare_dead;
	value[REMAP_M_STORM] = vitals->storm;
	value[REMAP_M_METADATA_RO] = vitals->metadata_ro;
	value[REMAP_M_SLOTS_LEFT] = remap_percent(vitals->slots_free, vitals->slots_total);
	value[REMAP_M_REMAPS_LEFT] = remap_percent_of_remaps(vitals);
	value[REMAP_M_LOST] = vitals->lost;
	value[REMAP_M_PENDING] = vitals->pending;
	value[REMAP_M_BAD_SLOTS] = vitals->slots_bad;
	value[REMAP_M_RELOCATED] = vitals->relocated;
	value[REMAP_M_DEVICE_ERRORS] = vitals->device_errors;
	value[REMAP_M_WRITE_ERRORS] = vitals->write_errors;
	value[REMAP_M_VERIFY_ERRORS] = vitals->verify_errors;
}

/**
 * remap_assess() - Assess a device.
 * @vitals: its numbers
 * @result: what they mean
 */
void remap_assess(const struct remap_vitals *vitals, struct remap_assessment *result)
{
	unsigned int i, points = 0;

	memset(result, 0, sizeof(*result));
	remap_measure(vitals, result->value);
	for (i = 0; i < ARRAY_SIZE(remap_thresholds); i++) {
		enum remap_metric metric = remap_thresholds[i].metric;
		u64 threshold = remap_thresholds[i].threshold;
		u64 value = result->value[metric];

		if (remap_thresholds[i].kind == REMAP_LEFT ? value <= threshold :
							     value >= threshold)
			result->row[metric] = i + 1;
	}
	for (i = 0; i < REMAP_NR_METRICS; i++) {
		unsigned int row = result->row[i];

		if (!row)
			continue;
		points += remap_thresholds[row - 1].points;
		if (remap_thresholds[row - 1].state > result->state)
			result->state = remap_thresholds[row - 1].state;
	}
	result->score = points < 100 ? 100 - points : 0;
}

/**
 * remap_print_reasons() - The reasons in one word: "lost:3,slots_left:4%", or "none".
 * @result: of remap_assess()
 * @buf: where to
 * @size: room there; REMAP_REASONS_SIZE is always enough
 *
 * Return: how long the text is, or would have been.
 */
unsigned int remap_print_reasons(const struct remap_assessment *result, char *buf,
				 unsigned int size)
{
	unsigned int i, len = 0;

	for (i = 0; i < REMAP_NR_METRICS; i++) {
		unsigned int row = result->row[i];
		char *at = buf + (len < size ? len : size);
		unsigned int room = len < size ? size - len : 0;

		if (!row)
			continue;
		len += snprintf(at, room, "%s%s", len ? "," : "", remap_thresholds[row - 1].word);
		if (remap_thresholds[row - 1].kind == REMAP_FLAG)
			continue;
		at = buf + (len < size ? len : size);
		room = len < size ? size - len : 0;
		len += snprintf(at, room, ":%llu%s", result->value[i],
				remap_thresholds[row - 1].kind == REMAP_LEFT ? "%" : "");
	}
	return len ? len : (unsigned int)snprintf(buf, size, "none");
}

/* Forget what is older than the window. */
static void remap_window_advance(struct remap_window *window, u64 now)
{
	u64 step = now / REMAP_WINDOW_STEP_S;
	unsigned int i;

	if (step <= window->step)
		return;
	if (step - window->step >= REMAP_WINDOW_STEPS)
		window->step = step - REMAP_WINDOW_STEPS;
	for (i = 0; i < REMAP_WINDOW_STEPS && window->step < step; i++)
		window->counts[++window->step % REMAP_WINDOW_STEPS] = 0;
}

/**
 * remap_window_follow() - Bring a window up to date.
 * @window: the window
 * @now: seconds since some start of time, never less than in calls before
 * @counter: what it counts, as it is now; it only grows, so less than before is old news
 */
void remap_window_follow(struct remap_window *window, u64 now, u64 counter)
{
	remap_window_advance(window, now);
	if (counter > window->seen) {
		window->counts[window->step % REMAP_WINDOW_STEPS] += counter - window->seen;
		window->seen = counter;
	}
}

/* As of the last remap_window_follow(). */
u64 remap_window_sum(const struct remap_window *window)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < REMAP_WINDOW_STEPS; i++)
		sum += window->counts[i];
	return sum;
}

/* Seconds until time alone makes the sum less; 0 if nothing is in the window. */
u64 remap_window_wait(const struct remap_window *window, u64 now)
{
	u64 age = window->step < REMAP_WINDOW_STEPS ? window->step : REMAP_WINDOW_STEPS - 1;
	u64 step;

	for (step = window->step - age; step <= window->step; step++) {
		u64 end = (step + REMAP_WINDOW_STEPS) * REMAP_WINDOW_STEP_S;

		if (window->counts[step % REMAP_WINDOW_STEPS])
			return end > now ? end - now : 1;
	}
	return 0;
}
