/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_DEBUGFS_H
#define DM_REMAP_DEBUGFS_H

#include "dm-remap-core.h"

void remap_debugfs_module_init(void);
void remap_debugfs_module_exit(void);
void remap_debugfs_add(struct remap_c *rc);
void remap_debugfs_remove(struct remap_c *rc);

#endif
