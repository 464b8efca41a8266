// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fast path: where each bio goes. What its end means: dm-remap-end.c.
 *
 * map() takes no lock and does not sleep. A move (dm-remap-pieces.c) changes the table under live
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
#include "dm-remap-metadata.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"

static void remap_count_start(struct remap_c *rc, struct bio *bio, unsigned int phase,
			      unsigned long flags)
{
	remap_io_set(bio, flags | REMAP_IO_COUNTED | phase * REMAP_IO_PHASE);
	this_cpu_inc(rc->inflight->started[phase]);
}

/* With verify_reads: what is written is remembered, and what is read is checked at its end. */
static noinline unsigned long remap_verify_begin(struct remap_c *rc, struct bio *bio,
						 sector_t sector)
{
	if (op_is_write(bio_op(bio)))
		remap_crcs_write_begin(rc->crcs, bio, sector);
	return REMAP_IO_VERIFY;
}

/*
 * Before a bio leaves, cut to what is sent as one: keep what a repair needs.
 * Return: flags for its end.
 */
static __always_inline unsigned long remap_save(struct remap_c *rc, struct bio *bio,
						sector_t sector)
{
	struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));

	io->iter = bio->bi_iter;
	if (static_branch_unlikely(&remap_verifies) && rc->crcs)
		return remap_verify_begin(rc, bio, sector);
	return 0;
}

static __always_inline unsigned long remap_to_main(struct remap_c *rc, struct bio *bio,
						   sector_t sector)
{
	unsigned long flags = remap_save(rc, bio, sector);

	bio_set_dev(bio, rc->main->bdev);
	bio->bi_iter.bi_sector = rc->main_start + sector;
	return flags;
}

static unsigned long remap_to_spare(struct remap_c *rc, struct bio *bio, sector_t sector,
				    const void *value)
{
	unsigned long flags = remap_save(rc, bio, sector);

	bio_set_dev(bio, rc->spare->bdev);
	bio->bi_iter.bi_sector = remap_spare_sector(value, sector);
	/* A migration may have brought a spare that has to wait. */
	if (unlikely(bio->bi_opf & REQ_NOWAIT) && !bdev_nowait(rc->spare->bdev))
		bio->bi_opf &= ~REQ_NOWAIT;
	if (op_is_write(bio_op(bio))) {
		remap_migration_mark(&rc->migrating, bio->bi_iter.bi_sector, bio_sectors(bio));
		flags |= bio->bi_opf & REQ_FUA ? 0 : REMAP_IO_SLOT_WRITE;
	}
	return flags;
}

/* Hand a bio to the repair worker, which takes its time and may meet anything in the range. */
static int remap_to_repair(struct remap_c *rc, struct bio *bio, sector_t sector)
{
	/* Such a part of a block could neither be judged nor be moved. */
	if (!remap_is_whole(rc, &bio->bi_iter))
		return DM_MAPIO_KILL;
	remap_io_set(bio, remap_save(rc, bio, sector));
	/* It is sent later and by another task, which may wait and does not poll. */
	bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	remap_repair_queue(rc, bio);
	return DM_MAPIO_SUBMITTED;
}

/* To where it lies; main's reads are not counted. */
static int remap_to_place(struct remap_c *rc, struct bio *bio, sector_t sector, const void *value,
			  unsigned int phase)
{
	if (remap_state(value) == REMAP_MAIN)
		remap_io_set(bio, remap_to_main(rc, bio, sector));
	else
		remap_count_start(rc, bio, phase, remap_to_spare(rc, bio, sector, value));
	return DM_MAPIO_REMAPPED;
}

