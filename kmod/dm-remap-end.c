// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of each bio: what is counted, what goes to a worker, and who waits for it.
 */
#include <linux/rcupdate.h>

#include "dm-remap-io.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

/**
 * remap_count_error() - Count a failed bio, by what it says of the medium and of the way to it.
 * @rc: the target
 * @bio: from above
 * @error: how it failed (block/blk-core.c: blk_errors[])
 */
void remap_count_error(struct remap_c *rc, const struct bio *bio, blk_status_t error)
{
	struct remap_counters *counters = rc->table->counters;

	switch (error) {
	case BLK_STS_OK:
	case BLK_STS_NOTSUPP:
	case BLK_STS_AGAIN:
	case BLK_STS_DM_REQUEUE:
		return;
	case BLK_STS_MEDIUM:
	case BLK_STS_PROTECTION:
	case BLK_STS_IOERR:
		/* A read ahead may be given up for any reason. */
		if (bio->bi_opf & REQ_RAHEAD)
			return;
		if (op_is_write(bio_op(bio)))
			atomic64_inc(&counters->write_errors);
		else
			atomic64_inc(&counters->read_errors);
		break;
	default:
		atomic64_inc(&counters->transport_errors);
		remap_devices_suspect(rc);
	}
	remap_health_update(rc);
}

static noinline void remap_wake_drain(struct remap_c *rc)
{
	wake_up(&rc->drained);
}

static void remap_count_end(struct remap_c *rc, unsigned long io)
{
	if (!(io & REMAP_IO_COUNTED))
		return;
	/* What the bio did comes before the word that it has ended; see remap_drain(). */
	smp_mb__before_atomic();
	this_cpu_inc(rc->inflight->ended[!!(io & REMAP_IO_PHASE)]);
	/* No barrier: a drain that misses this looks again by itself. */
	if (unlikely(READ_ONCE(rc->draining)))
		remap_wake_drain(rc);
}

/*
 * Is another try ours? Advice and flushes are the sender's to repeat, and so is what is not whole
 * blocks (block/blk-lib.c: 6.1 cuts large zeroing as the device's limit happens to be).
 */
static bool remap_is_ours_to_repeat(struct remap_c *rc, struct bio *bio)
{
	if (bio->bi_opf & REQ_PREFLUSH || !remap_is_whole(rc, remap_io_iter(bio)))
		return false;
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return !(bio->bi_opf & REQ_RAHEAD);
	case REQ_OP_WRITE:
	case REQ_OP_WRITE_ZEROES:
		return true;
	default:
		return false;
	}
}

static bool remap_is_repairable(struct remap_c *rc, struct bio *bio, blk_status_t error)
{
	return remap_may_be_medium(error, op_is_write(bio_op(bio))) &&
	       remap_is_ours_to_repeat(rc, bio);
}

/* Has a read anything that can be verified? Else it is spared the worker. */
static bool remap_is_to_verify(struct remap_c *rc, const struct bio *bio,
			       const struct bvec_iter *iter)
{
	return bio_op(bio) == REQ_OP_READ &&
	       remap_crcs_knows(rc->crcs, dm_target_offset(rc->ti, iter->bi_sector),
				iter->bi_size >> SECTOR_SHIFT);
}

/* That the spare is gone does not mean that the mapped device is. */
static void remap_hide_offline(struct remap_c *rc, blk_status_t *status)
{
	if (*status == BLK_STS_OFFLINE && !remap_is_unplugged(rc->main->bdev))
		*status = BLK_STS_IOERR;
}

/*
 * A bio that has failed, or whose data is verified. If it goes to a worker, it comes here again
 * from there, settled.
 */
static noinline int remap_end_special(struct remap_c *rc, struct bio *bio, blk_status_t *status)
{
	blk_status_t error = *status;
	unsigned long flags = remap_io_flags(bio) & ~(REMAP_IO_COUNTED | REMAP_IO_PHASE);
	const struct bvec_iter *iter = remap_io_iter(bio);

	if (flags & REMAP_IO_FLUSH) {
		remap_end_flush(rc, bio, status);
		remap_hide_offline(rc, status);
		return DM_ENDIO_DONE;
	}
	if (flags & REMAP_IO_SLOT_WRITE && !error)
		WRITE_ONCE(rc->slots_unflushed, true);
	/* Before any repair: it waits for its turn, and whoever has it may be draining. */
	remap_count_end(rc, remap_io_flags(bio));
	if (!(flags & REMAP_IO_SETTLED)) {
		if (error && remap_is_repairable(rc, bio, error)) {
			remap_io_set(bio, flags);
			remap_repair_queue(rc, bio);
			return DM_ENDIO_INCOMPLETE;
		}
		if (!error && flags & REMAP_IO_VERIFY && remap_is_to_verify(rc, bio, iter)) {
			remap_io_set(bio, flags);
			remap_verify_queue(rc, bio);
			return DM_ENDIO_INCOMPLETE;
		}
		remap_count_error(rc, bio, error);
	}
	if (flags & REMAP_IO_VERIFY && op_is_write(bio_op(bio))) {
		sector_t sector = dm_target_offset(rc->ti, iter->bi_sector);

		remap_crcs_write_end(rc->crcs, sector, iter->bi_size >> SECTOR_SHIFT,
				     !error && remap_crcs_unchanged(rc->crcs, bio, iter, sector));
	}
	if (error == BLK_STS_AGAIN && bio->bi_opf & REQ_NOWAIT &&
	    remap_is_ours_to_repeat(rc, bio)) {
		remap_again_queue(rc, bio);
		return DM_ENDIO_INCOMPLETE;
	}
	remap_hide_offline(rc, status);
	return DM_ENDIO_DONE;
}

/* May run in interrupt context. */
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	unsigned long flags = remap_io_flags(bio);

	if (unlikely(*error || flags & (REMAP_IO_SETTLED | REMAP_IO_VERIFY | REMAP_IO_FLUSH |
					REMAP_IO_SLOT_WRITE)))
		return remap_end_special(ti->private, bio, error);
	remap_count_end(ti->private, flags);
	return DM_ENDIO_DONE;
}

static bool remap_phase_idle(struct remap_c *rc, unsigned int phase)
{
	unsigned long started = 0, ended = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += READ_ONCE(per_cpu_ptr(rc->inflight, cpu)->ended[phase]);
	/* Nothing starts in this phase any more, so what has ended is at most what has started. */
	smp_rmb();
	for_each_possible_cpu(cpu)
		started += READ_ONCE(per_cpu_ptr(rc->inflight, cpu)->started[phase]);
	return started == ended;
}

/**
 * remap_drain() - Wait for all writes and slot reads that may not have seen the marks set before.
 * @rc: the target; its move_lock is held
 *
 * The phase that is flipped to was drained by the call before, so it starts from zero.
 */
void remap_drain(struct remap_c *rc)
{
	unsigned int phase = rc->phase;

	WRITE_ONCE(rc->draining, true);
	/* Pairs with the acquire in remap_map_tree() and remap_map_write(). */
	smp_store_release(&rc->phase, phase ^ 1);
	synchronize_rcu_expedited();
	while (!wait_event_timeout(rc->drained, remap_phase_idle(rc, phase),
				   msecs_to_jiffies(20)))
		;
	WRITE_ONCE(rc->draining, false);
	/* Pairs with the barrier in remap_count_end(): what they did comes before what follows. */
	smp_mb();
}
