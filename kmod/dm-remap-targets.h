/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_TARGETS_H
#define DM_REMAP_TARGETS_H

#include "dm-remap-core.h"

int remap_register(struct remap_c *rc);
void remap_unregister(struct remap_c *rc);
int remap_take_over(struct remap_c *rc);
void remap_activate(struct remap_c *rc);
int remap_relocation_begin(struct remap_c *rc);
int remap_claim(struct remap_c *rc, const struct remap_spare_side *side);
void remap_unclaim(struct remap_c *rc);
void remap_relocation_end(struct remap_c *rc);

#endif
