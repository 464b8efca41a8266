/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What moves in one go: runs of sectors, from the plan to the end of the move.
 */
#ifndef DM_REMAP_PIECES_H
#define DM_REMAP_PIECES_H

#include "dm-remap-core.h"
#include "dm-remap-table.h"

/* A run of sectors that lies in one place before the move, and in one place after it. */
struct remap_piece {
	struct list_head list;
	sector_t first, last;
	u64 delta;		/* to the spare sectors */
	void *was;		/* what the table said before, of all its sectors */
	void *will;		/* what it will say; NULL: its entries carry their new slots */
	bool held;
	bool failed;		/* it stays as it was, though others move */
	bool doubt;		/* it stays as it was, but the metadata may say that it has moved */
};

static inline u64 remap_piece_sectors(const struct remap_piece *piece)
{
	return piece->last - piece->first + 1;
}

static inline sector_t remap_piece_slot(const struct remap_piece *piece)
{
	return (piece->first + piece->delta) & REMAP_DELTA_MASK;
}

struct remap_piece *remap_piece_add(struct list_head *pieces, sector_t first, sector_t last,
				    u64 delta, void *was);
void remap_piece_del(struct remap_piece *piece);
int remap_piece_hold(struct remap_c *rc, struct remap_piece *piece, const void *value);
void *remap_piece_becomes(const struct remap_piece *piece, const void *value);
bool remap_piece_is_in_place(const struct remap_piece *piece);
bool remap_piece_leaves_bad_slot(const struct remap_piece *piece);
void remap_piece_settle(struct remap_c *rc, struct remap_piece *piece);
void remap_piece_settle_before(struct remap_c *rc, struct remap_piece *piece);
void remap_pieces_free(struct list_head *pieces);
void remap_pieces_release(struct remap_c *rc, struct list_head *pieces);
int remap_may_move(struct remap_c *rc);
bool remap_must_stop(struct remap_c *rc);

#endif
