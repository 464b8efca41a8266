/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels. compat-probed.h says what this one has: the build makes it, by
 * compiling compat-probe.c.
 */
#ifndef DM_REMAP_COMPAT_H
#define DM_REMAP_COMPAT_H

#include <linux/blkdev.h>
#include <linux/device-mapper.h>

#include "compat-probed.h"

/* The flag in the mode of a table whose devices may be written to. */
#ifdef REMAP_HAVE_BLK_MODE
#define REMAP_MODE_WRITE BLK_OPEN_WRITE
#else
#define REMAP_MODE_WRITE FMODE_WRITE
#endif

/*
 * Pages that are being written must not change, or their content is unknown afterwards: that is
 * only about coverage. The wish is one of the target, or one among its limits.
 */
#ifdef REMAP_HAVE_TARGET_STABLE_WRITES
static inline void remap_crcs_stable_target(struct dm_target *ti)
{
	ti->needs_stable_writes = true;
}

static inline void remap_crcs_stable_limits(struct queue_limits *limits) { }
#else
static inline void remap_crcs_stable_target(struct dm_target *ti) { }

static inline void remap_crcs_stable_limits(struct queue_limits *limits)
{
	limits->features |= BLK_FEAT_STABLE_WRITES;
}
#endif

#endif
