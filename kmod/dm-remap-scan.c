// SPDX-License-Identifier: GPL-2.0-only
/*
 * The background read scan: when it runs, what it says of itself.
 *
 * One work does everything, in bursts (dm-remap-scan-run.c) between which it may be stopped,
 * paused, or frozen with the machine. Nobody who starts, stops or asks for a scan ever waits for
 * its I/O: only a suspend does, because the reads do not pass through the mapped device, where dm
 * core would count them.
 */
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "dm-remap-core.h"
#include "dm-remap-table.h"

static unsigned long remap_scan_interval(const struct remap_scan *scan)
{
	return (unsigned long)scan->rc->features.scan_interval_s * HZ;
}

/* Is there something to read right now? */
bool remap_scan_look(struct remap_scan *scan, struct remap_scan_view *view)
{
	bool runs;

	spin_lock(&scan->lock);
	*view = scan->view;
	runs = view->state == REMAP_SCAN_RUNNING && !scan->paused;
	spin_unlock(&scan->lock);
	return runs;
}

static void remap_scan_tell(struct remap_scan *scan, const struct remap_scan_view *view)
{
	remap_event(scan->rc, REMAP_EVENT_SCAN, view->first, view->last - view->first + 1);
}

/* Say how a scan has ended. */
static void remap_scan_tell_end(struct remap_scan *scan, const struct remap_scan_view *view)
{
	static const char * const words[] = {
		[REMAP_SCAN_DONE] = "done", [REMAP_SCAN_STOPPED] = "stopped",
		[REMAP_SCAN_FAILED] = "failed",
	};

	if (view->state == REMAP_SCAN_DONE)
		remap_info(scan->rc, "scan of sectors %llu-%llu done: %llu sectors unreadable",
			   (u64)view->first, (u64)view->last, view->errors);
	else
		remap_info(scan->rc, "scan of sectors %llu-%llu %s at sector %llu: %llu sectors unreadable so far",
			   (u64)view->first, (u64)view->last, words[view->state],
			   (u64)view->position, view->errors);
	remap_scan_tell(scan, view);
}

/**
 * remap_scan_end() - End a scan, unless it has ended.
 * @scan: of which target
 * @run: which scan
 * @state: how it ends
 */
void remap_scan_end(struct remap_scan *scan, unsigned int run, enum remap_scan_state state)
{
	struct remap_scan_view view;
	bool ends;

	spin_lock(&scan->lock);
	ends = scan->view.run == run && scan->view.state == REMAP_SCAN_RUNNING;
	if (ends)
		scan->view.state = state;
	/* Who stops a scan does not want the next one at once. */
	if (ends && state == REMAP_SCAN_STOPPED)
		scan->due = jiffies + remap_scan_interval(scan);
	view = scan->view;
	spin_unlock(&scan->lock);
	if (ends)
		remap_scan_tell_end(scan, &view);
}

/**
 * remap_scan_advance() - All sectors before a position have been read.
 * @scan: of which target
 * @run: which scan
 * @position: the next sector
 * @errors: how many more were unreadable
 *
 * Return: whether the scan goes on for now.
 */
bool remap_scan_advance(struct remap_scan *scan, unsigned int run, sector_t position, u64 errors)
{
	struct remap_scan_view view;
	bool goes_on, ends = false;

	spin_lock(&scan->lock);
	goes_on = scan->view.run == run && scan->view.state == REMAP_SCAN_RUNNING;
	if (goes_on) {
		scan->view.position = position;
		scan->view.errors += errors;
		ends = position > scan->view.last;
		if (ends)
			scan->view.state = REMAP_SCAN_DONE;
		goes_on = !ends && !scan->paused;
	}
	view = scan->view;
	spin_unlock(&scan->lock);
	if (ends)
		remap_scan_tell_end(scan, &view);
	return goes_on;
}

/* A read was put off because the device is in use. */
void remap_scan_yield(struct remap_scan *scan, unsigned int run)
{
	spin_lock(&scan->lock);
	if (scan->view.run == run)
		scan->view.yields++;
	spin_unlock(&scan->lock);
}

