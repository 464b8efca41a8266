/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_MESSAGES_H
#define DM_REMAP_MESSAGES_H

#include "dm-remap-core.h"

/* Large enough for every counter. */
#define REMAP_STATS_SIZE 1024

/* Until relocation is automatic, a target has nothing to be unwell about. */
#define REMAP_HEALTH "health=good score=100 reason=none"

void remap_print_stats(struct remap_table *table, char *text, unsigned int size);
int remap_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		  unsigned int maxlen);

#endif
