// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration, its life: message "migrate", a work that goes on step by step, and the end.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-migrate.h"
#include "dm-remap-table.h"
#include "dm-remap-targets.h"

/* A pass that copies no more than this is followed by the last one, and so is a late one. */
#define REMAP_MIGRATION_FEW (16 * REMAP_COPY_SECTORS)
#define REMAP_MIGRATION_PASSES 8
/* But nobody waits for the copying of more than this, however late it is. */
#define REMAP_MIGRATION_MOST ((32u << 20) >> SECTOR_SHIFT)
#define REMAP_MIGRATION_MAX_PASSES 256
/* The work comes back after so many jiffies. */
#define REMAP_MIGRATION_BURST (HZ / 10)
/* When memory is short. */
#define REMAP_MIGRATION_PAUSE_MS 50
#define REMAP_MIGRATION_MAX_PAUSES 1200

static const char * const remap_migration_names[REMAP_NR_MIGRATION_STATES] = {
	[REMAP_MIGRATION_NONE] = "none",
	[REMAP_MIGRATION_RUNNING] = "running",
	[REMAP_MIGRATION_DONE] = "done",
	[REMAP_MIGRATION_STOPPED] = "stopped",
	[REMAP_MIGRATION_FAILED] = "failed",
};

/* For these two and the reply of "status": table_lock. */
const char *remap_migration_name(const struct remap_c *rc)
{
	return remap_migration_names[rc->migrating.state];
}

/* Percent; all of it only when the switch is over. */
unsigned int remap_migration_progress(const struct remap_c *rc)
{
	const struct remap_migrating *mg = &rc->migrating;

	if (mg->state == REMAP_MIGRATION_DONE)
		return 100;
	return mg->total ? min_t(u64, div64_u64(mg->copied * 100, mg->total), 99) : 0;
}

/* It comes to its end, and this is why: a word for the reply. Return: @r. */
int remap_migration_fail(struct remap_c *rc, const char *reason, int r)
{
	spin_lock(&rc->table_lock);
	rc->migrating.reason = reason;
	spin_unlock(&rc->table_lock);
	return r;
}

/* The new spare does not answer as it should, or somebody wants us to wait with the next try. */
int remap_migration_failed_write(struct remap_c *rc)
{
	return remap_told_to_stop(rc) ? -EINTR : remap_migration_fail(rc, "new_spare", -EIO);
}

/* Nobody uses it any more; the old spare after a switch, or the new one without. */
void remap_migration_free(struct remap_c *rc, struct remap_migration *m)
{
	if (m->side.table) {
		/* The device's table goes on counting with them. */
		m->side.table->counters = NULL;
		remap_table_destroy(m->side.table);
	}
	remap_meta_destroy(m->side.meta);
	kvfree(m->dirty);
	kvfree(m->copying);
	if (m->side.dev)
		dm_put_device(rc->ti, m->side.dev);
	kfree(m);
}

/* The end; move_lock. */
static void remap_migration_end(struct remap_c *rc, enum remap_migration_state state)
{
	struct remap_migration *m = rc->migrating.now;
	bool done = state == REMAP_MIGRATION_DONE;

	if (state == REMAP_MIGRATION_STOPPED)
		remap_migration_fail(rc, "asked_to", 0);
	WRITE_ONCE(rc->migrating.now, NULL);
	rc->migrating.stop = false;
	spin_lock(&rc->table_lock);
	rc->migrating.state = state;
	spin_unlock(&rc->table_lock);
	if (done) {
		remap_info(rc, "the spare is %s now; suspend and resume to let go of %s, which is not needed any more",
			   rc->spare->name, m->side.dev->name);
	} else {
		remap_super_unlink(rc->meta->super);
		remap_err(rc, "migration to %s %s: %s; the spare is %s as before",
			  m->side.dev->name, remap_migration_names[state],
			  rc->migrating.reason, rc->spare->name);
	}
	if (rc->migrating.lost)
		remap_err(rc, "%llu sectors could not be read any more: lost",
			  rc->migrating.lost);
	remap_event(rc, REMAP_EVENT_MIGRATION, 0, remap_table_totals(rc->table).remapped);
	remap_health_update(rc);
	/* Whoever has looked at what was published may do so until the device stands still. */
	m->idle = !m->published;
	m->next = rc->migrating.retired;
	rc->migrating.retired = m;
}

