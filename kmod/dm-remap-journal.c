// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commits: what has changed in the table lasts from here on.
 *
 * A change that somebody waits for is a list of pieces. Its data is on the spare already; a flush
 * makes it last, a journal block with FUA the record of it, in this order; then the caller settles
 * the pieces and completes what it was asked for. What nobody waits for (a sector that could not be
 * read, a slot that has gone bad) is noted in the block that is being filled, and goes out with it,
 * at the latest before the repair that has found it ends.
 *
 * If a journal block cannot be written, or the ring is full, the whole table is written instead,
 * as it will be with the change. If that fails, too, nobody knows what the medium says of these
 * sectors, now or after the next start: they are in doubt (REMAP_DOUBT), and are not written until
 * the metadata is read again, so that both answers stay right.
 */
#include <linux/list.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-pieces.h"
#include "dm-remap-table.h"

static enum remap_disk_state remap_disk_state_of(const void *value)
{
	bool wrong = remap_is_wrong(value), pending = remap_is_pending(value);

	switch (remap_state(value)) {
	case REMAP_MAPPED:
		return wrong ? REMAP_DISK_WRONG_SLOT :
		       pending ? REMAP_DISK_UNREADABLE : REMAP_DISK_REMAPPED;
	case REMAP_LOST:
		return REMAP_DISK_LOST;
	default:
		return wrong ? REMAP_DISK_WRONG : pending ? REMAP_DISK_PENDING : REMAP_DISK_MAIN;
	}
}

/* Is @extent the continuation of the run? Of bad slots and sectors on main half of it is 0. */
static bool remap_run_goes_on(const struct remap_extent *run, const struct remap_extent *extent)
{
	bool on_spare = remap_extent_has_slot(extent), bad = extent->state == REMAP_DISK_BAD;

	return run->len && run->state == extent->state &&
	       run->len + extent->len <= REMAP_DISK_MAX_RUN &&
	       extent->first == (bad ? 0 : run->first + run->len) &&
	       extent->slot == (on_spare ? run->slot + run->len : 0);
}

/* Put what there is of the run. */
int remap_runs_end(struct remap_runs *runs)
{
	struct remap_extent run = runs->run;

	runs->run.len = 0;
	return run.len ? runs->put(runs, &run) : 0;
}

static int remap_runs_extend(struct remap_runs *runs, const struct remap_extent *extent)
{
	int r;

	if (remap_run_goes_on(&runs->run, extent)) {
		runs->run.len += extent->len;
		return 0;
	}
	r = remap_runs_end(runs);
	runs->run = *extent;
	return r;
}

/**
 * remap_runs_add() - Put a range of one value, joined with its neighbours, in parts of legal size.
 * @runs: where to
 * @first: first sector
 * @last: last sector
 * @value: of all of it
 *
 * Return: 0 or what put() returns.
 */
int remap_runs_add(struct remap_runs *runs, sector_t first, sector_t last, const void *value)
{
	struct remap_extent extent = { .state = remap_disk_state_of(value) };
	int r = 0;

	for (; first <= last && !r; first += extent.len) {
		extent.first = first;
		extent.len = min_t(sector_t, last - first + 1, REMAP_DISK_MAX_RUN);
		if (remap_extent_has_slot(&extent))
			extent.slot = remap_spare_sector(value, first) - runs->rc->spare_start;
		r = remap_runs_extend(runs, &extent);
	}
	return r;
}

int remap_runs_add_bad(struct remap_runs *runs, sector_t spare_sector, sector_t len)
{
	struct remap_extent extent = {
		.slot = spare_sector - runs->rc->spare_start, .len = len, .state = REMAP_DISK_BAD,
	};

	return remap_runs_extend(runs, &extent);
}

/* Write the block that is being filled; without REMAP_DISK_LAST it counts only with the next. */
static int remap_journal_write(struct remap_c *rc, u32 flags)
{
	struct remap_meta *meta = rc->meta;
	struct remap_disk_header *header = meta->block;
	int r;

	if (meta->journal_used == meta->layout.journal_blocks)
		return -ENOSPC;
	header->count = cpu_to_le64(meta->nr);
	header->flags = cpu_to_le32(flags);
	r = remap_meta_write_block(rc, meta->layout.journal_start + meta->journal_used,
				   meta->block);
	meta->uncertain = r;
	if (r)
		remap_err(rc, "block %llu of the journal on %s cannot be written",
			  meta->journal_used, rc->spare->name);
	if (!r) {
		meta->journal_used++;
		meta->nr = 0;
	}
	return r;
}

static void remap_journal_put(struct remap_meta *meta, const struct remap_extent *extent)
{
	struct remap_disk_entry *entries;

	if (!meta->nr)
		remap_block_start(meta->block, REMAP_MAGIC_JOURNAL, meta->super,
				  meta->journal_used);
	entries = meta->block + sizeof(struct remap_disk_header);
	entries[meta->nr++] = remap_entry_pack(extent);
}

/* A part of a change that counts as a whole. */
static int remap_put_change(struct remap_runs *runs, const struct remap_extent *extent)
{
	struct remap_meta *meta = runs->rc->meta;
	int r = meta->nr == REMAP_BLOCK_ENTRIES ? remap_journal_write(runs->rc, 0) : 0;

	if (!r)
		remap_journal_put(meta, extent);
	return r;
}

