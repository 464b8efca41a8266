// SPDX-License-Identifier: GPL-2.0-only
/*
 * verify_reads: what has been read against what is known of it, and the second look at what does
 * not match, after which a block counts as bad.
 *
 * The second look is needed because the buffer of a direct read is the program's, which may write
 * to it meanwhile, and because the block may have been written since it was read. It reads into
 * pages of the target's own, and takes the block's word before and after.
 */
#include <linux/delay.h>
#include <linux/highmem.h>

#include "dm-remap-copy.h"
#include "dm-remap-events.h"
#include "dm-remap-io.h"
#include "dm-remap-metadata.h"
#include "dm-remap-repair.h"
#include "dm-remap-table.h"
#include "dm-remap-verify.h"
#include "dm-remap-verify-word.h"

/* Waits between them double, from 1 ms: 127 ms in all. */
#define REMAP_RECHECK_TRIES 8
/* Blocks that are marked in one go. */
#define REMAP_RECHECK_RUN 16

/* Consecutive bad sectors, to be told of at once. */
struct remap_bad_run {
	sector_t first;
	sector_t count;
	bool mismatch;
	u64 words[REMAP_RECHECK_RUN];	/* of each block, when it was found wrong */
};

/* What a second look at a block has found. */
struct remap_verdict {
	bool bad;		/* it fails, and cannot be read rightly where it lies */
	bool mismatch;		/* ... although the device gives data */
	u64 word;		/* what was known of its content then */
};

static bool remap_crcs_whole_blocks(const struct remap_crcs *crcs,
				    const struct bvec_iter *iter, sector_t sector)
{
	return !((sector | bvec_iter_sectors(*iter)) & (remap_crcs_unit(crcs) - 1));
}

/**
 * remap_crcs_match() - Is what a bio has read what was written?
 * @crcs: what is known
 * @bio: has been read
 * @iter: its iterator as it was at the begin
 * @sector: where it begins
 *
 * Return: false if a block is known to be something else. Before it is called bad, a write under
 * way at the same time has to be excluded: remap_crcs_recheck().
 */
bool remap_crcs_match(struct remap_crcs *crcs, struct bio *bio, const struct bvec_iter *iter,
		      sector_t sector)
{
	unsigned int unit = remap_crcs_unit(crcs);
	struct bvec_iter pos = *iter;

	if (!remap_crcs_whole_blocks(crcs, iter, sector))
		return true;
	for (; pos.bi_size; sector += unit) {
		u32 crc = remap_crcs_of_bio(bio, &pos, unit << SECTOR_SHIFT);
		u64 word = remap_crcs_word(crcs, sector);

		if (remap_word_known(word) && crc != (u32)word)
			return false;
	}
	return true;
}

/**
 * remap_crcs_unchanged() - Does a write's buffer still hold what it held when the write began?
 * @crcs: what is known
 * @bio: a write that has begun, and reached the device
 * @iter: its iterator as it was at the begin
 * @sector: where it begins
 *
 * A program may change the buffer of a direct write under way, and so may file systems that do
 * not wait for their own metadata. Then nobody can tell what has been written. In any context.
 *
 * Return: false if it is known to hold something else now; to be the "ok" of
 * remap_crcs_write_end().
 */
bool remap_crcs_unchanged(struct remap_crcs *crcs, struct bio *bio, const struct bvec_iter *iter,
			  sector_t sector)
{
	unsigned int unit = remap_crcs_unit(crcs);
	struct bvec_iter pos = *iter;

	if (bio_op(bio) != REQ_OP_WRITE || !remap_crcs_whole_blocks(crcs, iter, sector))
		return true;
	for (; pos.bi_size; sector += unit) {
		u32 crc = remap_crcs_of_bio(bio, &pos, unit << SECTOR_SHIFT);
		u64 word = remap_crcs_word(crcs, sector);

		if (remap_word_alone(word) && crc != (u32)word)
			return false;
	}
	return true;
}

/* Is there a checksum of what was written to the block? */
bool remap_crcs_know(struct remap_c *rc, sector_t sector)
{
	return rc->crcs && remap_word_known(remap_crcs_word(rc->crcs, sector));
}

