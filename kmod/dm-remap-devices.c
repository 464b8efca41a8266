// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose fault a failure is.
 *
 * A sector is called bad only if its device says so, or if it fails while the device answers
 * elsewhere. All the rest is the fault of the way there, and costs no spare sector.
 */
#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/random.h>

#include "dm-remap-copy.h"
#include "dm-remap-table.h"

/* How often a silent device is asked whether it is back, though no I/O fails. */
#define REMAP_SILENCE HZ
#define REMAP_STORM_WINDOW (60 * HZ)
/* How many blocks must fail to read before a device is taken for dead. */
#define REMAP_PROBES 8
/* How many slots in a row may refuse a block before the spare is left in peace for a minute. */
#define REMAP_BAD_IN_A_ROW 64

/* Automatic relocations, in blocks; above it the medium is not believed to be what is failing. */
unsigned int remap_max_per_minute = 4096;

struct remap_area remap_main_area(struct remap_c *rc)
{
	return (struct remap_area) { rc->main->bdev, rc->main_start, rc->ti->len, false };
}

struct remap_area remap_spare_area(struct remap_c *rc)
{
	return (struct remap_area) { rc->spare->bdev, rc->spare_start, rc->spare_len, true };
}

static const char *remap_area_name(struct remap_c *rc, const struct remap_area *area)
{
	return area->spare ? rc->spare->name : rc->main->name;
}

/* The device answers, or does not: news, if that was otherwise before. */
static void remap_answers(struct remap_c *rc, const struct remap_area *area, bool answers,
			  unsigned long took)
{
	struct remap_devices *devices = &rc->devices;
	const char *which = area->spare ? "spare" : "main";

	devices->until[area->spare] = jiffies + max_t(unsigned long, REMAP_SILENCE, took);
	if (!answers)
		mod_delayed_work(rc->wq, &devices->work, REMAP_SILENCE);
	if (devices->silent[area->spare] == !answers)
		return;
	WRITE_ONCE(devices->silent[area->spare], !answers);
	if (answers)
		remap_info(rc, "%s device %s answers again", which, remap_area_name(rc, area));
	else
		remap_err(rc, "%s device %s does not answer: its sectors are not called bad",
			  which, remap_area_name(rc, area));
	remap_event(rc, REMAP_EVENT_DEVICE, 0, 0);
	remap_health_update(rc);
}

/*
 * Does the device answer anywhere? Reads one block at a few places, not always the same, for those
 * may be bad. Overwrites the first page.
 */
static bool remap_probe(struct remap_c *rc, const struct remap_area *area)
{
	/* One that is known to be silent may take long for each read. */
	int i, probes = rc->devices.silent[area->spare] ? 1 : REMAP_PROBES;
	unsigned long start = jiffies;
	blk_status_t status;
	bool answers = false;
	int lost = 0;
	u64 at;

	/* If the way there fails, it fails everywhere: twice is enough, for each may take long. */
	for (i = 0; i < probes && !answers && lost < 2; i++) {
		div64_u64_rem(get_random_u64(), area->len / rc->unit, &at);
		status = remap_copy_io(rc, area, REQ_OP_READ, area->start + at * rc->unit, 0,
				       rc->unit);
		/* That it has bad sectors is an answer, too. */
		answers = !status || status == BLK_STS_MEDIUM || status == BLK_STS_PROTECTION;
		lost += !remap_may_be_medium(status, false);
	}
	remap_answers(rc, area, answers, jiffies - start);
	return answers;
}

/* A minute with too many relocations is over: the brake comes off. */
static void remap_brake_lift(struct remap_c *rc)
{
	struct remap_devices *devices = &rc->devices;

	if (time_before(jiffies, devices->storm_since + REMAP_STORM_WINDOW))
		return;
	devices->storm_since = jiffies;
	devices->storm_count = 0;
	if (!devices->braked)
		return;
	WRITE_ONCE(devices->braked, false);
	/* One more slot may try, if it was slots that put the brake on. */
	devices->bad_in_a_row = min(devices->bad_in_a_row, REMAP_BAD_IN_A_ROW - 1u);
	remap_info(rc, "automatic relocation goes on");
	remap_health_update(rc);
}

/* Is there a reason to ask the device whether it is there? Not again within a moment. */
static bool remap_is_due(struct remap_c *rc, int spare, bool suspect)
{
	return (suspect || rc->devices.silent[spare]) &&
	       !time_before(jiffies, rc->devices.until[spare]);
}

/* What no failing I/O would tell: that a device is gone, or back, or the brake to be taken off. */
static void remap_devices_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, devices.work.work);
	struct remap_devices *devices = &rc->devices;
	bool again = true;
	int i;

	/* What lies below may be suspended as well; and a move takes its time. */
	if (!dm_suspended(rc->ti) && mutex_trylock(&rc->move_lock)) {
		struct remap_area areas[] = { remap_main_area(rc), remap_spare_area(rc) };
		bool suspect = xchg(&devices->suspect, false);

		for (i = 0; i < ARRAY_SIZE(areas); i++) {
			if (remap_is_due(rc, i, suspect))
				remap_probe(rc, &areas[i]);
			else if (suspect)
				WRITE_ONCE(devices->suspect, true);
		}
		remap_brake_lift(rc);
		again = devices->silent[0] || devices->silent[1] || devices->braked ||
			READ_ONCE(devices->suspect);
		mutex_unlock(&rc->move_lock);
	}
	if (again)
		mod_delayed_work(rc->wq, &devices->work, REMAP_SILENCE);
}

