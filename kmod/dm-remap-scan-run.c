// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reads of the background scan.
 *
 * They take no lock and are not counted as I/O under way: nobody uses what they read, so it does
 * not matter if a sector moves, or a slot is given to another sector, under such a read. What a
 * failed one means is judged under the move_lock, by reading again from where the sectors lie then.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/ioprio.h>
#include <linux/part_stat.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dm-remap-core.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

/* 1 MiB is what one bio can hold for certain if pages have 4 KiB, and enough if they have more. */
#define REMAP_SCAN_SECTORS ((sector_t)2048)
#define REMAP_SCAN_PAGES (2048 >> (PAGE_SHIFT - SECTOR_SHIFT))

/* A failed step is judged in parts, so that neither moves nor a stop wait long for that. */
#define REMAP_SCAN_JUDGED_SECTORS ((sector_t)128)

/* A judgement that takes longer may have been given up before its end: see REMAP_REPAIR_LIMIT. */
#define REMAP_SCAN_JUDGED_WITHIN (25 * HZ)

/* How often a part that cannot be read, but has no bad sectors, is judged before the scan fails. */
#define REMAP_SCAN_TRIES 3

/* How long the work runs before it lets the machine freeze, if that is what it wants. */
#define REMAP_SCAN_BURST (HZ / 4)

/*
 * While the device is in use, the scan looks again so often whether it still is, and reads one
 * step after so many looks: some 10 MiB/s, or it would never end on a busy device.
 */
#define REMAP_SCAN_YIELD max(HZ / 100, 1)
#define REMAP_SCAN_YIELDS 10

struct remap_scan_step {
	struct bio bio;
	struct completion done;
	bool used;		/* is being read, or to be judged */
	bool submitted;
	sector_t first, last;
	struct bvec_iter iter;	/* of the whole bio: the block core advances its own */
	struct page *pages[REMAP_SCAN_PAGES];
	struct bio_vec vecs[REMAP_SCAN_PAGES];
};

static void remap_scan_free_step(struct remap_scan_step *step)
{
	int i;

	if (!step)
		return;
	for (i = 0; i < REMAP_SCAN_PAGES && step->pages[i]; i++)
		__free_page(step->pages[i]);
	kvfree(step);
}

void remap_scan_free_steps(struct remap_scan *scan)
{
	int i;

	for (i = 0; i < REMAP_SCAN_STEPS; i++) {
		remap_scan_free_step(scan->steps[i]);
		scan->steps[i] = NULL;
	}
}

/* Each page is a step's own: what lies below may check in the buffer what it has read. */
static struct remap_scan_step *remap_scan_alloc_step(void)
{
	struct remap_scan_step *step = kvzalloc(sizeof(*step), GFP_KERNEL);
	int i;

	BUILD_BUG_ON(REMAP_SCAN_PAGES > BIO_MAX_VECS);
	for (i = 0; step && i < REMAP_SCAN_PAGES; i++) {
		step->pages[i] = alloc_page(GFP_KERNEL);
		if (!step->pages[i]) {
			remap_scan_free_step(step);
			return NULL;
		}
	}
	return step;
}

/* Nothing at once, if there is no memory for all of it. */
static bool remap_scan_alloc_steps(struct remap_scan *scan)
{
	/* A suspend waits for this, with the device's own I/O blocked. */
	unsigned int noio = memalloc_noio_save();
	bool ok = true;
	int i;

	for (i = 0; i < REMAP_SCAN_STEPS && ok; i++) {
		if (!scan->steps[i])
			scan->steps[i] = remap_scan_alloc_step();
		ok = scan->steps[i];
	}
	memalloc_noio_restore(noio);
	return ok;
}

/*
 * Has anybody used the mapped device since the last look? Its own statistics tell, which cost the
 * fast path nothing; our reads do not pass through it.
 */
static bool remap_scan_user_active(struct remap_scan *scan, unsigned int run)
{
	struct block_device *part = dm_disk(dm_table_get_md(scan->rc->ti->table))->part0;
	unsigned long ios = part_stat_read_accum(part, ios);
	long under_way = 0;
	bool active;
	int cpu;

	/* I/O may start on one CPU and end on another: only the sum means anything. */
	for_each_possible_cpu(cpu)
		under_way += part_stat_local_read_cpu(part, in_flight[0], cpu) +
			     part_stat_local_read_cpu(part, in_flight[1], cpu);
	/* What was done before the scan began does not count. */
	active = (run == scan->looked && ios != scan->user_ios) || under_way > 0;

	scan->looked = run;
	scan->user_ios = ios;
	return active;
}

