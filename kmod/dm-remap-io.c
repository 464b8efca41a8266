// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fast path: where each bio goes, and what its end means.
 *
 * map() takes no lock and does not sleep. A move (dm-remap-move.c) changes the table under live
 * I/O in three steps that make this safe:
 *
 *  1. it marks its range: a bio that meets a mark is held on a list;
 *  2. it drains: it flips the phase, waits for an RCU grace period, and then until every bio that
 *     was counted in the old phase has ended;
 *  3. when its work is done it gives the range its final value and releases the held bios.
 *
 * map() loads the phase before it looks at the filter and the tree (the load acquires what the
 * flip releases), so a bio that is counted in the new phase has seen the marks; and it does all of
 * it in one RCU read-side section, so after the grace period no bio can be added to the old phase.
 * Counted are writes, which must not be lost, and reads that go to a slot, which must not be given
 * to another sector under them. A plain read of main needs neither: it pays nothing.
 */
#include <linux/rcupdate.h>

#include "dm-remap-io.h"
#include "dm-remap-table.h"

/* @flags: what else there is to do at the end */
static void remap_count_start(struct remap_c *rc, struct bio *bio, unsigned int phase,
			      unsigned long flags)
{
	remap_io_set(bio, flags | REMAP_IO_COUNTED | phase * REMAP_IO_PHASE);
	this_cpu_inc(rc->inflight->started[phase]);
}

static void remap_to_main(struct remap_c *rc, struct bio *bio, sector_t sector)
{
	bio_set_dev(bio, rc->main->bdev);
	bio->bi_iter.bi_sector = rc->main_start + sector;
}

static void remap_to_spare(struct remap_c *rc, struct bio *bio, sector_t sector, const void *value)
{
	bio_set_dev(bio, rc->spare->bdev);
	bio->bi_iter.bi_sector = remap_spare_sector(value, sector);
}

/* Writes over lost sectors, reads of them, and advice: what is not simply sent to its slot. */
static noinline int remap_deliver_special(struct remap_c *rc, struct bio *bio, sector_t sector,
					  const void *value, bool lost, unsigned int phase)
{
	struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));
	unsigned long flags = 0;

	if (bio_op(bio) == REQ_OP_DISCARD) {
		/* A slot stays taken, and lost content stays lost. */
		if (lost || !bdev_max_discard_sectors(rc->spare->bdev)) {
			bio_endio(bio);
			return DM_MAPIO_SUBMITTED;
		}
	} else if (lost && op_is_write(bio_op(bio))) {
		io->sector = sector;
		io->sectors = bio_sectors(bio);
		flags = REMAP_IO_FOUND;
	} else if (lost) {
		atomic64_inc(&rc->table->counters.lost_reads);
		return DM_MAPIO_KILL;
	}
	remap_to_spare(rc, bio, sector, value);
	remap_count_start(rc, bio, phase, flags);
	return DM_MAPIO_REMAPPED;
}

/*
 * Send a bio whose sectors all lie in one place to that place.
 * @lost: some of them have no content
 */
static __always_inline int remap_deliver(struct remap_c *rc, struct bio *bio, sector_t sector,
					 const void *value, bool lost, unsigned int phase)
{
	if (remap_state(value) == REMAP_MAIN) {
		remap_to_main(rc, bio, sector);
		if (op_is_write(bio_op(bio)))
			remap_count_start(rc, bio, phase, 0);
		return DM_MAPIO_REMAPPED;
	}
	if (unlikely(lost || bio_op(bio) == REQ_OP_DISCARD))
		return remap_deliver_special(rc, bio, sector, value, lost, phase);
	remap_to_spare(rc, bio, sector, value);
	remap_count_start(rc, bio, phase, 0);
	return DM_MAPIO_REMAPPED;
}

/* Cut the bio to its first @sectors; dm core submits the rest as another one. */
static void remap_cut(struct bio *bio, sector_t sectors)
{
	if (sectors < bio_sectors(bio))
		dm_accept_partial_bio(bio, sectors);
}

/*
 * Hold a bio whose first sector is being moved, cut to the marked entry, which ends up in one
 * place as a whole. The move takes the list after it has given the entry its final value, and
 * under the same lock: a mark that is seen under the lock will be followed by a release.
 *
 * Return: false if the mark has gone meanwhile.
 */
