// SPDX-License-Identifier: GPL-2.0-only
/*
 * The repair worker: takes bios that have failed, that meet lost or pending sectors, or that lie in
 * several places and cannot be cut, and brings each to its end under the target's move_lock, so
 * the table stands still meanwhile.
 *
 * Such a bio is not counted as under way any more (see remap_drain()): it does no I/O until the
 * worker has the lock, and then it goes where its sectors are by that time.
 */
#include <linux/bio.h>
#include <linux/jiffies.h>
#include <linux/ratelimit.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-targets.h"
#include "dm-remap-verify.h"

static void remap_queue(struct remap_c *rc, struct bio_list *list, struct bio *bio,
			struct work_struct *work)
{
	unsigned long flags;

	spin_lock_irqsave(&rc->repair_lock, flags);
	bio_list_add(list, bio);
	spin_unlock_irqrestore(&rc->repair_lock, flags);
	queue_work(rc->wq, work);
}

static struct bio *remap_next(struct remap_c *rc, struct bio_list *list)
{
	struct bio *bio;

	spin_lock_irq(&rc->repair_lock);
	bio = bio_list_pop(list);
	spin_unlock_irq(&rc->repair_lock);
	return bio;
}

/**
 * remap_repair_queue() - Hand a bio to the repair worker, which will end it.
 * @rc: the target
 * @bio: saved, see struct remap_io; its status says how it has failed, or that it was never sent
 *
 * Any context.
 */
void remap_repair_queue(struct remap_c *rc, struct bio *bio)
{
	remap_queue(rc, &rc->repair, bio, &rc->repair_work);
}

/* A successful read whose data is to be compared with what was written. */
void remap_verify_queue(struct remap_c *rc, struct bio *bio)
{
	remap_queue(rc, &rc->verify, bio, &rc->verify_work);
}

/*
 * A device below had no room for a bio whose sender may not wait (BLK_STS_AGAIN), but a worker
 * may. To pass that on is no good: told of one part of a request when another has ended, in an
 * interrupt, io_uring of 6.1 fails the request instead of sending it again. Each device has a
 * worker of its own: one that hangs is not to stop what the other could serve.
 */
void remap_again_queue(struct remap_c *rc, struct bio *bio)
{
	bool spare = bio->bi_bdev != rc->main->bdev;

	remap_queue(rc, &rc->again[spare], bio, &rc->again_work[spare]);
}

/* There may be many. */
static DEFINE_RATELIMIT_STATE(remap_pending_limit, 5 * HZ, 20);

static int remap_mark(struct remap_c *rc, sector_t first, sector_t last,
		      void *(*become)(void *value))
{
	u64 changed = 0;
	int r = remap_table_change(rc->table, first, last, become, &changed);

	if (r)
		remap_err(rc, "sectors %llu+%llu are unreadable, but there is no memory to note it",
			  (u64)first, (u64)(last - first + 1));
	if (!changed)
		return r;
	remap_meta_note(rc, first, last);
	if (__ratelimit(&remap_pending_limit))
		remap_err(rc, "sectors %llu+%llu are unreadable: pending until they are written",
			  (u64)first, (u64)(last - first + 1));
	remap_event(rc, REMAP_EVENT_PENDING, first, changed);
	remap_health_update(rc);
	return r;
}

/**
 * remap_mark_pending() - Sectors could not be read where they lie.
 * @rc: the target; its move_lock is held
 * @first: first sector; a whole number of blocks
 * @last: last sector
 *
 * Return: 0 or -ENOMEM: then nobody will remember.
 */
int remap_mark_pending(struct remap_c *rc, sector_t first, sector_t last)
{
	return remap_mark(rc, first, last, remap_become_pending);
}

/* As remap_mark_pending(), for sectors that could be read, and are not what was written. */
int remap_mark_wrong(struct remap_c *rc, sector_t first, sector_t last)
{
	return remap_mark(rc, first, last, remap_become_wrong);
}

/* With "proactive": do not wait until a block that needed more than one try needs one too many. */
static void remap_relocate_weak(struct remap_repair *rp)
{
	struct remap_c *rc = rp->rc;
	unsigned int i;

	if (!rc->features.proactive || rc->features.no_auto_remap || !rp->may_relocate ||
	    !remap_meta_is_writable(rc))
		return;
	for (i = 0; i < rp->nr_weak; i++) {
		struct remap_range range = { rp->weak[i], rp->weak[i] + rc->unit - 1 };

		if (!remap_within_limit(rc, rc->unit) || remap_brake(rc) ||
		    remap_relocate_weak_block(rc, &range))
			break;
	}
}