/* Advice, and sectors that lie somewhere but may not be readable, or writable, there. */
static noinline int remap_deliver_special(struct remap_c *rc, struct bio *bio, sector_t sector,
					  const void *value, unsigned int phase)
{
	/* Both places hold the same as long as neither is written. */
	if (remap_is_doubtful(value) && op_is_write(bio_op(bio)))
		return DM_MAPIO_KILL;
	if (remap_is_doubtful(value) && !remap_is_trouble(value))
		return remap_to_place(rc, bio, sector, value, phase);
	if (bio_op(bio) == REQ_OP_DISCARD) {
		/* A slot stays taken, and lost content stays lost. */
		if (remap_state(value) == REMAP_LOST ||
		    !bdev_max_discard_sectors(rc->spare->bdev)) {
			bio_endio(bio);
			return DM_MAPIO_SUBMITTED;
		}
		remap_count_start(rc, bio, phase, remap_to_spare(rc, bio, sector, value));
		return DM_MAPIO_REMAPPED;
	}
	if (remap_state(value) == REMAP_LOST && !op_is_write(bio_op(bio))) {
		atomic64_inc(&rc->table->counters->lost_reads);
		return DM_MAPIO_KILL;
	}
	/* A read ahead that is hard to fulfil is not worth it. */
	if (bio->bi_opf & REQ_RAHEAD)
		return DM_MAPIO_KILL;
	return remap_to_repair(rc, bio, sector);
}

/* Send a bio whose sectors all lie in one place, with one value, to that place. */
static __always_inline int remap_deliver(struct remap_c *rc, struct bio *bio, sector_t sector,
					 const void *value, unsigned int phase)
{
	bool discard = bio_op(bio) == REQ_OP_DISCARD;
	unsigned long flags;

	if (remap_state(value) == REMAP_MAIN &&
	    likely(!remap_is_special(value) || (discard && !remap_is_doubtful(value)))) {
		flags = remap_to_main(rc, bio, sector);
		if (op_is_write(bio_op(bio)))
			remap_count_start(rc, bio, phase, flags);
		else
			remap_io_set(bio, flags);
		return DM_MAPIO_REMAPPED;
	}
	if (op_is_write(bio_op(bio)) && unlikely(remap_is_frozen(rc)) &&
	    remap_state(value) != REMAP_MAIN)
		return DM_MAPIO_KILL;
	if (unlikely(discard || remap_is_special(value)))
		return remap_deliver_special(rc, bio, sector, value, phase);
	flags = remap_to_spare(rc, bio, sector, value);
	remap_count_start(rc, bio, phase, flags);
	return DM_MAPIO_REMAPPED;
}

/* Cut the bio to its first @sectors; dm core submits the rest as another one. */
static void remap_cut(struct bio *bio, sector_t sectors)
{
	if (sectors < bio_sectors(bio))
		dm_accept_partial_bio(bio, sectors);
}

/* Does a bio go on behind @last? The last gap reaches to the end of the index space, no bio does. */
static __always_inline bool remap_is_too_long(const struct bio *bio, sector_t sector,
					      unsigned long last)
{
	return last - sector < bio_sectors(bio) - 1;
}

