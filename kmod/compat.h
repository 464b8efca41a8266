/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_COMPAT_H
#define DM_REMAP_COMPAT_H

#include <linux/blkdev.h>
#include <linux/device-mapper.h>

/* 6.5 split the block layer's open flags from fmode_t. */
#ifdef BLK_OPEN_WRITE
#define REMAP_MODE_WRITE BLK_OPEN_WRITE
#else
#define REMAP_MODE_WRITE FMODE_WRITE
#endif

#endif
