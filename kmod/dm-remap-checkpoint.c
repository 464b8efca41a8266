// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checkpoints: the whole table goes to the checkpoint slot that is not current, then the
 * superblock that is not current says so. Until that one lasts, nothing has changed.
 */
#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-pieces.h"
#include "dm-remap-table.h"

struct remap_writer {
	struct remap_runs runs;		/* first: see remap_writer_put() */
	struct remap_disk_super *super;	/* what will name the checkpoint */
	u64 start;			/* block of the checkpoint slot */
	u64 index;			/* of the block being filled */
	unsigned int nr;		/* its entries */
	u64 entries;
	u64 room_for_pending;		/* entries */
	u64 left_out;			/* pending ones, for want of room */
	struct list_head *pieces;	/* that move */
	struct remap_piece *piece;	/* the first that does not end before where we are */
	struct remap_totals totals;
};

/* The block is full, or the last one: write all blocks that the copier's pages hold, if full. */
static int remap_writer_close(struct remap_writer *w, bool last)
{
	unsigned int i = w->index % REMAP_RUN_BLOCKS;
	void *block = remap_run_block(w->runs.rc, i);
	struct remap_disk_header *header = block;

	header->count = cpu_to_le64(w->nr);
	header->flags = cpu_to_le32(last ? REMAP_DISK_LAST : 0);
	remap_block_seal(block);
	w->index++;
	w->nr = 0;
	if (!last && i < REMAP_RUN_BLOCKS - 1)
		return 0;
	cond_resched();
	return remap_meta_write_run(w->runs.rc, w->start + w->index - 1 - i, i + 1);
}

static int remap_writer_put(struct remap_runs *runs, const struct remap_extent *extent)
{
	struct remap_writer *w = container_of(runs, struct remap_writer, runs);
	struct remap_meta *meta = runs->rc->meta;
	struct remap_disk_entry *entries;
	void *block;
	int r = 0;

	if (extent->state == REMAP_DISK_MAIN)
		return 0;
	if (!remap_extent_has_slot(extent) && !w->room_for_pending) {
		w->left_out += extent->len;
		return 0;
	}
	w->room_for_pending -= !remap_extent_has_slot(extent);
	/* Only a block that another one follows is closed here: the last one says that it is. */
	if (w->nr == REMAP_BLOCK_ENTRIES)
		r = remap_writer_close(w, false);
	if (!r && w->index == meta->layout.checkpoint_blocks)
		r = -ENOSPC;
	if (r)
		return r;
	block = remap_run_block(runs->rc, w->index % REMAP_RUN_BLOCKS);
	if (!w->nr)
		remap_block_start(block, REMAP_MAGIC_CHECKPOINT, w->super, w->index);
	entries = block + sizeof(struct remap_disk_header);
	entries[w->nr++] = remap_entry_pack(extent);
	w->entries++;
	return 0;
}

/* What is to be written of an entry at @pos: of what moves, what it will be. */
static const void *remap_writer_value(struct remap_writer *w, sector_t pos, sector_t *end,
				      const void *value)
{
	if (!remap_is_held(value) || !w->pieces)
		return value;
	while (!list_entry_is_head(w->piece, w->pieces, list) && w->piece->last < pos)
		w->piece = list_next_entry(w->piece, list);
	if (list_entry_is_head(w->piece, w->pieces, list) || w->piece->first > pos)
		return value;
	*end = min(*end, w->piece->last);
	return remap_piece_becomes(w->piece, value);
}

static int remap_write_entries(struct remap_writer *w)
{
	struct remap_c *rc = w->runs.rc;
	sector_t pos = 0, end;
	void *value;
	int r = 0;

	if (w->pieces)
		w->piece = list_first_entry(w->pieces, struct remap_piece, list);
	while (!r && (value = remap_table_next(rc->table, &pos, &end))) {
		const void *becomes = remap_writer_value(w, pos, &end, value);

		remap_totals_add(&w->totals, becomes, end - pos + 1);
		r = remap_runs_add(&w->runs, pos, end, becomes);
		pos = end + 1;
		cond_resched();
	}
	return r ?: remap_runs_end(&w->runs);
}

static int remap_write_bad(struct remap_writer *w)
{
	struct remap_c *rc = w->runs.rc;
	struct remap_slots *slots = &rc->table->slots;
	unsigned long index;
	void *bad;
	int r = 0;

	xa_for_each(&slots->bad, index, bad) {
		r = remap_runs_add_bad(&w->runs, slots->start + (u64)index * slots->unit,
				       slots->unit);
		if (r)
			break;
		w->totals.bad += slots->unit;
	}
	return r ?: remap_runs_end(&w->runs);
}