/* Is the entry being moved, or all that is on the spare? */
static __always_inline bool remap_must_wait(const struct remap_c *rc, const void *value)
{
	return remap_is_held(value) ||
	       (remap_state(value) != REMAP_MAIN && unlikely(READ_ONCE(rc->holding)));
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
	sector_t last;
	bool held;

	spin_lock(&rc->held_lock);
	held = remap_must_wait(rc, remap_table_at(rc->table, sector, &last));
	if (held) {
		remap_cut(bio, last - sector + 1);
		/* It is submitted later and by another task, which may wait and does not poll. */
		bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
		bio_list_add(&rc->held, bio);
	}
	spin_unlock(&rc->held_lock);
	if (held)
		atomic64_inc(&rc->table->counters->held_bios);
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
	struct remap_table *table;
	unsigned long generation;
	unsigned int phase;
	void *value;
	int r;

	rcu_read_lock();
	/* Pairs with the release in remap_drain(): the new phase comes with the marks. */
	phase = smp_load_acquire(&rc->phase);
	/* A switch to another spare brings another one; it waits for us before anything is sent. */
	table = READ_ONCE(rc->table);
	/* Pairs with the release in remap_table_touch(): no hint outlives a change of the table. */
	generation = smp_load_acquire(&table->generation);
	value = in_task() ? remap_hint_get(rc, generation, sector, bio_sectors(bio)) : NULL;
	if (!value) {
		MA_STATE(mas, &table->tree, sector, sector);

		while (remap_must_wait(rc, value = mas_walk(&mas))) {
			if (remap_hold(rc, bio, sector)) {
				r = DM_MAPIO_SUBMITTED;
				goto out;
			}
			mas_set(&mas, sector);
		}
		if (unlikely(remap_is_too_long(bio, sector, mas.last)))
			remap_cut(bio, mas.last - sector + 1);
		else
			remap_hint_set(rc, generation, &mas, value);
	}
	r = remap_deliver(rc, bio, sector, value, phase);
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
	remap_count_start(rc, bio, phase, remap_to_main(rc, bio, sector));
	rcu_read_unlock();
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
	if (static_branch_unlikely(&remap_log_ios))
		remap_log_io(rc, bio, sector);
	if (op_is_write(bio_op(bio)))
		return remap_map_write(rc, bio, sector, sectors);
	if (unlikely(remap_filter_hit(rc->table, sector, sector + sectors - 1)))
		return remap_map_tree(rc, bio, sector);

	/* A read that meets no entry. That a move begins right now changes nothing for it. */
	remap_io_set(bio, remap_to_main(rc, bio, sector));
	return DM_MAPIO_REMAPPED;
}

/*
 * Send a bio where its sectors are now, later than map(): it was held until the end of a move, or a
 * device had no room for it. It cannot be cut any more. If it would have to be (after a switch to
 * another spare, or because some parts of it are lost or pending), or if its sectors move, the
 * repair worker takes it as it is.
 */
static void remap_send_later(struct remap_c *rc, struct bio *bio)
{
	sector_t sector = dm_target_offset(rc->ti, bio->bi_iter.bi_sector), last;
	unsigned int phase;
	void *value;
	int r;

	rcu_read_lock();
	/* As in remap_map_tree(). */
	phase = smp_load_acquire(&rc->phase);
	value = remap_table_at(READ_ONCE(rc->table), sector, &last);
	if (likely(!remap_must_wait(rc, value) && !remap_is_too_long(bio, sector, last)))
		r = remap_deliver(rc, bio, sector, value, phase);
	else if (bio_op(bio) == REQ_OP_DISCARD)
		r = remap_deliver_special(rc, bio, sector, remap_value(REMAP_LOST, 0, 0), phase);
	else
		r = remap_to_repair(rc, bio, sector);
	rcu_read_unlock();

	/* As dm core does it with what map() has returned. */
	if (r == DM_MAPIO_REMAPPED) {
		dm_submit_bio_remap(bio, NULL);
	} else if (r == DM_MAPIO_KILL) {
		remap_io_set(bio, REMAP_IO_SETTLED);
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
		remap_send_later(rc, bio);
}

/**
 * remap_send_again() - Send a bio that a device below had no room for, as one that may wait.
 * @rc: the target
 * @bio: has ended with BLK_STS_AGAIN, and is not counted as under way any more
 */
void remap_send_again(struct remap_c *rc, struct bio *bio)
{
	/* As dm_bio_restore() in drivers/md/dm-bio-record.h; nothing else has left flags. */
	bio->bi_iter = *remap_io_iter(bio);
	bio->bi_status = BLK_STS_OK;
	bio_clear_flag(bio, BIO_QUIET);
	bio_clear_flag(bio, BIO_QOS_THROTTLED);
	bio_clear_flag(bio, BIO_QOS_MERGED);
	atomic_set(&bio->__bi_remaining, 1);
	remap_io_set(bio, 0);
	bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	remap_send_later(rc, bio);
}