static noinline bool remap_hold(struct remap_c *rc, struct bio *bio, sector_t sector)
{
	struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));
	sector_t last;
	bool held;

	spin_lock(&rc->held_lock);
	held = remap_is_held(remap_table_at(rc->table, sector, &last));
	if (held) {
		remap_cut(bio, last - sector + 1);
		io->sector = sector;
		/* It is submitted later and by another task, which may wait and does not poll. */
		bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
		bio_list_add(&rc->held, bio);
	}
	spin_unlock(&rc->held_lock);
	if (held)
		atomic64_inc(&rc->table->counters.held_bios);
	return held;
}

/* Extents of fewer sectors are not worth a hint: few I/Os in a row would meet them. */
#define REMAP_HINT_SECTORS 128

/*
 * The value of a sector, if the bio lies in the extent that this CPU met last and nothing in the
 * table has changed since; else NULL. Whoever has loaded the phase before this has seen all marks
 * of earlier phases through the generation, as it would have through the tree.
 */
static __always_inline void *remap_hint_get(struct remap_c *rc, unsigned long generation,
					    sector_t sector, unsigned int sectors)
{
	const struct remap_hint *hint;
	void *value = NULL;

	/* No interrupt fills hints, so keeping the CPU is enough to see a whole one. */
	preempt_disable();
	hint = &this_cpu_ptr(rc->inflight)->hint;
	if (hint->generation == generation && sector >= hint->first &&
	    sector + sectors - 1 <= hint->last)
		value = hint->value;
	preempt_enable();
	return value;
}

static void remap_hint_set(struct remap_c *rc, unsigned long generation,
			   const struct ma_state *mas, void *value)
{
	if (!value || mas->last - mas->index < REMAP_HINT_SECTORS - 1 || !in_task())
		return;
	preempt_disable();
	this_cpu_ptr(rc->inflight)->hint = (struct remap_hint) {
		.generation = generation, .first = mas->index, .last = mas->last, .value = value,
	};
	preempt_enable();
}

/* There may be an entry: ask the tree, unless the CPU remembers. */
static noinline int remap_map_tree(struct remap_c *rc, struct bio *bio, sector_t sector)
{
	unsigned long generation;
	unsigned int phase;
	void *value;
	int r;

	rcu_read_lock();
	/* Pairs with the release in remap_drain(): the new phase comes with the marks. */
	phase = smp_load_acquire(&rc->phase);
	/* Pairs with the release in remap_table_store(): no hint outlives a change of the table. */
	generation = smp_load_acquire(&rc->table->generation);
	value = in_task() ? remap_hint_get(rc, generation, sector, bio_sectors(bio)) : NULL;
	if (!value) {
		MA_STATE(mas, &rc->table->tree, sector, sector);

		while (remap_is_held(value = mas_walk(&mas))) {
			if (remap_hold(rc, bio, sector)) {
				r = DM_MAPIO_SUBMITTED;
				goto out;
			}
			mas_set(&mas, sector);
		}
		/* The last gap reaches to the end of the index space, the bio does not. */
		if (unlikely(mas.last - sector < bio_sectors(bio) - 1))
			remap_cut(bio, mas.last - sector + 1);
		else
			remap_hint_set(rc, generation, &mas, value);
	}
	r = remap_deliver(rc, bio, sector, value, remap_state(value) == REMAP_LOST, phase);
out:
	rcu_read_unlock();
	return r;
}

static __always_inline int remap_map_write(struct remap_c *rc, struct bio *bio, sector_t sector,
					   unsigned int sectors)
{
	unsigned int phase;

	rcu_read_lock();
	/* As in remap_map_tree(). */
	phase = smp_load_acquire(&rc->phase);
	if (unlikely(remap_filter_hit(rc->table, sector, sector + sectors - 1))) {
		rcu_read_unlock();
		return remap_map_tree(rc, bio, sector);
	}
	remap_to_main(rc, bio, sector);
	remap_count_start(rc, bio, phase, 0);
	rcu_read_unlock();
	return DM_MAPIO_REMAPPED;
}

/* An empty flush comes once for each device; data never carries PREFLUSH down here. */
static noinline int remap_map_flush(struct remap_c *rc, struct bio *bio)
{
	bio_set_dev(bio, dm_bio_get_target_bio_nr(bio) ? rc->spare->bdev : rc->main->bdev);
	return DM_MAPIO_REMAPPED;
}

