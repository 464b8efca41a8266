// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a target needs to run, from its constructor to its destructor.
 */
#include <linux/blkdev.h>
#include <linux/log2.h>

#include "dm-remap-copy.h"
#include "dm-remap-core.h"
#include "dm-remap-metadata.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

static int remap_start_verifying(struct remap_c *rc)
{
	if (!rc->features.verify_reads)
		return 0;
	rc->crcs = remap_crcs_create(rc->unit);
	if (!rc->crcs)
		return -ENOMEM;
	static_branch_inc(&remap_verifies);
	return 0;
}

static void remap_stop_verifying(struct remap_c *rc)
{
	if (!rc->crcs)
		return;
	static_branch_dec(&remap_verifies);
	remap_crcs_destroy(rc->crcs);
}

/* An empty table for the target's sectors and a spare's slots. */
struct remap_table *remap_new_table(struct remap_c *rc, struct block_device *spare,
				    sector_t slots_start, u64 slots)
{
	unsigned long align = max_t(unsigned long, PAGE_SIZE, bdev_physical_block_size(spare));

	align = max(roundup_pow_of_two(align) >> SECTOR_SHIFT, (unsigned long)rc->unit);
	return remap_table_create(rc->ti->len, slots_start, slots, rc->unit, align);
}

/* What the target needs to run, once the devices are known. */
int remap_alloc_resources(struct remap_c *rc)
{
	int r;

	r = -ENOMEM;
	rc->inflight = alloc_percpu(struct remap_inflight);
	if (!rc->inflight)
		goto bad_inflight;
	rc->wq = alloc_workqueue("dm-remap", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!rc->wq)
		goto bad_wq;
	r = remap_copier_init(&rc->copier);
	if (r)
		goto bad_copier;
	r = remap_repair_init(rc);
	if (r)
		goto bad_repair;
	r = remap_scan_init(rc);
	if (r)
		goto bad_scan;
	r = remap_start_verifying(rc);
	if (r)
		goto bad_crcs;
	rc->table = remap_new_table(rc, rc->spare->bdev, rc->slots_start, rc->slots);
	if (IS_ERR(rc->table)) {
		r = PTR_ERR(rc->table);
		goto bad_table;
	}
	r = -ENOMEM;
	rc->meta = rc->features.is_volatile ? NULL : remap_meta_create(rc, rc->spare_len);
	if (!rc->meta && !rc->features.is_volatile)
		goto bad_meta;
	remap_migration_init(rc);
	remap_events_init(rc);
	remap_devices_init(rc);
	remap_health_init(rc);
	return 0;

bad_meta:
	remap_table_destroy(rc->table);
bad_table:
	remap_stop_verifying(rc);
bad_crcs:
	remap_scan_exit(rc);
bad_scan:
	remap_repair_exit(rc);
bad_repair:
	remap_copier_exit(&rc->copier);
bad_copier:
	destroy_workqueue(rc->wq);
bad_wq:
	free_percpu(rc->inflight);
bad_inflight:
	rc->ti->error = r == -E2BIG ? "spare_len is larger than this version can manage" :
			"Cannot allocate the table";
	return r;
}

/* What may still be under way ends first, and last the events that it may have raised. */
void remap_free_resources(struct remap_c *rc)
{
	remap_scan_exit(rc);
	remap_migration_exit(rc);
	remap_devices_exit(rc);
	flush_workqueue(rc->wq);
	remap_health_exit(rc);
	remap_events_exit(rc);
	remap_meta_destroy(rc->meta);
	remap_table_destroy(rc->table);
	remap_stop_verifying(rc);
	remap_repair_exit(rc);
	remap_copier_exit(&rc->copier);
	destroy_workqueue(rc->wq);
	free_percpu(rc->inflight);
}
