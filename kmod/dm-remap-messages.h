/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_MESSAGES_H
#define DM_REMAP_MESSAGES_H

#include "dm-remap-core.h"

int remap_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		  unsigned int maxlen);

#endif