static noinline void remap_log_io(struct remap_c *rc, struct bio *bio, sector_t sector)
{
	const char *what = op_is_write(bio_op(bio)) ? "write" : "read";

	remap_info(rc, "%s of sectors %llu+%u", what, (u64)sector, bio_sectors(bio));
	remap_trace_add(&rc->trace, what, sector, bio_sectors(bio), BLK_STS_OK);
}

int remap_map(struct dm_target *ti, struct bio *bio)
{
	struct remap_c *rc = ti->private;
	sector_t sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	unsigned int sectors = bio_sectors(bio);

	if (unlikely(!sectors))
		return remap_map_flush(rc, bio);
	if (unlikely(READ_ONCE(remap_debug_level) >= 2))
		remap_log_io(rc, bio, sector);
	if (op_is_write(bio_op(bio)))
		return remap_map_write(rc, bio, sector, sectors);
	if (unlikely(remap_filter_hit(rc->table, sector, sector + sectors - 1)))
		return remap_map_tree(rc, bio, sector);

	/* A read that meets no entry. That a move begins right now changes nothing for it. */
	remap_to_main(rc, bio, sector);
	return DM_MAPIO_REMAPPED;
}

/* By what it says of the medium, not of the way to it (block/blk-core.c: blk_errors[]). */
static noinline void remap_count_error(struct remap_c *rc, struct bio *bio, blk_status_t error)
{
	struct remap_counters *counters = &rc->table->counters;

	switch (error) {
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
		return;
	default:
		atomic64_inc(&counters->transport_errors);
	}
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
		wake_up(&rc->drained);
}

/* A bio that has failed, or that must be recorded before it completes. */
static noinline int remap_end_special(struct remap_c *rc, struct bio *bio, blk_status_t error)
{
	unsigned long flags;

	if (error) {
		if (!(remap_io_flags(bio) & REMAP_IO_REFUSED))
			remap_count_error(rc, bio, error);
		remap_count_end(rc, remap_io_flags(bio));
		return DM_ENDIO_DONE;
	}
	/* Not acknowledged before it is recorded: a read must find what was written. */
	spin_lock_irqsave(&rc->found_lock, flags);
	bio_list_add(&rc->found, bio);
	spin_unlock_irqrestore(&rc->found_lock, flags);
	queue_work(rc->wq, &rc->found_work);
	return DM_ENDIO_INCOMPLETE;
}

/* May run in interrupt context. */
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	unsigned long io = remap_io_flags(bio);

	if (unlikely(*error || io & REMAP_IO_FOUND))
		return remap_end_special(ti->private, bio, *error);
	remap_count_end(ti->private, io);
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
	/* Pairs with the acquire in remap_map(). */
	smp_store_release(&rc->phase, phase ^ 1);
	synchronize_rcu_expedited();
	while (!wait_event_timeout(rc->drained, remap_phase_idle(rc, phase),
				   msecs_to_jiffies(20)))
		;
	WRITE_ONCE(rc->draining, false);
	/* Pairs with the barrier in remap_count_end(): what they did comes before what follows. */
	smp_mb();
}

/* A held bio lies in one place as a whole; parts of it may still be lost. */
static void remap_release_bio(struct remap_c *rc, struct bio *bio)
{
	struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));
	struct remap_totals totals = {};
	sector_t last;
	void *value;
	int r;

	remap_table_count(rc->table, io->sector, io->sector + bio_sectors(bio) - 1, &totals);
	value = remap_table_at(rc->table, io->sector, &last);
	r = remap_deliver(rc, bio, io->sector, value, totals.lost, rc->phase);
	if (r == DM_MAPIO_REMAPPED) {
		dm_submit_bio_remap(bio, NULL);
	} else if (r == DM_MAPIO_KILL) {
		remap_io_set(bio, REMAP_IO_REFUSED);
		bio_io_error(bio);
	}
}

/**
 * remap_release_held() - Send the held bios where their sectors are now.
 * @rc: the target; its move_lock is held, so neither table nor phase changes under us
 */
void remap_release_held(struct remap_c *rc)
{
	struct bio_list held;
	struct bio *bio;

	spin_lock(&rc->held_lock);
	held = rc->held;
	bio_list_init(&rc->held);
	spin_unlock(&rc->held_lock);

	while ((bio = bio_list_pop(&held)))
		remap_release_bio(rc, bio);
}