/* Under move_lock. */
static blk_status_t remap_repair_locked(struct remap_repair *rp, bool mismatch)
{
	struct remap_c *rc = rp->rc;
	blk_status_t status;

	atomic_inc(&rc->repairs);
	mutex_lock(&rc->move_lock);
	rp->limit = jiffies + REMAP_REPAIR_LIMIT;
	rc->repairing = true;
	remap_flush_begin(rc);
	if (op_is_write(bio_op(rp->bio)))
		status = remap_repair_write(rp);
	else if (mismatch)
		status = remap_crcs_recheck(rc, rp->bio, rp->iter, rp->first);
	else
		status = remap_repair_read(rp);
	/* What was read after all has not been compared yet. */
	if (!status && !mismatch && rc->crcs && bio_op(rp->bio) == REQ_OP_READ &&
	    !remap_crcs_match(rc->crcs, rp->bio, rp->iter, rp->first))
		status = remap_crcs_recheck(rc, rp->bio, rp->iter, rp->first);
	remap_relocate_weak(rp);
	/* What the bio's end tells of its sectors is known after the next start, too. */
	remap_meta_commit_notes(rc);
	rc->repairing = false;
	mutex_unlock(&rc->move_lock);
	atomic_dec(&rc->repairs);
	return status;
}

static blk_status_t remap_repair_bio(struct remap_repair *rp, bool mismatch)
{
	struct remap_c *rc = rp->rc;
	blk_status_t status;
	bool begun;

	INIT_LIST_HEAD(&rp->pieces);
	rp->failed = rp->bio->bi_status;
	/* Before the move_lock; see dm-remap-targets.c. */
	begun = !remap_relocation_begin(rc);
	rp->may_relocate = begun && remap_table_is_writable(rc);
	status = remap_repair_locked(rp, mismatch);
	if (begun)
		remap_relocation_end(rc);
	return status;
}

/**
 * remap_repair_again() - Read once more what a read of the target's own could not give.
 * @rc: the target; its move_lock is not held
 * @bio: the read, which is over; its status says how it has failed, or that it was never sent
 * @iter: as it was before it was sent
 * @first: first sector of the target that it reads
 *
 * Unreadable blocks are pending then, and pending ones that could be read are not any more.
 *
 * Return: as remap_repair_read().
 */
blk_status_t remap_repair_again(struct remap_c *rc, struct bio *bio, const struct bvec_iter *iter,
				sector_t first)
{
	struct remap_repair rp = {
		.rc = rc, .bio = bio, .iter = iter, .first = first,
		.last = first + (iter->bi_size >> SECTOR_SHIFT) - 1,
	};

	return remap_repair_bio(&rp, false);
}

static void remap_repair_one(struct remap_c *rc, struct bio *bio)
{
	const struct bvec_iter *iter = remap_io_iter(bio);
	sector_t first = dm_target_offset(rc->ti, iter->bi_sector);
	struct remap_repair rp = {
		.rc = rc, .bio = bio, .iter = iter, .first = first,
		.last = first + (iter->bi_size >> SECTOR_SHIFT) - 1,
	};
	blk_status_t status = remap_repair_bio(&rp, remap_io_flags(bio) & REMAP_IO_MISMATCH);

	remap_count_error(rc, bio, rp.way ?: rp.failed ? BLK_STS_IOERR : BLK_STS_OK);
	remap_io_set(bio, remap_io_flags(bio) | REMAP_IO_SETTLED);
	bio->bi_status = status;
	bio_endio(bio);
}

static void remap_repair_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, repair_work);
	struct bio *bio;

	while ((bio = remap_next(rc, &rc->repair))) {
		remap_repair_one(rc, bio);
		cond_resched();
	}
}

/* Needs no lock unless something is wrong: reads that are as they were written end here. */
static void remap_verify_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, verify_work);
	struct bio *bio;

	while ((bio = remap_next(rc, &rc->verify))) {
		const struct bvec_iter *iter = remap_io_iter(bio);
		bool same = remap_crcs_match(rc->crcs, bio, iter,
					     dm_target_offset(rc->ti, iter->bi_sector));

		remap_io_set(bio, remap_io_flags(bio) |
			     (same ? REMAP_IO_SETTLED : REMAP_IO_MISMATCH));
		if (same)
			bio_endio(bio);
		else
			remap_repair_queue(rc, bio);
		cond_resched();
	}
}

static void remap_again(struct remap_c *rc, struct bio_list *list)
{
	struct bio *bio;

	while ((bio = remap_next(rc, list))) {
		remap_send_again(rc, bio);
		cond_resched();
	}
}

static void remap_main_again_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, again_work[false]);

	remap_again(rc, &rc->again[false]);
}

static void remap_spare_again_work(struct work_struct *work)
{
	struct remap_c *rc = container_of(work, struct remap_c, again_work[true]);

	remap_again(rc, &rc->again[true]);
}

int remap_repair_init(struct remap_c *rc)
{
	spin_lock_init(&rc->repair_lock);
	bio_list_init(&rc->repair);
	bio_list_init(&rc->verify);
	bio_list_init(&rc->again[false]);
	bio_list_init(&rc->again[true]);
	INIT_WORK(&rc->repair_work, remap_repair_work);
	INIT_WORK(&rc->verify_work, remap_verify_work);
	INIT_WORK(&rc->again_work[false], remap_main_again_work);
	INIT_WORK(&rc->again_work[true], remap_spare_again_work);
	/* One I/O at a time; their data lies in the pages of the bios under repair. */
	return bioset_init(&rc->bios, 1, 0, 0);
}

void remap_repair_exit(struct remap_c *rc)
{
	bioset_exit(&rc->bios);
}
