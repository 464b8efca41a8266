/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_STATS_H
#define DM_REMAP_STATS_H

#include "dm-remap-core.h"

/* Room for remap_print_stats(). */
#define REMAP_STATS_SIZE 2048

void remap_print_status(struct remap_c *rc, char *result, unsigned int maxlen);
void remap_print_stats(struct remap_c *rc, char *result, unsigned int maxlen);

void remap_spare_now(struct remap_c *rc, char *name, size_t size, u64 *start, u64 *len);

#endif