/* May the scan read another step now? */
static bool remap_scan_may_read(struct remap_scan *scan, unsigned int run)
{
	if (!remap_scan_user_active(scan, run) || scan->yielded >= REMAP_SCAN_YIELDS) {
		scan->yielded = 0;
		return true;
	}
	scan->yielded++;
	return false;
}

static void remap_scan_end_io(struct bio *bio)
{
	struct remap_scan_step *step = bio->bi_private;

	complete(&step->done);
}

/* A step over @first..@last, which lie in one place: read there. */
static void remap_scan_read(struct remap_scan *scan, struct remap_scan_step *step, sector_t first,
			    sector_t last, const void *value)
{
	bool spare = remap_state(value) != REMAP_MAIN;
	struct remap_c *rc = scan->rc;
	unsigned int len = (last - first + 1) << SECTOR_SHIFT;
	unsigned int i, part;

	bio_init(&step->bio, spare ? rc->spare->bdev : rc->main->bdev, step->vecs,
		 REMAP_SCAN_PAGES, REQ_OP_READ);
	step->bio.bi_iter.bi_sector = spare ? remap_spare_sector(value, first) :
					      rc->main_start + first;
	step->bio.bi_ioprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
	step->bio.bi_end_io = remap_scan_end_io;
	step->bio.bi_private = step;
	for (i = 0; len; i++, len -= part) {
		part = min_t(unsigned int, len, PAGE_SIZE);
		__bio_add_page(&step->bio, step->pages[i], part, 0);
	}
	step->iter = step->bio.bi_iter;
	step->first = first;
	step->last = last;
	step->used = true;
	/* A sector that could not be read is read with all due care at once: see below. */
	step->submitted = !remap_is_pending(value);
	if (step->submitted) {
		init_completion(&step->done);
		submit_bio(&step->bio);
	}
}

/*
 * Read on from a sector, up to the end of an entry or of a large step. Sectors that have no
 * content are passed over.
 *
 * Return: the sector after it, beyond @last if nothing is left.
 */
static sector_t remap_scan_next(struct remap_scan *scan, struct remap_scan_step *step,
				sector_t sector, sector_t last)
{
	sector_t end;
	void *value;

	for (; sector <= last; sector = end + 1) {
		value = remap_table_at(scan->rc->table, sector, &end);
		end = min3(end, last, sector | (REMAP_SCAN_SECTORS - 1));
		if (remap_state(value) != REMAP_LOST) {
			remap_scan_read(scan, step, sector, end, value);
			return end + 1;
		}
		cond_resched();
	}
	return sector;
}

static void remap_scan_fail(struct remap_scan *scan, unsigned int run, sector_t sector,
			    blk_status_t status)
{
	struct remap_c *rc = scan->rc;

	atomic64_inc(&rc->table->counters->transport_errors);
	remap_health_update(rc);
	remap_err(rc, "scan: cannot read sector %llu, and that is not the medium's fault: error %d",
		  (u64)sector, blk_status_to_errno(status));
	remap_scan_end(scan, run, REMAP_SCAN_FAILED);
}

/* Read a part of a step again, to find out what of it cannot be read; @bad sectors of it. */
static blk_status_t remap_scan_judge_part(struct remap_scan *scan, struct remap_scan_step *step,
					  sector_t first, sector_t last, u64 *bad)
{
	struct bvec_iter iter = step->iter;
	struct remap_totals totals = {};
	blk_status_t status;

	bio_advance_iter(&step->bio, &iter, (first - step->first) << SECTOR_SHIFT);
	iter.bi_size = (last - first + 1) << SECTOR_SHIFT;

	status = remap_repair_again(scan->rc, &step->bio, &iter, first);
	remap_table_count(scan->rc->table, first, last, &totals);
	*bad = totals.lost + totals.pending;
	/* Of the whole step only the first judgement of its only part may use that. */
	step->bio.bi_status = BLK_STS_OK;
	return status;
}

/*
 * The read of a step has failed, or is not to be trusted, or there was none: find out what of it
 * is bad. Return: whether the scan goes on.
 */