/* Not under move_lock: see dm-remap-targets.c. */
static void remap_migration_after(struct remap_c *rc)
{
	remap_unclaim(rc);
	queue_work(system_freezable_wq, &rc->migrating.put_work);
}

/* The next one that nobody looks at any more, or NULL. */
static struct remap_migration *remap_migration_take_idle(struct remap_c *rc)
{
	struct remap_migration **at, *m = NULL;

	mutex_lock(&rc->move_lock);
	for (at = &rc->migrating.retired; *at && !(*at)->idle; at = &(*at)->next)
		;
	/* Else a resume comes, or the destructor. */
	if (rc->running)
		m = *at;
	if (m)
		*at = m->next;
	/* A last try. */
	if (m && m->unburied && remap_migration_may_bury(rc, m))
		remap_migration_bury(rc, m);
	mutex_unlock(&rc->move_lock);
	return m;
}

/*
 * To close a device may mean to write what is cached of it, and takes locks that are also held
 * over I/O to us: not while we are suspended, and nobody who suspends us waits for it.
 */
static void remap_migration_put_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, migrating.put_work);
	unsigned int noio = memalloc_noio_save();
	struct remap_migration *m;

	while ((m = remap_migration_take_idle(rc))) {
		/* map() may be marking. */
		synchronize_rcu();
		remap_migration_free(rc, m);
	}
	memalloc_noio_restore(noio);
}

/* Is it worth another pass before everybody has to wait for one? */
static bool remap_migration_is_worth_it(const struct remap_migration *m)
{
	if (m->pass == 1 && m->unread)
		return true;
	return m->pass_copied > (m->pass < REMAP_MIGRATION_PASSES ? REMAP_MIGRATION_FEW :
								     REMAP_MIGRATION_MOST);
}

/* A pass is over. Return: 0 if there is another, 1 if all is done, or a negative errno. */
static int remap_migration_next(struct remap_c *rc, struct remap_migration *m)
{
	if (m->pass >= REMAP_MIGRATION_MAX_PASSES)
		return remap_migration_fail(rc, "busy", -EBUSY);
	if (!remap_migration_is_worth_it(m))
		return remap_migration_switch(rc, m) ?: 1;
	remap_migration_begin_pass(rc, m);
	return 0;
}

enum remap_migration_step {
	REMAP_MIGRATION_AGAIN,
	REMAP_MIGRATION_PAUSE,	/* and again */
	REMAP_MIGRATION_WAIT,	/* for a resume */
	REMAP_MIGRATION_ENDED,
};

/* Under move_lock. */
static enum remap_migration_step remap_migration_go_on(struct remap_c *rc)
{
	struct remap_migration *m = rc->migrating.now;
	int r;

	if (!m || READ_ONCE(rc->stopping) || !rc->running)
		return REMAP_MIGRATION_WAIT;
	if (rc->migrating.stop) {
		remap_migration_end(rc, REMAP_MIGRATION_STOPPED);
		return REMAP_MIGRATION_ENDED;
	}
	r = m->step(rc, m);
	if (r > 0)
		r = remap_migration_next(rc, m);
	/* A suspend wants us to wait: that step comes again. */
	if (!r || r == -EINTR)
		return REMAP_MIGRATION_AGAIN;
	if (r == -ENOMEM && m->pauses++ < REMAP_MIGRATION_MAX_PAUSES)
		return REMAP_MIGRATION_PAUSE;
	if (r == -ENOMEM)
		remap_migration_fail(rc, "memory", r);
	remap_migration_end(rc, r > 0 ? REMAP_MIGRATION_DONE : REMAP_MIGRATION_FAILED);
	return REMAP_MIGRATION_ENDED;
}

static void remap_migration_queue(struct remap_c *rc)
{
	/* Freezable, so it goes on in bursts: nothing is written behind an image of the memory. */
	queue_work(system_freezable_wq, &rc->migrating.work);
}

static void remap_migration_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, migrating.work);
	unsigned int noio = memalloc_noio_save();
	unsigned long end = jiffies + REMAP_MIGRATION_BURST;
	enum remap_migration_step step;

	do {
		mutex_lock(&rc->move_lock);
		step = remap_migration_go_on(rc);
		mutex_unlock(&rc->move_lock);
		cond_resched();
	} while (step == REMAP_MIGRATION_AGAIN && time_before(jiffies, end));
	if (step == REMAP_MIGRATION_PAUSE)
		msleep(REMAP_MIGRATION_PAUSE_MS);
	if (step <= REMAP_MIGRATION_PAUSE)
		remap_migration_queue(rc);
	if (step == REMAP_MIGRATION_ENDED)
		remap_migration_after(rc);
	memalloc_noio_restore(noio);
}

