/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How well a device is: from numbers to a state, a score and reasons.
 *
 * Everything here is a pure function of its arguments and compiles in user space, too, where the
 * tests look at both sides of every threshold (tests/health/).
 */
#ifndef DM_REMAP_ASSESS_H
#define DM_REMAP_ASSESS_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
typedef unsigned long long u64;
#endif

/* From best to worst. */
enum remap_health_state {
	REMAP_GOOD,
	REMAP_WARNING,
	REMAP_DEGRADED,
	REMAP_CRITICAL,
	REMAP_FAILED,
	REMAP_NR_HEALTH_STATES,
};

/* What health is computed from. Counts are sectors or requests. */
struct remap_vitals {
	bool main_dead;		/* answers nowhere */
	bool spare_dead;
	bool storm;		/* the storm brake is on */
	bool metadata_ro;	/* the metadata cannot be written */
	u64 slots_total;
	u64 slots_free;
	u64 slots_bad;
	u64 max_remaps;		/* 0: as many as there are slots */
	u64 remapped;
	u64 lost;		/* unreadable sectors, pending ones among them */
	u64 pending;
	u64 relocated;		/* by themselves, within the last hour */
	u64 device_errors;	/* within the last hour: the way to the medium failed */
	u64 write_errors;	/* within the last hour, if nothing is relocated for them */
	u64 verify_errors;
};

enum remap_metric {
	REMAP_M_MAIN_DEAD,
	REMAP_M_SPARE_DEAD,
	REMAP_M_STORM,
	REMAP_M_METADATA_RO,
	REMAP_M_SLOTS_LEFT,
	REMAP_M_REMAPS_LEFT,
	REMAP_M_LOST,
	REMAP_M_PENDING,
	REMAP_M_BAD_SLOTS,
	REMAP_M_RELOCATED,
	REMAP_M_DEVICE_ERRORS,
	REMAP_M_WRITE_ERRORS,
	REMAP_M_VERIFY_ERRORS,
	REMAP_NR_METRICS,
};

struct remap_assessment {
	enum remap_health_state state;
	unsigned int score;		/* 0 to 100 */
	/* Of each metric: its value, and the row of the table that it meets plus one, or 0. */
	u64 value[REMAP_NR_METRICS];
	unsigned char row[REMAP_NR_METRICS];
};

/* Room for every reason at once, each with the largest number. */
#define REMAP_REASONS_SIZE 320

/*
 * How often something happened within the last hour, in steps of five minutes: between 55 and 60
 * minutes are looked at. All zeroes is an empty window that has followed its counter from 0.
 */
#define REMAP_WINDOW_S 3600
#define REMAP_WINDOW_STEPS 12
#define REMAP_WINDOW_STEP_S (REMAP_WINDOW_S / REMAP_WINDOW_STEPS)

struct remap_window {
	u64 seen;		/* of the counter that is followed */
	u64 step;		/* the latest, counted from the start of time */
	u64 counts[REMAP_WINDOW_STEPS];
};

void remap_window_follow(struct remap_window *window, u64 now, u64 counter);
u64 remap_window_sum(const struct remap_window *window);
u64 remap_window_wait(const struct remap_window *window, u64 now);

void remap_assess(const struct remap_vitals *vitals, struct remap_assessment *result);
const char *remap_health_state_name(enum remap_health_state state);
unsigned int remap_print_reasons(const struct remap_assessment *result, char *buf,
				 unsigned int size);

#endif