/* The next superblock begins as the present one. */
static void remap_super_next(struct remap_meta *meta)
{
	struct remap_disk_super *super = meta->super;

	le64_add_cpu(&super->header.sequence, 1);
	le64_add_cpu(&super->header.generation, 1);
	super->header.salt = cpu_to_le32(remap_salt(get_random_u32(),
						    meta->journal_used + meta->uncertain));
	super->checkpoint = cpu_to_le32(!le32_to_cpu(super->checkpoint));
}

/* The checkpoint has not been written, and nothing says that it has. */
static void remap_super_previous(struct remap_meta *meta, __le32 salt)
{
	struct remap_disk_super *super = meta->super;

	le64_add_cpu(&super->header.sequence, -1);
	le64_add_cpu(&super->header.generation, -1);
	super->header.salt = salt;
	super->checkpoint = cpu_to_le32(!le32_to_cpu(super->checkpoint));
}

/* What the superblock says of the checkpoint that has been written. */
static void remap_super_describe(struct remap_writer *w)
{
	struct remap_disk_super *super = w->super;

	super->header.count = cpu_to_le64(w->totals.remapped);
	super->checkpoint_used = cpu_to_le64(w->index);
	super->entries = cpu_to_le64(w->entries);
	super->lost = cpu_to_le64(w->totals.lost);
	super->pending = cpu_to_le64(w->totals.pending - w->left_out);
	super->bad = cpu_to_le64(w->totals.bad);
	if (w->left_out)
		remap_err(w->runs.rc, "%llu pending sectors are not remembered: the metadata is full",
			  w->left_out);
}

/* Write the checkpoint that the superblock is to name, and make it last. */
static int remap_write_checkpoint(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_meta *meta = rc->meta;
	struct remap_area spare = remap_spare_area(rc);
	struct remap_writer w = {
		.runs = { .rc = rc, .put = remap_writer_put },
		.super = meta->super,
		.start = meta->layout.checkpoint_start[le32_to_cpu(meta->super->checkpoint)],
		.room_for_pending = remap_layout_pending(&meta->layout, rc->unit),
		.pieces = pieces && !list_empty(pieces) ? pieces : NULL,
	};
	int r;

	remap_flush_begin(rc);
	/* An empty table has a block, too: it says that there is a newer checkpoint. */
	remap_block_start(remap_run_block(rc, 0), REMAP_MAGIC_CHECKPOINT, meta->super, 0);
	r = remap_write_entries(&w) ?: remap_write_bad(&w) ?: remap_writer_close(&w, true) ?:
	    remap_flush(rc, &spare);
	if (!r)
		remap_super_describe(&w);
	return r;
}

static void remap_super_set_text(char *text, size_t size, const char *from)
{
	memset(text, 0, size);
	/* What does not fit is left out as a whole: half of it would say something else. */
	if (strlen(from) < size)
		memcpy(text, from, strlen(from));
}

/**
 * remap_write_super() - Write the superblock in the place of the one that is not current.
 * @rc: the target; its move_lock is held
 *
 * Return: 0, and it is the current one; or a negative errno, and it may be all the same.
 */
int remap_write_super(struct remap_c *rc)
{
	struct remap_meta *meta = rc->meta;
	struct remap_disk_super *super = meta->super;
	int r;

	remap_super_follow_sizes(rc, super);
	super->spare_start = cpu_to_le64(rc->spare_start);
	super->written = cpu_to_le64(ktime_get_real_seconds());
	remap_super_set_text(super->name, sizeof(super->name), rc->name);
	remap_super_set_text(super->args, sizeof(super->args), skip_spaces(rc->args));
	r = remap_meta_write_block(rc, !meta->copy, super);
	if (r)
		return r;
	meta->copy = !meta->copy;
	meta->generation = le64_to_cpu(super->header.generation);
	meta->heal = false;
	return 0;
}

/**
 * remap_checkpoint() - Write the whole table.
 * @rc: the target; its move_lock is held
 * @pieces: held, ascending: written as what they become; NULL or empty if nothing moves
 *
 * Return: 0, and the journal is empty; or a negative errno: nobody knows which checkpoint counts on
 * the medium, the old one or this one, so neither may be written over, see remap_meta_degrade().
 */
int remap_checkpoint(struct remap_c *rc, struct list_head *pieces)
{
	struct remap_meta *meta = rc->meta;
	__le32 salt = meta->super->header.salt;
	unsigned int tries;
	int r;

	/* Once more if it failed: as long as no superblock names it, it can be written again. */
	for (tries = 0; ; tries++) {
		remap_super_next(meta);
		r = remap_write_checkpoint(rc, pieces);
		if (!r)
			break;
		remap_super_previous(meta, salt);
		if (tries)
			return r;
	}
	r = remap_write_super(rc);
	if (r)
		return r;
	meta->journal_used = 0;
	meta->nr = 0;
	meta->uncertain = false;
	meta->rewrite = false;
	meta->checkpoints++;
	return 0;
}