/**
 * remap_crcs_match_copy() - Is what the copier's pages hold what was written?
 * @rc: the target; its move_lock is held
 * @sector: the first sector that has been read, from wherever it lies
 * @count: sectors, whole blocks
 *
 * For moves, which would otherwise make lasting what a device got wrong just this once.
 *
 * Return: false if a block is known to be something else.
 */
bool remap_crcs_match_copy(struct remap_c *rc, sector_t sector, sector_t count)
{
	unsigned int bytes = rc->unit << SECTOR_SHIFT;
	sector_t i;

	if (!rc->crcs)
		return true;
	for (i = 0; i < count; i += rc->unit) {
		u64 word = remap_crcs_word(rc->crcs, sector + i);

		if (remap_word_known(word) &&
		    remap_crcs_of_pages(rc->copier.pages, i << SECTOR_SHIFT, bytes) != (u32)word)
			return false;
	}
	return true;
}

/**
 * remap_crcs_mismatch() - Count, log and tell that sectors are not what was written.
 * @rc: the target
 * @first: first sector
 * @count: sectors, whole blocks
 */
void remap_crcs_mismatch(struct remap_c *rc, sector_t first, sector_t count)
{
	atomic64_add(count / rc->unit, &rc->table->counters->verify_errors);
	DMERR_LIMIT("%s: sectors %llu+%llu are not what was written: the checksum differs",
		    rc->name, (u64)first, (u64)count);
	remap_event(rc, REMAP_EVENT_VERIFY, first, count);
	remap_health_update(rc);
}

/* Read a block from where it lies now. @medium: it fails, and the medium is to blame. */
static blk_status_t remap_recheck_read(struct remap_c *rc, sector_t sector, bool *medium)
{
	struct remap_area area = remap_main_area(rc);
	sector_t last, at = rc->main_start + sector;
	void *value = remap_table_at(rc->table, sector, &last);
	blk_status_t status;

	*medium = false;
	if (remap_state(value) == REMAP_LOST)
		return BLK_STS_IOERR;
	if (remap_state(value) == REMAP_MAPPED) {
		area = remap_spare_area(rc);
		at = remap_spare_sector(value, sector);
	}
	status = remap_copy_retry(rc, &area, REQ_OP_READ, at, 0, rc->unit);
	if (status)
		*medium = remap_medium_error(rc, &area, status, false);
	return status;
}

/*
 * Read a block once more, until it is sure whether that is what was written; the copier's first
 * pages hold it then. While it is being overwritten nobody can tell: after a while it is taken as
 * it is, for a write that waits for us would never end.
 */
static blk_status_t remap_recheck_block(struct remap_c *rc, sector_t sector,
					struct remap_verdict *verdict)
{
	unsigned int tries;

	verdict->mismatch = false;
	for (tries = 0; tries < REMAP_RECHECK_TRIES; tries++) {
		u64 word = remap_crcs_word(rc->crcs, sector);
		blk_status_t status;
		u32 crc;

		if (tries)
			msleep(1 << (tries - 1));
		status = remap_recheck_read(rc, sector, &verdict->bad);
		if (status)
			return status;
		crc = remap_crcs_of_pages(rc->copier.pages, 0, rc->unit << SECTOR_SHIFT);
		if ((remap_word_known(word) || remap_word_alone(word)) && crc == (u32)word)
			break;
		if (remap_crcs_word(rc->crcs, sector) != word)
			continue;
		if (remap_word_known(word)) {
			verdict->bad = true;
			verdict->mismatch = true;
			verdict->word = word;
			return BLK_STS_IOERR;
		}
		if (!remap_word_writers(word))
			break;
	}
	return BLK_STS_OK;
}

