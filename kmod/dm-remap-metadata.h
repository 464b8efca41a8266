/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table on the spare: docs/metadata-format.md says what lies there, dm-remap-format.h how.
 *
 * dm-remap-metadata.c	the state, blocks in and out, what happens when they do not get there
 * dm-remap-journal.c	commits: what has changed goes into one journal block
 * dm-remap-checkpoint.c	the whole table goes out
 * dm-remap-load.c	the whole table comes in; with -super.c and -replay.c, see dm-remap-load.h
 *
 * Everything here happens under the target's move_lock, as every change of the table does.
 */
#ifndef DM_REMAP_METADATA_H
#define DM_REMAP_METADATA_H

#include <linux/blk_types.h>
#include <linux/types.h>

#include "dm-remap-format.h"

struct remap_c;
struct remap_piece;

/* Only ever gets worse, until the metadata is read again. */
enum remap_meta_mode {
	REMAP_META_WRITE,
	REMAP_META_READ_ONLY,	/* cannot be written: what it says holds, nothing is added */
	REMAP_META_FAIL,	/* could not be read: the target does not run */
};

struct remap_meta {
	struct remap_layout layout;
	enum remap_meta_mode mode;
	/* As it lies on the spare, or will with the next checkpoint. */
	struct remap_disk_super *super;
	u64 generation;			/* of the current checkpoint; for everybody */
	unsigned int copy;		/* which of the two superblocks is current */
	u64 journal_used;		/* blocks of the ring */
	void *block;			/* the journal block that is being filled */
	unsigned int nr;		/* its entries */
	bool uncertain;			/* the block at @journal_used may be on the medium */
	bool heal;			/* the other superblock is damaged */
	bool rewrite;			/* a checkpoint comes before anything else is written */
	bool frozen;			/* nor are slots: another spare may be believed */
	/* Only grow. */
	u64 commits;
	u64 checkpoints;
	u64 writes;			/* requests */
	u64 errors;
};

struct remap_meta *remap_meta_create(const struct remap_c *rc, u64 spare_len);
void remap_meta_destroy(struct remap_meta *meta);
bool remap_table_is_writable(const struct remap_c *rc);
bool remap_meta_is_writable(const struct remap_c *rc);
bool remap_is_frozen(const struct remap_c *rc);
void remap_meta_degrade(struct remap_c *rc, const char *why);
int remap_meta_activate(struct remap_c *rc);
void remap_meta_suspend(struct remap_c *rc);
int remap_meta_save(struct remap_c *rc, u64 *generation);
int remap_meta_restore(struct remap_c *rc, u64 *remapped);

/* Blocks count from the start of the spare range; a run goes through the copier's pages. */
int remap_meta_write_block(struct remap_c *rc, u64 block, void *data);
int remap_meta_write_run(struct remap_c *rc, u64 block, unsigned int count);
int remap_meta_read_run(struct remap_c *rc, u64 block, unsigned int at, unsigned int count);
#define REMAP_RUN_BLOCKS (REMAP_COPY_SECTORS / REMAP_BLOCK_SECTORS)
void *remap_run_block(struct remap_c *rc, unsigned int i);
void remap_block_start(void *block, const char *magic, const struct remap_disk_super *super,
		       u64 sequence);

/* What is to be written of a part of the table; see dm-remap-journal.c. */
struct remap_runs {
	struct remap_c *rc;
	struct remap_extent run;	/* not put yet; len 0: none */
	int (*put)(struct remap_runs *runs, const struct remap_extent *extent);
};

int remap_runs_add(struct remap_runs *runs, sector_t first, sector_t last, const void *value);
int remap_runs_add_bad(struct remap_runs *runs, sector_t spare_sector, sector_t len);
int remap_runs_end(struct remap_runs *runs);

void remap_meta_note(struct remap_c *rc, sector_t first, sector_t last);
void remap_meta_note_bad(struct remap_c *rc, sector_t spare_sector);
int remap_meta_commit(struct remap_c *rc, struct list_head *pieces);
void remap_meta_commit_notes(struct remap_c *rc);

int remap_checkpoint(struct remap_c *rc, struct list_head *pieces);
int remap_write_super(struct remap_c *rc);
int remap_heal_super(struct remap_c *rc);
bool remap_super_follow_sizes(struct remap_c *rc, struct remap_disk_super *super);
void remap_super_unlink(struct remap_disk_super *super);

int remap_load(struct remap_c *rc, bool may_format);
int remap_refuse_metadata(struct remap_c *rc);

#endif
