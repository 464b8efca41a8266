/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last operations of a target, for debugfs.
 */
#ifndef DM_REMAP_TRACE_H
#define DM_REMAP_TRACE_H

#include <linux/blk_types.h>
#include <linux/spinlock.h>

struct seq_file;

#define REMAP_TRACE_RECORDS 256

struct remap_trace_record {
	u64 time_ns;		/* since boot */
	const char *what;	/* a string constant */
	u64 sector;
	u64 count;
	blk_status_t status;
};

struct remap_trace {
	/* Taken in interrupt context, too. Innermost. */
	spinlock_t lock;
	u64 written;		/* records ever written; the next goes to this modulo the size */
	struct remap_trace_record records[REMAP_TRACE_RECORDS];
};

void remap_trace_init(struct remap_trace *trace);
void remap_trace_add(struct remap_trace *trace, const char *what, u64 sector, u64 count,
		     blk_status_t status);
void remap_trace_show(struct remap_trace *trace, struct seq_file *seq);

#endif
