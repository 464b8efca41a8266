// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves of live data between main and spare: hold, drain, copy, settle, release.
 *
 * Until a move settles, nothing that a reader can see has changed; until then it can be taken
 * back, and settling cannot fail. One move at a time: move_lock.
 */
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "dm-remap-copy.h"
#include "dm-remap-io.h"
#include "dm-remap-metadata.h"
#include "dm-remap-pieces.h"

struct remap_piece *remap_piece_add(struct list_head *pieces, sector_t first, sector_t last,
				    u64 delta, void *was)
{
	struct remap_piece *piece = kzalloc(sizeof(*piece), GFP_NOIO | __GFP_NOWARN);

	if (piece) {
		piece->first = first;
		piece->last = last;
		piece->delta = delta;
		piece->was = was;
		list_add_tail(&piece->list, pieces);
	}
	return piece;
}

void remap_piece_del(struct remap_piece *piece)
{
	if (piece) {
		list_del(&piece->list);
		kfree(piece);
	}
}

/* Mark a piece, with the rest of @value: new I/O to it waits until it has settled. */
int remap_piece_hold(struct remap_c *rc, struct remap_piece *piece, const void *value)
{
	unsigned long flags = REMAP_HELD | remap_flags(piece->was);
	int r = remap_table_store(rc->table, piece->first, piece->last,
				  remap_value(remap_state(value), flags,
					      value ? remap_delta(value) : 0));

	piece->held = !r;
	return r;
}

/* What an entry of a held piece, with this value now, is to be. */
void *remap_piece_becomes(const struct remap_piece *piece, const void *value)
{
	if (piece->failed)
		return piece->was;
	if (piece->will)
		return piece->will;
	return remap_value(remap_state(value) == REMAP_LOST ? REMAP_LOST : REMAP_MAPPED, 0,
			   piece->delta);
}

/* Is it where it was, with content that counts again? */
bool remap_piece_is_in_place(const struct remap_piece *piece)
{
	bool main = remap_state(piece->was) == REMAP_MAIN;

	return piece->will && main == (remap_state(piece->will) == REMAP_MAIN) &&
	       (main || remap_delta(piece->was) == remap_delta(piece->will));
}

/* From slot to slot: only because the old one has failed. */
bool remap_piece_leaves_bad_slot(const struct remap_piece *piece)
{
	return !piece->failed && remap_state(piece->was) != REMAP_MAIN &&
	       remap_state(piece->will) == REMAP_MAPPED &&
	       remap_delta(piece->was) != remap_delta(piece->will);
}

/**
 * remap_piece_settle() - A piece has moved: the table and its sums say where it is now.
 * @rc: the target; its move_lock is held
 * @piece: held
 */
void remap_piece_settle(struct remap_c *rc, struct remap_piece *piece)
{
	struct remap_totals before = {}, after = {};

	remap_totals_add(&before, piece->was, remap_piece_sectors(piece));
	if (piece->will)
		remap_table_settle(rc->table, piece->first, piece->last, piece->will);
	else
		remap_table_settle_moved(rc->table, piece->first, piece->last);
	remap_table_count(rc->table, piece->first, piece->last, &after);
	remap_table_replace_totals(rc->table, &before, &after);
}

/* It has not moved after all. */
void remap_piece_settle_before(struct remap_c *rc, struct remap_piece *piece)
{
	unsigned long flags = remap_flags(piece->was) | (piece->doubt ? REMAP_DOUBT : 0);

	if (piece->held)
		remap_table_settle(rc->table, piece->first, piece->last,
				   remap_value(remap_state(piece->was), flags,
					       piece->was ? remap_delta(piece->was) : 0));
}

void remap_pieces_free(struct list_head *pieces)
{
	struct remap_piece *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, list) {
		kfree(piece);
		cond_resched();
	}
}

/* All pieces have settled: let their I/O go on, and let the table shrink to what it says now. */
void remap_pieces_release(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_piece *piece;

	remap_release_held(rc);
	list_for_each_entry(piece, pieces, list)
		if (piece->held)
			remap_table_tidy(rc->table, piece->first, piece->last);
}

/**
 * remap_must_stop() - Has a long move been told to end? Then the log says so.
 * @rc: the target
 *
 * Asked only where there is more to do after a step, so that short moves come to their end.
 *
 * Return: whether it has.
 */
bool remap_must_stop(struct remap_c *rc)
{
	if (!remap_told_to_stop(rc))
		return false;
	remap_err(rc, "the move is stopped, by a suspend or a signal");
	return true;
}

/* Moves write to both devices: not while suspended, not through a read-only table. */
int remap_may_move(struct remap_c *rc)
{
	if (!remap_table_is_writable(rc)) {
		remap_err(rc, "the table is read-only: nothing can be moved");
		return -EROFS;
	}
	if (!remap_meta_is_writable(rc)) {
		remap_err(rc, "the metadata is read-only: nothing can be moved");
		return -EROFS;
	}
	if (dm_suspended(rc->ti)) {
		remap_err(rc, "the device is suspended: resume it first");
		return -EBUSY;
	}
	return 0;
}