/* Start a scan, unless there is one, or it is a patrol and there is no hurry. */
static int remap_scan_begin(struct remap_scan *scan, sector_t first, sector_t last, bool patrol)
{
	struct remap_scan_view view;
	int r = -EBUSY;

	spin_lock(&scan->lock);
	if (patrol && (scan->paused || !scan->patrols || time_before(jiffies, scan->due))) {
		r = -EAGAIN;
	} else {
		if (patrol)
			scan->due = jiffies + remap_scan_interval(scan);
		if (scan->view.state != REMAP_SCAN_RUNNING) {
			scan->view = (struct remap_scan_view) {
				.state = REMAP_SCAN_RUNNING, .first = first, .last = last,
				.position = first, .run = scan->view.run + 1,
			};
			r = 0;
		}
	}
	view = scan->view;
	spin_unlock(&scan->lock);
	if (r)
		return r;
	spin_lock(&scan->rc->table_lock);
	atomic64_inc(&scan->rc->table->counters->scans);
	spin_unlock(&scan->rc->table_lock);
	remap_info(scan->rc, "%s of sectors %llu-%llu started", patrol ? "patrol scan" : "scan",
		   (u64)first, (u64)last);
	remap_scan_tell(scan, &view);
	return 0;
}

static void remap_scan_work(struct work_struct *work)
{
	struct remap_scan *scan = container_of(to_delayed_work(work), struct remap_scan, work);
	unsigned long delay = 0, now;
	struct remap_scan_view view;
	bool again;

	remap_scan_begin(scan, 0, scan->rc->ti->len - 1, true);
	if (remap_scan_look(scan, &view))
		delay = remap_scan_burst(scan);

	spin_lock(&scan->lock);
	view = scan->view;
	again = !scan->paused && (view.state == REMAP_SCAN_RUNNING || scan->patrols);
	now = jiffies;
	if (view.state != REMAP_SCAN_RUNNING)
		delay = time_before(now, scan->due) ? scan->due - now : 0;
	spin_unlock(&scan->lock);

	if (view.state != REMAP_SCAN_RUNNING)
		remap_scan_free_steps(scan);
	/* Whoever has queued it meanwhile knows better when. */
	if (again)
		queue_delayed_work(scan->wq, &scan->work, delay);
}

/* Look now what there is to do. */
static void remap_scan_kick(struct remap_scan *scan)
{
	mod_delayed_work(scan->wq, &scan->work, 0);
}

/**
 * remap_scan_start() - Start a scan.
 * @rc: the target
 * @first: first sector
 * @last: last sector, inside the target; both are rounded outwards to whole logical blocks
 *
 * Return: 0, or -EBUSY if there is one already.
 */
static int remap_scan_start(struct remap_c *rc, sector_t first, sector_t last)
{
	sector_t mask = rc->unit - 1;
	int r;

	r = remap_scan_begin(&rc->scan, first & ~mask, min(last | mask, rc->ti->len - 1), false);
	if (r)
		remap_err(rc, "scan: there is one already: stop it first");
	else
		remap_scan_kick(&rc->scan);
	return r;
}

/* Stop the scan, if there is one. The reads under way end by themselves. */
static void remap_scan_stop(struct remap_c *rc)
{
	struct remap_scan_view view;

	remap_scan_look(&rc->scan, &view);
	remap_scan_end(&rc->scan, view.run, REMAP_SCAN_STOPPED);
	/* Its memory is no longer needed. */
	remap_scan_kick(&rc->scan);
}

/* Presuspend: no more reads, soon. */
void remap_scan_pause(struct remap_c *rc)
{
	spin_lock(&rc->scan.lock);
	rc->scan.paused = true;
	spin_unlock(&rc->scan.lock);
}

/* Postsuspend: those under way have ended when this returns. */
void remap_scan_wait(struct remap_c *rc)
{
	cancel_delayed_work_sync(&rc->scan.work);
}

void remap_scan_resume(struct remap_c *rc)
{
	struct remap_scan *scan = &rc->scan;
	unsigned long due = jiffies + remap_scan_interval(scan);

	spin_lock(&scan->lock);
	scan->paused = false;
	/* A reload takes over when the old table's next patrol would be, if that is sooner. */
	if (!scan->patrols || time_before(due, scan->due))
		scan->due = due;
	scan->patrols = rc->features.scan_interval_s;
	spin_unlock(&scan->lock);
	remap_scan_kick(scan);
}

/**
 * remap_scan_hand_over() - A new table goes on with the scan of the old one.
 * @from: target of the old table, suspended
 * @to: target of the new table, not resumed yet
 */
