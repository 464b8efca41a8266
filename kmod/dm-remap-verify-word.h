/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of one block's content: a word that changes by compare-and-exchange.
 *
 *  31..0   CRC32C of the data of the last write that began
 *  45..32  writes in flight; at its largest value it stays there for good
 *  61..46  turns: goes up with every write that begins, so that a word which has not changed
 *          means that no write has begun, whatever was written
 *  62      conflict: of the writes in flight one overlaps another, has no data, or has failed
 *  63      known: no write is in flight, and the block holds data with this CRC
 *
 * Two overlapping writes may reach the medium in any order, and one that failed may have reached
 * it or not: nothing is known then until a write has been alone from its begin to its end.
 *
 * Pure functions, which the tests also compile in user space.
 */
#ifndef DM_REMAP_VERIFY_WORD_H
#define DM_REMAP_VERIFY_WORD_H

#include <linux/bits.h>
#include <linux/types.h>

#define REMAP_WORD_WRITER BIT_ULL(32)
#define REMAP_WORD_WRITERS GENMASK_ULL(45, 32)
#define REMAP_WORD_TURN BIT_ULL(46)
#define REMAP_WORD_TURNS GENMASK_ULL(61, 46)
#define REMAP_WORD_CONFLICT BIT_ULL(62)
#define REMAP_WORD_KNOWN BIT_ULL(63)

static inline bool remap_word_known(u64 word)
{
	return word & REMAP_WORD_KNOWN;
}

/* Are writes in flight? */
static inline bool remap_word_writers(u64 word)
{
	return word & REMAP_WORD_WRITERS;
}

/* Is just one write in flight, whose data have this word's CRC? */
static inline bool remap_word_alone(u64 word)
{
	return (word & (REMAP_WORD_WRITERS | REMAP_WORD_CONFLICT)) == REMAP_WORD_WRITER;
}

/* @has_data: false for discards and their like, after which the content is anything */
static inline u64 remap_word_begin(u64 word, bool has_data, u32 crc)
{
	u64 writers = word & REMAP_WORD_WRITERS;
	u64 turns = (word + REMAP_WORD_TURN) & REMAP_WORD_TURNS;

	if (writers == REMAP_WORD_WRITERS)
		return word;
	if (writers || !has_data)
		return turns | (writers + REMAP_WORD_WRITER) | REMAP_WORD_CONFLICT;
	return turns | REMAP_WORD_WRITER | crc;
}

static inline u64 remap_word_end(u64 word, bool ok)
{
	u64 writers = word & REMAP_WORD_WRITERS;

	if (!writers || writers == REMAP_WORD_WRITERS)
		return word;
	if (!ok)
		word |= REMAP_WORD_CONFLICT;
	word -= REMAP_WORD_WRITER;
	if (word & REMAP_WORD_WRITERS)
		return word;
	return word & REMAP_WORD_CONFLICT ? word & REMAP_WORD_TURNS : word | REMAP_WORD_KNOWN;
}

/* The content has been given up. What is being written will be known all the same. */
static inline u64 remap_word_forget(u64 word)
{
	return word & ~REMAP_WORD_KNOWN;
}

#endif