/* Put the copier's first block where @iter is in a bio. */
static void remap_recheck_copy(struct remap_c *rc, struct bio *bio, struct bvec_iter iter)
{
	unsigned int pos = 0, bytes = rc->unit << SECTOR_SHIFT;

	while (pos < bytes) {
		struct bio_vec vec = bio_iter_iovec(bio, iter);
		unsigned int part = min_t(unsigned int, bytes - pos, vec.bv_len);
		void *data;

		part = min_t(unsigned int, part, PAGE_SIZE - offset_in_page(pos));
		data = bvec_kmap_local(&vec);
		memcpy(data, page_address(rc->copier.pages[pos >> PAGE_SHIFT]) +
		       offset_in_page(pos), part);
		kunmap_local(data);
		flush_dcache_page(vec.bv_page);
		bio_advance_iter_single(bio, &iter, part);
		pos += part;
	}
}

/* What was written since the verdict is not wrong, though nobody has read it yet. */
static void remap_recheck_again(struct remap_c *rc, const struct remap_bad_run *run)
{
	u64 changed = 0, word;
	unsigned int i;

	/* From here on, writes that have not seen the marks have ended. */
	remap_drain(rc);
	for (i = 0; i * rc->unit < run->count; i++) {
		sector_t sector = run->first + i * rc->unit;

		/* Only a write that has ended well is known of; others leave what was found. */
		word = remap_crcs_word(rc->crcs, sector);
		if (word == run->words[i] || !remap_word_known(word))
			continue;
		remap_table_change(rc->table, sector, sector + rc->unit - 1,
				   remap_become_merely_pending, &changed);
		remap_meta_note(rc, sector, sector + rc->unit - 1);
	}
}

/* Tell of a run of bad blocks, and have it known as unreadable. */
static void remap_recheck_end_run(struct remap_c *rc, struct remap_bad_run *run)
{
	sector_t last = run->first + run->count - 1;

	if (!run->count)
		return;
	if (run->mismatch) {
		remap_crcs_mismatch(rc, run->first, run->count);
		remap_mark_wrong(rc, run->first, last);
		remap_recheck_again(rc, run);
	} else {
		remap_mark_pending(rc, run->first, last);
	}
	run->count = 0;
}

static void remap_recheck_bad(struct remap_c *rc, struct remap_bad_run *run, sector_t sector,
			      const struct remap_verdict *verdict)
{
	if (run->count && (run->mismatch != verdict->mismatch ||
			   run->first + run->count != sector ||
			   run->count / rc->unit == REMAP_RECHECK_RUN))
		remap_recheck_end_run(rc, run);
	if (!run->count)
		*run = (struct remap_bad_run) { .first = sector, .mismatch = verdict->mismatch };
	run->words[run->count / rc->unit] = verdict->word;
	run->count += rc->unit;
}

/**
 * remap_crcs_recheck() - Look again at the blocks of a read that do not match.
 * @rc: the target; its move_lock is held
 * @bio: has been read; what a second look gives is copied into it
 * @iter: its iterator as it was at the begin
 * @sector: where it begins
 *
 * A block that is not what was written counts in verify_errors and becomes pending, as one that
 * the device cannot read.
 *
 * Return: BLK_STS_OK if all of it is right now.
 */
blk_status_t remap_crcs_recheck(struct remap_c *rc, struct bio *bio, const struct bvec_iter *iter,
				sector_t sector)
{
	struct bvec_iter pos = *iter;
	struct remap_bad_run run = {};
	blk_status_t result = BLK_STS_OK;

	if (!remap_crcs_whole_blocks(rc->crcs, iter, sector))
		return BLK_STS_OK;
	for (; pos.bi_size; sector += rc->unit) {
		u64 word = remap_crcs_word(rc->crcs, sector);
		struct bvec_iter at = pos;
		u32 crc = remap_crcs_of_bio(bio, &pos, rc->unit << SECTOR_SHIFT);
		struct remap_verdict verdict = {};
		blk_status_t status;

		/* One that is not known any more may be the one that did not match. */
		if (!word || (remap_word_known(word) && crc == (u32)word))
			continue;
		status = remap_recheck_block(rc, sector, &verdict);
		if (!status)
			remap_recheck_copy(rc, bio, at);
		else if (verdict.bad)
			remap_recheck_bad(rc, &run, sector, &verdict);
		if (status)
			result = status;
		cond_resched();
	}
	remap_recheck_end_run(rc, &run);
	return result;
}
