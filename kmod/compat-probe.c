// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks a kernel what it has: compiled (not linked, and no part of the module) once for each of the
 * features in Kbuild with PROBE_<feature> set, and once without, which has to succeed, or the answers
 * would mean nothing. Versions are not asked for: distributions and stable branches take changes
 * back to older kernels.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>

/* How the block layer opens devices has a type and flags of its own. */
#ifdef PROBE_BLK_MODE
bool probe(struct dm_target *ti);

bool probe(struct dm_target *ti)
{
	return dm_table_get_mode(ti->table) & BLK_OPEN_WRITE;
}
#endif

/* A target asks for stable pages itself; otherwise, it is a feature of the queue's limits. */
#ifdef PROBE_TARGET_STABLE_WRITES
void probe(struct dm_target *ti);

void probe(struct dm_target *ti)
{
	ti->needs_stable_writes = true;
}
#endif
