// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dm-remap/<target>/: for people who look, not for programs: those use messages.
 *
 * The files exist while the target's table is the device's truth; debugfs itself waits for readers
 * when a file is removed. Who walks the table holds the move_lock: the message "restore" replaces
 * it. No memory is waited for meanwhile: seq_file does that before it starts or after it stops.
 */
#include <linux/debugfs.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dm-remap-debugfs.h"
#include "dm-remap-stats.h"
#include "dm-remap-table.h"
#include "dm-remap-trace.h"

#define REMAP_HEALTH_REGIONS 64

static struct dentry *remap_debugfs_root;

static int remap_stats_show(struct seq_file *seq, void *unused)
{
	struct remap_c *rc = seq->private;
	char *text = kmalloc(REMAP_STATS_SIZE, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	remap_print_stats(rc, text, REMAP_STATS_SIZE);
	seq_printf(seq, "%s\n", text);
	kfree(text);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(remap_stats);

static int remap_trace_file_show(struct seq_file *seq, void *unused)
{
	struct remap_c *rc = seq->private;

	remap_trace_show(&rc->trace, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(remap_trace_file);

/* The device in equal regions: a line for each that is not wholly on main, and readable there. */
static int remap_health_show(struct seq_file *seq, void *unused)
{
	struct remap_c *rc = seq->private;
	sector_t step = max_t(sector_t, rc->unit, rc->ti->len / REMAP_HEALTH_REGIONS);
	sector_t first, last;
	char text[512];

	if (mutex_lock_killable(&rc->move_lock))
		return -EINTR;
	spin_lock(&rc->table_lock);
	remap_health_print(rc, text, sizeof(text));
	spin_unlock(&rc->table_lock);
	seq_printf(seq, "%s\n", text);
	for (first = 0; first < rc->ti->len; first = last + 1) {
		struct remap_totals totals = {};

		last = min(first + step, rc->ti->len) - 1;
		remap_table_count(rc->table, first, last, &totals);
		if (totals.remapped || totals.pending)
			seq_printf(seq, "%llu %llu remapped=%llu lost=%llu pending=%llu\n",
				   (u64)first, (u64)(last - first + 1), totals.remapped,
				   totals.lost + totals.pending, totals.pending);
	}
	mutex_unlock(&rc->move_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(remap_health);

static int remap_config_show(struct seq_file *seq, void *unused)
{
	struct remap_c *rc = seq->private;
	const struct remap_features *f = &rc->features;
	u64 spare_start, spare_len;
	char spare[16];

	remap_spare_now(rc, spare, sizeof(spare), &spare_start, &spare_len);
	seq_printf(seq, "main=%s\nmain_start=%llu\nlength=%llu\n", rc->main->name,
		   (u64)rc->main_start, (u64)rc->ti->len);
	seq_printf(seq, "spare=%s\nspare_start=%llu\nspare_len=%llu\n", spare, spare_start,
		   spare_len);
	seq_printf(seq, "logical_block_sectors=%u\nvolatile=%d\nmax_remaps=%llu\n", rc->unit,
		   f->is_volatile, f->max_remaps);
	seq_printf(seq, "no_auto_remap=%d\nretries=%u\nretry_delay_ms=%u\n", f->no_auto_remap,
		   f->retries, f->retry_delay_ms);
	seq_printf(seq, "proactive=%d\npending_policy=%s\nverify_reads=%d\nscan_interval_s=%u\n",
		   f->proactive, f->verify_pending ? "verify" : "relocate", f->verify_reads,
		   f->scan_interval_s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(remap_config);

/* Position: a sector. The element is the entry that holds it or comes next. */
static void *remap_entries_seek(struct remap_c *rc, loff_t *pos)
{
	sector_t last;

	while (*pos < rc->ti->len) {
		if (remap_is_listed(remap_table_at(rc->table, *pos, &last)))
			return rc;
		*pos = last + 1;
		cond_resched();
	}
	return NULL;
}

static void *remap_entries_start(struct seq_file *seq, loff_t *pos)
{
	struct remap_c *rc = seq->private;

	if (mutex_lock_killable(&rc->move_lock))
		return ERR_PTR(-EINTR);
	return remap_entries_seek(rc, pos);
}

static void *remap_entries_next(struct seq_file *seq, void *element, loff_t *pos)
{
	struct remap_c *rc = seq->private;
	sector_t last;

	remap_table_at(rc->table, *pos, &last);
	*pos = last + 1;
	return remap_entries_seek(rc, pos);
}

/* Also called with what start() has returned, be it an error. */
static void remap_entries_stop(struct seq_file *seq, void *element)
{
	struct remap_c *rc = seq->private;

	if (!IS_ERR(element))
		mutex_unlock(&rc->move_lock);
}

static int remap_entries_show(struct seq_file *seq, void *element)
{
	struct remap_c *rc = seq->private;
	sector_t first = seq->index, last;
	void *value = remap_table_at(rc->table, first, &last);

	if (!remap_is_listed(value))
		return 0;
	seq_printf(seq, "%llu %llu %s", (u64)first, (u64)(last - first + 1),
		   remap_state_name(value));
	if (remap_state(value) != REMAP_MAIN)
		seq_printf(seq, " %llu", (u64)remap_spare_sector(value, first));
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations remap_entries_ops = {
	.start = remap_entries_start,
	.next = remap_entries_next,
	.stop = remap_entries_stop,
	.show = remap_entries_show,
};

static int remap_entries_open(struct inode *inode, struct file *file)
{
	int r = seq_open(file, &remap_entries_ops);

	if (!r)
		((struct seq_file *)file->private_data)->private = inode->i_private;
	return r;
}

static const struct file_operations remap_entries_fops = {
	.owner = THIS_MODULE,
	.open = remap_entries_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release,
};

/*
 * Show an active target, under the name of its device, and with its first sector if that is not
 * the only target there. debugfs reports its own failures, and nothing depends on it.
 */
void remap_debugfs_add(struct remap_c *rc)
{
	char name[DM_NAME_LEN + 24];
	unsigned int noio;

	if (rc->ti->begin)
		snprintf(name, sizeof(name), "%s:%llu", rc->name, (u64)rc->ti->begin);
	else
		strscpy(name, rc->name, sizeof(name));
	/* The device is suspended: memory must not be waited for at its expense. */
	noio = memalloc_noio_save();
	rc->debugfs = debugfs_create_dir(name, remap_debugfs_root);
	debugfs_create_file("stats", 0400, rc->debugfs, rc, &remap_stats_fops);
	debugfs_create_file("remap_table", 0400, rc->debugfs, rc, &remap_entries_fops);
	debugfs_create_file("trace", 0400, rc->debugfs, rc, &remap_trace_file_fops);
	debugfs_create_file("health", 0400, rc->debugfs, rc, &remap_health_fops);
	debugfs_create_file("config", 0400, rc->debugfs, rc, &remap_config_fops);
	memalloc_noio_restore(noio);
}

void remap_debugfs_remove(struct remap_c *rc)
{
	/* The table that ends and the one that takes its place may both come here. */
	debugfs_remove(xchg(&rc->debugfs, NULL));
}

void remap_debugfs_module_init(void)
{
	remap_debugfs_root = debugfs_create_dir("dm-remap", NULL);
}

void remap_debugfs_module_exit(void)
{
	debugfs_remove(remap_debugfs_root);
}