/* Some I/O has failed on its way. Any context. */
void remap_devices_suspect(struct remap_c *rc)
{
	WRITE_ONCE(rc->devices.suspect, true);
	queue_delayed_work(rc->wq, &rc->devices.work, 0);
}

void remap_devices_init(struct remap_c *rc)
{
	INIT_DELAYED_WORK(&rc->devices.work, remap_devices_work);
	rc->devices.storm_since = jiffies;
	rc->devices.until[0] = jiffies;
	rc->devices.until[1] = jiffies;
}

void remap_devices_exit(struct remap_c *rc)
{
	cancel_delayed_work_sync(&rc->devices.work);
}

/* A new table knows what the old one knew of the same devices. Both are suspended. */
void remap_devices_hand_over(struct remap_c *from, struct remap_c *to)
{
	struct remap_devices *old = &from->devices, *new = &to->devices;

	memcpy(new->silent, old->silent, sizeof(new->silent));
	memcpy(new->until, old->until, sizeof(new->until));
	new->storm_since = old->storm_since;
	new->storm_count = old->storm_count;
	new->bad_in_a_row = old->bad_in_a_row;
	new->braked = old->braked;
	new->suspect = old->suspect;
	/* The old one has nothing to look after any more. */
	memset(old->silent, 0, sizeof(old->silent));
	old->braked = false;
	old->suspect = false;
	mod_delayed_work(to->wq, &new->work, REMAP_SILENCE);
}

/**
 * remap_may_be_medium() - Can a failure of this kind be the medium's?
 * @status: how it failed (block/blk-core.c: blk_errors[])
 * @write: whether it was a write
 *
 * A write whose protection information does not fit was damaged on its way, a read may have been
 * damaged where it lies.
 *
 * Return: whether it can. False for BLK_STS_OK, too.
 */
bool remap_may_be_medium(blk_status_t status, bool write)
{
	switch (status) {
	case BLK_STS_MEDIUM:
	case BLK_STS_IOERR:
		return true;
	case BLK_STS_PROTECTION:
		return !write;
	default:
		return false;
	}
}

/* Has the device been silent, and is it still? Overwrites the first page of the copier then. */
bool remap_is_silent(struct remap_c *rc, const struct remap_area *area)
{
	return rc->devices.silent[area->spare] && !remap_probe(rc, area);
}

/**
 * remap_medium_error() - Is this failure, after all tries, the medium's?
 * @rc: the target; its move_lock is held
 * @area: the device that failed
 * @status: how
 * @write: whether it was a write
 *
 * Most drivers report even a bad sector as BLK_STS_IOERR, which is also what a dead device gives:
 * then the device must answer elsewhere before one of its sectors is called bad. The first page of
 * the copier is overwritten by that.
 *
 * Return: whether it is.
 */
bool remap_medium_error(struct remap_c *rc, const struct remap_area *area, blk_status_t status,
			bool write)
{
	if (!remap_may_be_medium(status, write))
		return false;
	if (status != BLK_STS_IOERR)
		return true;
	/* A device that has shrunk fails like a bad sector behind its end (block/blk-core.c). */
	if (area->start + area->len > bdev_nr_sectors(area->bdev))
		return false;
	return remap_probe(rc, area);
}

/* Nothing is relocated automatically until a minute has passed. */
static void remap_brake_pull(struct remap_c *rc)
{
	struct remap_devices *devices = &rc->devices;

	if (devices->braked)
		return;
	WRITE_ONCE(devices->braked, true);
	devices->storm_since = jiffies;
	atomic64_inc(&rc->table->counters->storm_brakes);
	remap_err(rc, "too many blocks fail: no automatic relocation for a minute");
	remap_event(rc, REMAP_EVENT_STORM, 0, 0);
	remap_health_update(rc);
	mod_delayed_work(rc->wq, &devices->work, REMAP_SILENCE);
}

/**
 * remap_brake() - Is the brake on, so that not one more block is to be relocated automatically?
 * @rc: the target; its move_lock is held
 *
 * A device on which everything fails at once, though it answers, has another trouble than bad
 * sectors; using up the spare would not help it.
 *
 * Return: whether it is on. If not, the block counts as relocated within this minute.
 */
bool remap_brake(struct remap_c *rc)
{
	struct remap_devices *devices = &rc->devices;
	unsigned int limit = READ_ONCE(remap_max_per_minute);

	remap_brake_lift(rc);
	if (limit && devices->storm_count >= limit)
		remap_brake_pull(rc);
	if (!devices->braked)
		devices->storm_count++;
	return devices->braked;
}

/* Another slot is bad: a spare that refuses whatever it is given would be all bad before long. */
void remap_brake_bad_slot(struct remap_c *rc)
{
	if (++rc->devices.bad_in_a_row >= REMAP_BAD_IN_A_ROW)
		remap_brake_pull(rc);
}