/*
 * A piece of news that stands for itself. Something may be moving, so nothing is written here: what
 * the block has no room for is in the table, and will be in the checkpoint that is due then.
 */
static int remap_put_note(struct remap_runs *runs, const struct remap_extent *extent)
{
	struct remap_meta *meta = runs->rc->meta;
	struct remap_disk_entry *entries = meta->block + sizeof(struct remap_disk_header);
	struct remap_extent last = {};

	if (meta->nr)
		last = remap_entry_unpack(&entries[meta->nr - 1]);
	if (remap_run_goes_on(&last, extent)) {
		last.len += extent->len;
		entries[meta->nr - 1] = remap_entry_pack(&last);
	} else if (meta->nr < REMAP_BLOCK_ENTRIES) {
		remap_journal_put(meta, extent);
	} else {
		meta->rewrite = true;
	}
	return 0;
}

static bool remap_may_record(const struct remap_c *rc)
{
	return rc->meta && rc->meta->mode == REMAP_META_WRITE && remap_table_is_writable(rc);
}

/**
 * remap_meta_note() - Remember, with the next commit, what the table says of a range now.
 * @rc: the target; its move_lock is held
 * @first: first sector
 * @last: last sector; nothing in the range is held
 */
void remap_meta_note(struct remap_c *rc, sector_t first, sector_t last)
{
	struct remap_runs runs = { .rc = rc, .put = remap_put_note };
	sector_t pos, end;

	if (!remap_may_record(rc))
		return;
	for (pos = first; pos <= last; pos = end + 1) {
		void *value = remap_table_at(rc->table, pos, &end);

		end = min(end, last);
		remap_runs_add(&runs, pos, end, value);
	}
	remap_runs_end(&runs);
}

/* A unit of slots has gone bad. */
void remap_meta_note_bad(struct remap_c *rc, sector_t spare_sector)
{
	struct remap_runs runs = { .rc = rc, .put = remap_put_note };

	if (!remap_may_record(rc))
		return;
	remap_runs_add_bad(&runs, spare_sector, rc->unit);
	remap_runs_end(&runs);
}

static int remap_journal_pieces(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_runs runs = { .rc = rc, .put = remap_put_change };
	struct remap_piece *piece;
	sector_t pos, end;
	int r = 0;

	list_for_each_entry(piece, pieces, list) {
		for (pos = piece->first; pos <= piece->last && !r && !piece->failed;
		     pos = end + 1) {
			void *value = remap_table_at(rc->table, pos, &end);

			end = min(end, piece->last);
			r = remap_runs_add(&runs, pos, end, remap_piece_becomes(piece, value));
		}
		if (!r && remap_piece_leaves_bad_slot(piece))
			r = remap_runs_add_bad(&runs,
					       remap_spare_sector(piece->was, piece->first),
					       remap_piece_sectors(piece));
		if (r)
			return r;
		cond_resched();
	}
	return remap_runs_end(&runs);
}

static void remap_pieces_in_doubt(struct list_head *pieces)
{
	struct remap_piece *piece;

	list_for_each_entry(piece, pieces, list)
		piece->doubt = !piece->failed;
}

/* The data that goes with a change lasts. What an unmap brings back to main was flushed there. */
static int remap_flush_pieces(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_area main = remap_main_area(rc), spare = remap_spare_area(rc);
	bool to_main = false, to_spare = false;
	struct remap_piece *piece;

	list_for_each_entry(piece, pieces, list) {
		if (piece->failed)
			continue;
		if (remap_state(remap_piece_becomes(piece, NULL)) != REMAP_MAIN)
			to_spare = true;
		else
			to_main |= remap_piece_is_in_place(piece);
	}
	if ((to_main && remap_flush(rc, &main)) || (to_spare && remap_flush(rc, &spare)))
		return -EIO;
	return 0;
}

/* The change and all that is noted, as one transaction. */
static int remap_journal_commit(struct remap_c *rc, struct list_head *pieces)
{
	int r = rc->meta->rewrite ? -ENOSPC : remap_journal_pieces(rc, pieces);

	if (!r && rc->meta->nr)
		r = remap_journal_write(rc, REMAP_DISK_LAST);
	if (!r)
		rc->meta->commits++;
	return r;
}

/**
 * remap_meta_commit() - Make a change last, before it is published.
 * @rc: the target; its move_lock is held
 * @pieces: what changes, ascending; held, and their data written
 *
 * Return: 0; or a negative errno, and nothing has changed: take the pieces back, see
 * remap_piece_settle_before().
 */
int remap_meta_commit(struct remap_c *rc, struct list_head *pieces)
{
	int r = remap_flush_pieces(rc, pieces);

	if (r || !rc->meta)
		return r;
	if (!remap_may_record(rc))
		return -EROFS;
	if (!remap_journal_commit(rc, pieces))
		return 0;
	r = remap_checkpoint(rc, pieces);
	if (!r)
		return 0;
	remap_pieces_in_doubt(pieces);
	remap_meta_degrade(rc, "neither journal nor checkpoint could be written");
	return r;
}

/* What is noted, and nobody waits for. Nothing is held. */
void remap_meta_commit_notes(struct remap_c *rc)
{
	LIST_HEAD(none);

	if (rc->meta && (rc->meta->nr || rc->meta->rewrite) && remap_may_record(rc))
		remap_meta_commit(rc, &none);
}