static bool remap_scan_judge(struct remap_scan *scan, struct remap_scan_step *step,
			     unsigned int run)
{
	sector_t part = REMAP_SCAN_JUDGED_SECTORS, unit = scan->rc->unit, pos = step->first, end;
	unsigned long start;
	unsigned int tries = 0;
	blk_status_t status;
	u64 bad;

	if ((step->first | (part - 1)) < step->last)
		step->bio.bi_status = BLK_STS_OK;
	while (pos <= step->last) {
		start = jiffies;
		end = min(pos | (part - 1), step->last);
		status = remap_scan_judge_part(scan, step, pos, end, &bad);
		/* What was bad may just have been written; what is not the medium's fault stays. */
		if (status && (status != BLK_STS_IOERR || (!bad && ++tries == REMAP_SCAN_TRIES))) {
			remap_scan_fail(scan, run, pos, status);
			return false;
		}
		if (status && time_after(jiffies, start + REMAP_SCAN_JUDGED_WITHIN)) {
			part = unit;
			if (end - pos >= unit)
				continue;
		}
		if (!status || bad) {
			pos = end + 1;
			tries = 0;
			if (!remap_scan_advance(scan, run, pos, bad))
				return false;
		}
		cond_resched();
	}
	return true;
}

/*
 * Does a step have the data that was written? If not, that may be for good reason, because it has
 * taken no care of writes and moves meanwhile: it is judged like one that has failed.
 */
static bool remap_scan_matches(struct remap_scan *scan, struct remap_scan_step *step)
{
	struct remap_crcs *crcs = scan->rc->crcs;

	return !crcs || remap_crcs_match(crcs, &step->bio, &step->iter, step->first);
}

/* Wait for a step and see what has become of it. Return: whether the scan goes on. */
static bool remap_scan_finish(struct remap_scan *scan, struct remap_scan_step *step,
			      unsigned int run, bool goes_on)
{
	/* In pieces, or a slow device would look like a hung task. */
	while (step->submitted && !wait_for_completion_io_timeout(&step->done, 30 * HZ))
		;
	/* Not in order any more: that step is read again, should the scan go on later. */
	if (goes_on) {
		blk_status_t status = step->submitted ? step->bio.bi_status : BLK_STS_OK;

		if (status && !remap_may_be_medium(status, false)) {
			remap_scan_fail(scan, run, step->first, status);
			goes_on = false;
		} else if (status || !step->submitted || !remap_scan_matches(scan, step)) {
			goes_on = remap_scan_judge(scan, step, run);
		} else {
			goes_on = remap_scan_advance(scan, run, step->last + 1, 0);
		}
	}
	step->used = false;
	bio_uninit(&step->bio);
	return goes_on;
}

/**
 * remap_scan_burst() - Read for a while.
 * @scan: of which target
 *
 * Return: after how many jiffies to go on, if there is more.
 */
unsigned long remap_scan_burst(struct remap_scan *scan)
{
	unsigned long end = jiffies + REMAP_SCAN_BURST, delay = 0;
	bool goes_on = true, more = true;
	struct remap_scan_view view;
	sector_t next;
	int turn, in_use;

	if (!remap_scan_look(scan, &view))
		return 0;
	if (!remap_scan_alloc_steps(scan)) {
		remap_err(scan->rc, "scan: out of memory");
		remap_scan_end(scan, view.run, REMAP_SCAN_FAILED);
		return 0;
	}
	next = view.position;
	/* In turn, so the step that is looked at is always the oldest one. */
	for (turn = 0, in_use = 0; more || in_use; turn = (turn + 1) % REMAP_SCAN_STEPS) {
		struct remap_scan_step *step = scan->steps[turn];

		if (step->used) {
			goes_on = remap_scan_finish(scan, step, view.run, goes_on);
			in_use--;
		}
		more = more && goes_on && next <= view.last && time_before(jiffies, end);
		if (more && !remap_scan_may_read(scan, view.run)) {
			remap_scan_yield(scan, view.run);
			more = false;
			delay = REMAP_SCAN_YIELD;
		}
		if (more) {
			next = remap_scan_next(scan, step, next, view.last);
			in_use += step->used;
		}
		cond_resched();
	}
	/* Over what has been passed over at the end. */
	if (goes_on)
		remap_scan_advance(scan, view.run, next, 0);
	return delay;
}
