// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration, its life: message "migrate", a work that goes on step by step, and the end.
 */
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

/* The end; move_lock. Return: what is to be freed when the lock is not held any more, or NULL. */
static struct remap_migration *remap_migration_end(struct remap_c *rc,
						   enum remap_migration_state state)
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
	if (!done)
		remap_super_unlink(rc->meta->super);
	if (done)
		remap_info(rc, "the spare is %s now; suspend and resume to let go of %s, which is not needed any more",
			   rc->spare->name, m->side.dev->name);
	else
		remap_err(rc, "migration to %s %s: %s; the spare is %s as before",
			  m->side.dev->name, remap_migration_names[state],
			  rc->migrating.reason, rc->spare->name);
	if (rc->migrating.lost)
		remap_err(rc, "%llu sectors could not be read any more: lost",
			  rc->migrating.lost);
	remap_event(rc, REMAP_EVENT_MIGRATION, 0, remap_table_totals(rc->table).remapped);
	remap_health_update(rc);
	if (!done)
		return m;
	/* Whoever has looked at them without a lock may do so until the device stands still. */
	m->next = rc->migrating.retired;
	rc->migrating.retired = m;
	return NULL;
}

static void remap_migration_after(struct remap_c *rc, struct remap_migration *m)
{
	remap_unclaim(rc);
	if (!m)
		return;
	/* map() may be marking. */
	synchronize_rcu();
	remap_migration_free(rc, m);
}

/* A pass is over. Return: 0 if there is another, 1 if all is done, or a negative errno. */
static int remap_migration_next(struct remap_c *rc, struct remap_migration *m)
{
	if (m->pass < REMAP_MIGRATION_PASSES && m->pass_copied > REMAP_MIGRATION_FEW) {
		remap_migration_begin_pass(rc, m);
		return 0;
	}
	return remap_migration_switch(rc, m) ?: 1;
}

/* Under move_lock. Return: whether there is more to do now; @ended and @m as by _end(). */
static bool remap_migration_go_on(struct remap_c *rc, bool *ended, struct remap_migration **m)
{
	struct remap_migration *now = rc->migrating.now;
	int r;

	if (!now || READ_ONCE(rc->stopping) || !rc->running)
		return false;
	if (rc->migrating.stop) {
		*ended = true;
		*m = remap_migration_end(rc, REMAP_MIGRATION_STOPPED);
		return false;
	}
	r = now->step(rc, now);
	if (r > 0)
		r = remap_migration_next(rc, now);
	/* A suspend wants us to wait: that step comes again. */
	if (!r || r == -EINTR)
		return true;
	*ended = true;
	if (r < 0 && !strcmp(rc->migrating.reason, "none"))
		remap_migration_fail(rc, r == -ENOMEM ? "memory" : "error", r);
	*m = remap_migration_end(rc, r > 0 ? REMAP_MIGRATION_DONE : REMAP_MIGRATION_FAILED);
	return false;
}

static void remap_migration_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, migrating.work);
	unsigned int noio = memalloc_noio_save();
	struct remap_migration *m = NULL;
	bool ended = false, more;

	do {
		mutex_lock(&rc->move_lock);
		more = remap_migration_go_on(rc, &ended, &m);
		mutex_unlock(&rc->move_lock);
		cond_resched();
	} while (more);
	if (ended)
		remap_migration_after(rc, m);
	memalloc_noio_restore(noio);
}

/* The device runs again. */
void remap_migration_resume(struct remap_c *rc)
{
	if (READ_ONCE(rc->migrating.now))
		queue_work(rc->wq, &rc->migrating.work);
}

/* The device stands still, and no work of ours is under way: what a switch has left can go. */
void remap_migration_forget(struct remap_c *rc)
{
	struct remap_migration *m;

	while ((m = rc->migrating.retired)) {
		rc->migrating.retired = m->next;
		remap_migration_free(rc, m);
	}
}

void remap_migration_init(struct remap_c *rc)
{
	INIT_WORK(&rc->migrating.work, remap_migration_work);
	rc->migrating.reason = "none";
}

void remap_migration_exit(struct remap_c *rc)
{
	cancel_work_sync(&rc->migrating.work);
	if (rc->migrating.now)
		remap_migration_free(rc, rc->migrating.now);
	rc->migrating.now = NULL;
	remap_migration_forget(rc);
}

static int remap_migration_stop(struct remap_c *rc)
{
	struct remap_migration *m = NULL;
	bool ended = false;
	int r;

	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		return r;
	if (!rc->migrating.now)
		r = remap_migration_refuse(rc, -ENOENT, "none is under way");
	else
		rc->migrating.stop = true;
	mutex_unlock(&rc->move_lock);
	if (r)
		return r;
	flush_work(&rc->migrating.work);
	/* While the device is suspended the work does nothing. */
	mutex_lock(&rc->move_lock);
	if (rc->migrating.now && rc->migrating.stop) {
		ended = true;
		m = remap_migration_end(rc, REMAP_MIGRATION_STOPPED);
	}
	mutex_unlock(&rc->move_lock);
	if (ended)
		remap_migration_after(rc, m);
	return 0;
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
