// SPDX-License-Identifier: GPL-2.0-only
/*
 * The status line, and the reply to "stats": what is known without any I/O or sleeping lock.
 */
#include <linux/device-mapper.h>
#include <linux/math64.h>

#include "dm-remap-stats.h"
#include "dm-remap-metadata.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

static const char *remap_mode_name(struct remap_c *rc)
{
	if (rc->meta && rc->meta->mode == REMAP_META_FAIL)
		return "fail";
	if (!remap_table_is_writable(rc) || !remap_meta_is_writable(rc))
		return "ro";
	return "rw";
}

/* Where the spare is: a migration may change it. @name: its major and minor number. */
void remap_spare_now(struct remap_c *rc, char *name, size_t size, u64 *start, u64 *len)
{
	spin_lock(&rc->table_lock);
	strscpy(name, rc->spare->name, size);
	*start = rc->spare_start;
	*len = rc->spare_len;
	spin_unlock(&rc->table_lock);
}

/* The keys and their order are a contract; more may come at the end. */
void remap_print_status(struct remap_c *rc, char *result, unsigned int maxlen)
{
	struct remap_totals totals;
	struct remap_counters *c;
	unsigned int sz = 0;
	u64 used, total;

	spin_lock(&rc->table_lock);
	totals = remap_table_totals(rc->table);
	c = rc->table->counters;
	total = rc->table->slots.total;
	used = totals.remapped + totals.bad;

	DMEMIT("remapped=%llu lost=%llu spare_used=%llu/%llu (%llu%%) ", totals.remapped,
	       totals.lost + totals.pending, used, total, div64_u64(used * 100, total));
	DMEMIT("write_errors=%lld read_errors=%lld ", atomic64_read(&c->write_errors),
	       atomic64_read(&c->read_errors));
	DMEMIT("auto_remaps=%lld manual_remaps=%lld ", atomic64_read(&c->auto_remaps),
	       atomic64_read(&c->manual_remaps));
	DMEMIT("health=%s scan_progress=%u%% ", remap_health_name(rc), remap_scan_progress(rc));
	DMEMIT("pending=%llu spare_bad=%llu verify_errors=%lld ", totals.pending, totals.bad,
	       atomic64_read(&c->verify_errors));
	DMEMIT("transport_errors=%lld mode=%s", atomic64_read(&c->transport_errors),
	       remap_mode_name(rc));
	if (rc->meta)
		DMEMIT(" generation=%llu migrate=%s migrate_progress=%u%%", rc->meta->generation,
		       remap_migration_name(rc), remap_migration_progress(rc));
	spin_unlock(&rc->table_lock);
}

/**
 * remap_print_stats() - Every counter, a line "key=value" each.
 * @rc: whose
 * @result: where to
 * @maxlen: room for that
 */
void remap_print_stats(struct remap_c *rc, char *result, unsigned int maxlen)
{
	u64 blocks = 0, bytes = 0, used;
	struct remap_meta *meta;
	struct remap_totals totals;
	struct remap_counters *c;
	unsigned int sz = 0;

	if (rc->crcs)
		remap_crcs_sums(rc->crcs, &blocks, &bytes);
	spin_lock(&rc->table_lock);
	totals = remap_table_totals(rc->table);
	meta = rc->meta;
	c = rc->table->counters;
	used = totals.remapped + totals.bad;

	DMEMIT("remapped=%llu\nlost=%llu\npending=%llu\n", totals.remapped,
	       totals.lost + totals.pending, totals.pending);
	/* As in the status line, bad slots count as used; slots_used leaves them out. */
	DMEMIT("spare_used=%llu\nspare_free=%llu\nspare_bad=%llu\nspare_total=%llu\n", used,
	       rc->table->slots.total - used, totals.bad, rc->table->slots.total);
	DMEMIT("slots_used=%llu\n", totals.remapped);
	DMEMIT("read_errors=%lld\nwrite_errors=%lld\nverify_errors=%lld\n",
	       atomic64_read(&c->read_errors), atomic64_read(&c->write_errors),
	       atomic64_read(&c->verify_errors));
	DMEMIT("transport_errors=%lld\nspare_errors=%lld\nlost_reads=%lld\nheld_bios=%lld\n",
	       atomic64_read(&c->transport_errors), atomic64_read(&c->spare_errors),
	       atomic64_read(&c->lost_reads), atomic64_read(&c->held_bios));
	DMEMIT("auto_remaps=%lld\nmanual_remaps=%lld\nunmapped=%lld\nmoves=%lld\n",
	       atomic64_read(&c->auto_remaps), atomic64_read(&c->manual_remaps),
	       atomic64_read(&c->unmapped), atomic64_read(&c->moves));
	DMEMIT("retried=%lld\nrecovered=%lld\nstorm_brakes=%lld\nscans=%lld\n",
	       atomic64_read(&c->retried), atomic64_read(&c->recovered),
	       atomic64_read(&c->storm_brakes), atomic64_read(&c->scans));
	DMEMIT("verify_blocks=%llu\nverify_memory_bytes=%llu\n", blocks, bytes);
	DMEMIT("table_changes=%lu", rc->table->generation);
	if (meta) {
		DMEMIT("\ngeneration=%llu\njournal_used=%llu\njournal_blocks=%llu\n",
		       meta->generation, meta->journal_used, meta->layout.journal_blocks);
		DMEMIT("commits=%llu\ncheckpoints=%llu\nmetadata_writes=%llu\n", meta->commits,
		       meta->checkpoints, meta->writes);
		DMEMIT("metadata_errors=%llu", meta->errors);
	}
	spin_unlock(&rc->table_lock);
}