void remap_scan_hand_over(struct remap_c *from, struct remap_c *to)
{
	struct remap_scan_view view;
	unsigned long due;
	bool patrols;

	spin_lock(&from->scan.lock);
	view = from->scan.view;
	patrols = from->scan.patrols;
	due = from->scan.due;
	from->scan.view.state = REMAP_SCAN_IDLE;
	spin_unlock(&from->scan.lock);

	spin_lock(&to->scan.lock);
	to->scan.view = view;
	to->scan.patrols = patrols;
	to->scan.due = due;
	spin_unlock(&to->scan.lock);
}

static unsigned int remap_scan_percent(const struct remap_scan_view *view)
{
	if (view->state == REMAP_SCAN_IDLE)
		return 0;
	return div64_u64((view->position - view->first) * 100ull, view->last - view->first + 1);
}

/* In percent, of the scan under way or the last one. */
unsigned int remap_scan_progress(struct remap_c *rc)
{
	struct remap_scan_view view;

	remap_scan_look(&rc->scan, &view);
	return remap_scan_percent(&view);
}

/* The reply to each of the scan messages. Return: the length of the text. */
static unsigned int remap_scan_print(struct remap_c *rc, char *buf, unsigned int size)
{
	static const char * const words[] = {
		[REMAP_SCAN_IDLE] = "idle", [REMAP_SCAN_RUNNING] = "paused",
		[REMAP_SCAN_DONE] = "done", [REMAP_SCAN_STOPPED] = "stopped",
		[REMAP_SCAN_FAILED] = "failed",
	};
	struct remap_scan_view view;
	bool runs = remap_scan_look(&rc->scan, &view);

	return scnprintf(buf, size,
			 "scan=%s progress=%u%% start=%llu end=%llu position=%llu errors=%llu yields=%llu",
			 runs ? "running" : words[view.state], remap_scan_percent(&view),
			 (u64)view.first, (u64)view.last, (u64)view.position, view.errors,
			 view.yields);
}

static int remap_scan_parse(struct remap_c *rc, char **argv, u64 *range)
{
	u64 len = rc->ti->len;
	int i;

	for (i = 0; i < 2; i++) {
		if (*argv[i] < '0' || *argv[i] > '9' || kstrtoull(argv[i], 10, &range[i])) {
			remap_err(rc, "scan: sector \"%s\" is not a number", argv[i]);
			return -EINVAL;
		}
	}
	/* Who takes the length of the device for its last sector means the same. */
	if (range[1] == len)
		range[1] = len - 1;
	if (range[0] > range[1] || range[1] >= len) {
		remap_err(rc, "scan: sectors %llu-%llu do not ascend or are past the end of the device (%llu sectors)",
			  range[0], range[1], len);
		return -EINVAL;
	}
	return 0;
}

/**
 * remap_scan_message() - scan <start> <end>, scan stop, scan status
 * @rc: the target
 * @argc: how many words, "scan" among them
 * @argv: the words
 * @result: for the reply
 * @maxlen: room for that
 *
 * Return: 1, there is a reply; or a negative errno, and the reason is in the log.
 */
int remap_scan_message(struct remap_c *rc, unsigned int argc, char **argv, char *result,
		       unsigned int maxlen)
{
	u64 range[2];
	int r = 0;

	if (argc == 2 && !strcasecmp(argv[1], "stop")) {
		remap_scan_stop(rc);
	} else if (argc == 3) {
		r = remap_scan_parse(rc, argv + 1, range);
		if (!r)
			r = remap_scan_start(rc, range[0], range[1]);
	} else if (argc != 2 || strcasecmp(argv[1], "status")) {
		remap_err(rc, "wrong arguments, expected: scan <start> <end>, scan stop or scan status");
		r = -EINVAL;
	}
	if (r)
		return r;
	remap_scan_print(rc, result, maxlen);
	return 1;
}

int remap_scan_init(struct remap_c *rc)
{
	struct remap_scan *scan = &rc->scan;

	/* Nobody's I/O waits for it, so no rescuer; it is to rest when the machine does. */
	scan->wq = alloc_workqueue("dm-remap-scan", WQ_UNBOUND | WQ_FREEZABLE, 1);
	if (!scan->wq)
		return -ENOMEM;
	scan->rc = rc;
	scan->paused = true;
	spin_lock_init(&scan->lock);
	INIT_DELAYED_WORK(&scan->work, remap_scan_work);
	return 0;
}

void remap_scan_exit(struct remap_c *rc)
{
	struct remap_scan *scan = &rc->scan;

	cancel_delayed_work_sync(&scan->work);
	destroy_workqueue(scan->wq);
	remap_scan_free_steps(scan);
}
