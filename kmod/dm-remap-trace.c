// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring of the last operations. Records are small and rare: what events tell of, and at debug
 * level 2 each I/O.
 */
#include <linux/blkdev.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>

#include "dm-remap-trace.h"

void remap_trace_init(struct remap_trace *trace)
{
	spin_lock_init(&trace->lock);
}

/**
 * remap_trace_add() - Remember an operation.
 * @trace: the target's ring
 * @what: a string constant
 * @sector: first sector
 * @count: sectors
 * @status: how it ended
 */
void remap_trace_add(struct remap_trace *trace, const char *what, u64 sector, u64 count,
		     blk_status_t status)
{
	struct remap_trace_record *record;
	unsigned long flags;

	spin_lock_irqsave(&trace->lock, flags);
	record = &trace->records[trace->written++ % REMAP_TRACE_RECORDS];
	record->time_ns = ktime_get_boottime_ns();
	record->what = what;
	record->sector = sector;
	record->count = count;
	record->status = status;
	spin_unlock_irqrestore(&trace->lock, flags);
}

/* A line a record, oldest first: "<seconds> <what> <sector> <count> <errno>". */
void remap_trace_show(struct remap_trace *trace, struct seq_file *seq)
{
	struct remap_trace_record record;
	unsigned long flags;
	u64 nr = 0;

	for (;; nr++) {
		spin_lock_irqsave(&trace->lock, flags);
		if (trace->written > REMAP_TRACE_RECORDS)
			nr = max(nr, trace->written - REMAP_TRACE_RECORDS);
		if (nr >= trace->written) {
			spin_unlock_irqrestore(&trace->lock, flags);
			return;
		}
		record = trace->records[nr % REMAP_TRACE_RECORDS];
		spin_unlock_irqrestore(&trace->lock, flags);

		seq_printf(seq, "%llu.%06llu %s %llu %llu %d\n", record.time_ns / NSEC_PER_SEC,
			   record.time_ns % NSEC_PER_SEC / NSEC_PER_USEC, record.what,
			   record.sector, record.count, blk_status_to_errno(record.status));
	}
}