/* The device runs again. */
void remap_migration_resume(struct remap_c *rc)
{
	if (READ_ONCE(rc->migrating.now))
		remap_migration_queue(rc);
	if (READ_ONCE(rc->migrating.retired))
		queue_work(system_freezable_wq, &rc->migrating.put_work);
}

/* The device stands still: nobody looks at anything. */
void remap_migration_suspended(struct remap_c *rc)
{
	struct remap_migration *m;

	/* It sees that it is to wait. */
	flush_work(&rc->migrating.work);
	mutex_lock(&rc->move_lock);
	for (m = rc->migrating.retired; m; m = m->next)
		m->idle = true;
	mutex_unlock(&rc->move_lock);
}

void remap_migration_init(struct remap_c *rc)
{
	INIT_WORK(&rc->migrating.work, remap_migration_work);
	INIT_WORK(&rc->migrating.put_work, remap_migration_put_work);
	rc->migrating.reason = "none";
}

void remap_migration_exit(struct remap_c *rc)
{
	struct remap_migration *m;

	cancel_work_sync(&rc->migrating.work);
	cancel_work_sync(&rc->migrating.put_work);
	if (rc->migrating.now)
		remap_migration_free(rc, rc->migrating.now);
	rc->migrating.now = NULL;
	while ((m = rc->migrating.retired)) {
		rc->migrating.retired = m->next;
		remap_migration_free(rc, m);
	}
}

static int remap_migration_stop(struct remap_c *rc)
{
	bool ended = false, stopped;
	int r;

	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		return r;
	rc->migrating.stop = rc->migrating.now;
	stopped = rc->migrating.stop;
	mutex_unlock(&rc->move_lock);
	if (!stopped)
		return remap_migration_refuse(rc, -ENOENT, "none is under way");
	flush_work(&rc->migrating.work);
	mutex_lock(&rc->move_lock);
	/* While the device is suspended the work does nothing. */
	if (rc->migrating.stop && rc->migrating.now) {
		remap_migration_end(rc, REMAP_MIGRATION_STOPPED);
		ended = true;
	}
	stopped = rc->migrating.state == REMAP_MIGRATION_STOPPED;
	mutex_unlock(&rc->move_lock);
	if (ended)
		remap_migration_after(rc);
	return stopped ? 0 : remap_migration_refuse(rc, -ENOENT, "it has ended by itself");
}

static int remap_migration_status(struct remap_c *rc, char *result, unsigned int maxlen)
{
	const struct remap_migrating *mg = &rc->migrating;
	unsigned int sz = 0;

	spin_lock(&rc->table_lock);
	DMEMIT("migrate=%s progress=%u%% copied=%llu total=%llu lost=%llu reason=%s",
	       remap_migration_name(rc), remap_migration_progress(rc), mg->copied, mg->total,
	       mg->lost, mg->reason);
	spin_unlock(&rc->table_lock);
	return 1;
}

/* migrate <dev> [<start> <len>], migrate stop, migrate status */
int remap_migration_message(struct remap_c *rc, unsigned int argc, char **argv, char *result,
			    unsigned int maxlen)
{
	unsigned int noio, sz = 0;
	u64 start = 0, len = 0;
	int r;

	if (argc == 2 && !strcasecmp(argv[1], "status"))
		return remap_migration_status(rc, result, maxlen);
	if (argc == 2 && !strcasecmp(argv[1], "stop")) {
		r = remap_migration_stop(rc);
		DMEMIT("stopped");
		return r ?: 1;
	}
	if ((argc != 2 && argc != 4) ||
	    (argc == 4 && (kstrtoull(argv[2], 10, &start) || kstrtoull(argv[3], 10, &len) || !len)))
		return remap_migration_refuse(rc, -EINVAL,
					      "expected <new_spare_dev> [<start> <len>], stop or status");
	noio = memalloc_noio_save();
	r = remap_migration_begin(rc, argv[1], start, len);
	memalloc_noio_restore(noio);
	DMEMIT("migrating");
	return r ?: 1;
}
