// SPDX-License-Identifier: GPL-2.0-only
/*
 * verify_reads: the CRC32C of every logical block that was written since activation.
 *
 * A word a block (dm-remap-verify-word.h), in chunks of one page that are found through an xarray.
 * Chunks come on demand, where nothing may sleep, so there may be no memory for one; they stay
 * until the target goes. The end of a write has to find in a chunk what its begin left there, and
 * no write may be in flight over a chunk without being counted in its words. Hence no chunk comes
 * to be while a write is in flight that began without it: such writes are counted by the number
 * of their chunk modulo REMAP_CRCS_BUCKETS, under the lock under which chunks are added. An absent
 * chunk then stays absent from the begin of such a write to its end, which needs no memory.
 */
#include <linux/crc32c.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "dm-remap-verify.h"
#include "dm-remap-verify-word.h"

#define REMAP_CRCS_CHUNK (PAGE_SIZE / sizeof(atomic64_t))
#define REMAP_CRCS_BUCKETS 64

struct remap_crcs {
	struct xarray chunks;
	unsigned int unit;		/* sectors a block */
	unsigned int unit_shift;
	atomic64_t known;		/* blocks */
	atomic64_t bytes;
	bool full;			/* and the log says so */
	/* Writes in flight that began without a chunk; under the lock of @chunks. */
	unsigned int blind[REMAP_CRCS_BUCKETS];
};

/* Blocks, as numbers from the first one of the target. */
struct remap_blocks {
	u64 first, last;
};

static unsigned int remap_verify_memory_mib = 64;
module_param_named(verify_memory_mib, remap_verify_memory_mib, uint, 0644);
MODULE_PARM_DESC(verify_memory_mib, "Most memory that the checksums of verify_reads may take, of all targets together; blocks beyond are not verified");

static atomic_long_t remap_crcs_pages = ATOMIC_LONG_INIT(0);

static bool remap_crcs_reserve_page(struct remap_crcs *crcs)
{
	unsigned long limit = (unsigned long)READ_ONCE(remap_verify_memory_mib) <<
			      (20 - PAGE_SHIFT);

	if (atomic_long_inc_return(&remap_crcs_pages) <= limit)
		return true;
	atomic_long_dec(&remap_crcs_pages);
	if (!READ_ONCE(crcs->full)) {
		WRITE_ONCE(crcs->full, true);
		DMINFO("verify_memory_mib is used up: not all that is written is verified");
	}
	return false;
}

static void remap_crcs_free_page(void *words)
{
	free_page((unsigned long)words);
	atomic_long_dec(&remap_crcs_pages);
}

/**
 * remap_crcs_create() - Prepare to remember checksums.
 * @unit: sectors of a logical block, a power of two
 *
 * Return: NULL if there is no memory.
 */
struct remap_crcs *remap_crcs_create(unsigned int unit)
{
	struct remap_crcs *crcs = kzalloc(sizeof(*crcs), GFP_KERNEL);

	if (!crcs)
		return NULL;
	/* Writes end in interrupts. */
	xa_init_flags(&crcs->chunks, XA_FLAGS_LOCK_IRQ);
	crcs->unit = unit;
	crcs->unit_shift = ilog2(unit);
	return crcs;
}

/* @crcs: NULL is nothing to destroy */
void remap_crcs_destroy(struct remap_crcs *crcs)
{
	unsigned long index;
	void *words;

	if (!crcs)
		return;
	xa_for_each(&crcs->chunks, index, words) {
		remap_crcs_free_page(words);
		cond_resched();
	}
	xa_destroy(&crcs->chunks);
	kfree(crcs);
}

/* Sectors of a block. */
unsigned int remap_crcs_unit(const struct remap_crcs *crcs)
{
	return crcs->unit;
}

/* How many blocks can be verified now, and the memory that it takes to know them. */
void remap_crcs_sums(const struct remap_crcs *crcs, u64 *blocks, u64 *bytes)
{
	*blocks = atomic64_read(&crcs->known);
	*bytes = atomic64_read(&crcs->bytes);
}

static bool remap_crcs_aligned(const struct remap_crcs *crcs, sector_t sector, sector_t sectors)
{
	return !((sector | sectors) & (crcs->unit - 1));
}

static struct remap_blocks remap_crcs_blocks(const struct remap_crcs *crcs, sector_t sector,
					     sector_t sectors)
{
	return (struct remap_blocks) {
		.first = sector >> crcs->unit_shift,
		.last = (sector + sectors - 1) >> crcs->unit_shift,
	};
}

/*
 * The words of the leading part of @blocks, which is as much as lies in one chunk; or NULL, and
 * the part is as much as has none.
 */
static atomic64_t *remap_crcs_words(struct remap_crcs *crcs, const struct remap_blocks *blocks,
				    struct remap_blocks *part)
{
	unsigned long index = blocks->first / REMAP_CRCS_CHUNK, at = index;
	atomic64_t *words = xa_find(&crcs->chunks, &at, blocks->last / REMAP_CRCS_CHUNK,
				    XA_PRESENT);

	*part = *blocks;
	if (!words)
		return NULL;
	if (at != index) {
		part->last = (u64)at * REMAP_CRCS_CHUNK - 1;
		return NULL;
	}
	part->last = min_t(u64, part->last, (u64)(index + 1) * REMAP_CRCS_CHUNK - 1);
	return words + part->first % REMAP_CRCS_CHUNK;
}

/* @by: 1 or -1. The lock of the chunks is held. */
static void remap_crcs_count_blind(struct remap_crcs *crcs, const struct remap_blocks *blocks,
				   int by)
{
	unsigned long index = blocks->first / REMAP_CRCS_CHUNK;
	unsigned long last = blocks->last / REMAP_CRCS_CHUNK;

	for (; index <= last; index++)
		crcs->blind[index % REMAP_CRCS_BUCKETS] += by;
}

/* The leading blocks have no chunk: see to it that it stays so until the write ends. */
static atomic64_t *remap_crcs_go_blind(struct remap_crcs *crcs, const struct remap_blocks *blocks,
				       struct remap_blocks *part)
{
	atomic64_t *words;
	unsigned long flags;

	xa_lock_irqsave(&crcs->chunks, flags);
	words = remap_crcs_words(crcs, blocks, part);
	if (!words)
		remap_crcs_count_blind(crcs, part, 1);
	xa_unlock_irqrestore(&crcs->chunks, flags);
	return words;
}

/* Add a chunk if there is memory for it, and no write is in flight that cannot be in it. */
static void remap_crcs_grow(struct remap_crcs *crcs, unsigned long index)
{
	unsigned int *blind = &crcs->blind[index % REMAP_CRCS_BUCKETS];
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	bool added = false;
	unsigned long flags;
	void *words;

	if (READ_ONCE(*blind) || !remap_crcs_reserve_page(crcs))
		return;
	words = (void *)get_zeroed_page(gfp);
	if (!words) {
		atomic_long_dec(&remap_crcs_pages);
		return;
	}
	xa_lock_irqsave(&crcs->chunks, flags);
	if (!*blind)
		added = !__xa_cmpxchg(&crcs->chunks, index, NULL, words, gfp);
	xa_unlock_irqrestore(&crcs->chunks, flags);
	if (added)
		atomic64_add(PAGE_SIZE, &crcs->bytes);
	else
		remap_crcs_free_page(words);
}

static void remap_crcs_grow_all(struct remap_crcs *crcs, const struct remap_blocks *blocks)
{
	unsigned long index = blocks->first / REMAP_CRCS_CHUNK;
	unsigned long last = blocks->last / REMAP_CRCS_CHUNK;

	for (; index <= last; index++)
		if (!xa_load(&crcs->chunks, index))
			remap_crcs_grow(crcs, index);
}

/* Of the next @bytes of a bio; moves @iter behind them. */
u32 remap_crcs_of_bio(struct bio *bio, struct bvec_iter *iter, unsigned int bytes)
{
	u32 crc = ~0;

	while (bytes) {
		struct bio_vec vec = bio_iter_iovec(bio, *iter);
		unsigned int part = min(bytes, vec.bv_len);
		void *data = bvec_kmap_local(&vec);

		crc = crc32c(crc, data, part);
		kunmap_local(data);
		bio_advance_iter_single(bio, iter, part);
		bytes -= part;
	}
	return crc;
}

u32 remap_crcs_of_pages(struct page **pages, unsigned int pos, unsigned int bytes)
{
	u32 crc = ~0;

	while (bytes) {
		unsigned int offset = offset_in_page(pos);
		unsigned int part = min_t(unsigned int, bytes, PAGE_SIZE - offset);

		crc = crc32c(crc, page_address(pages[pos >> PAGE_SHIFT]) + offset, part);
		pos += part;
		bytes -= part;
	}
	return crc;
}

static u64 remap_crcs_begin_word(atomic64_t *word, bool has_data, u32 crc)
{
	s64 old = atomic64_read(word);

	while (!atomic64_try_cmpxchg(word, &old, remap_word_begin(old, has_data, crc)))
		;
	return old;
}

/**
 * remap_crcs_write_begin() - A bio that changes content is about to be submitted.
 * @crcs: where
 * @bio: its iterator is at the data, and does not reach beyond what is submitted as this bio
 * @sector: where it begins
 *
 * Does not sleep. remap_crcs_write_end() must follow exactly once, with the same sectors, when the
 * bio is about to be completed upwards, for whatever reason.
 */
void remap_crcs_write_begin(struct remap_crcs *crcs, struct bio *bio, sector_t sector)
{
	struct remap_blocks all = remap_crcs_blocks(crcs, sector, bio_sectors(bio)), part;
	bool has_data = bio_op(bio) == REQ_OP_WRITE &&
			remap_crcs_aligned(crcs, sector, bio_sectors(bio));
	unsigned int bytes = crcs->unit << SECTOR_SHIFT;
	struct bvec_iter iter = bio->bi_iter;
	u64 block, forgotten = 0;
	u32 crc = 0;

	if (has_data)
		remap_crcs_grow_all(crcs, &all);
	for (; all.first <= all.last; all.first = part.last + 1) {
		atomic64_t *word = remap_crcs_words(crcs, &all, &part);

		if (!word)
			word = remap_crcs_go_blind(crcs, &all, &part);
		if (!word) {
			if (has_data)
				bio_advance_iter(bio, &iter, (part.last - part.first + 1) * bytes);
			continue;
		}
		for (block = part.first; block <= part.last; block++, word++) {
			if (has_data)
				crc = remap_crcs_of_bio(bio, &iter, bytes);
			forgotten += remap_word_known(remap_crcs_begin_word(word, has_data, crc));
		}
	}
	if (forgotten)
		atomic64_sub(forgotten, &crcs->known);
}

static bool remap_crcs_end_word(atomic64_t *word, bool ok)
{
	s64 old = atomic64_read(word), new;

	do
		new = remap_word_end(old, ok);
	while (!atomic64_try_cmpxchg(word, &old, new));
	return remap_word_known(new) && !remap_word_known(old);
}

/**
 * remap_crcs_write_end() - What remap_crcs_write_begin() has begun has ended.
 * @crcs: where
 * @sector: as it began
 * @sectors: as it began
 * @ok: the content of all its sectors is what it was to be
 *
 * Comes before the bio's completion is passed up. In any context.
 */
void remap_crcs_write_end(struct remap_crcs *crcs, sector_t sector, sector_t sectors, bool ok)
{
	struct remap_blocks all = remap_crcs_blocks(crcs, sector, sectors), part;
	u64 block, learned = 0;
	unsigned long flags;

	for (; all.first <= all.last; all.first = part.last + 1) {
		atomic64_t *word = remap_crcs_words(crcs, &all, &part);

		if (!word) {
			xa_lock_irqsave(&crcs->chunks, flags);
			remap_crcs_count_blind(crcs, &part, -1);
			xa_unlock_irqrestore(&crcs->chunks, flags);
			continue;
		}
		for (block = part.first; block <= part.last; block++, word++)
			learned += remap_crcs_end_word(word, ok);
	}
	if (learned)
		atomic64_add(learned, &crcs->known);
}

/**
 * remap_crcs_forget() - The content of these sectors has been given up; what they hold is unknown.
 * @crcs: where
 * @first: first sector
 * @last: last sector
 */
void remap_crcs_forget(struct remap_crcs *crcs, sector_t first, sector_t last)
{
	struct remap_blocks all = remap_crcs_blocks(crcs, first, last - first + 1), part;
	u64 block, forgotten = 0;

	for (; all.first <= all.last; all.first = part.last + 1) {
		atomic64_t *word = remap_crcs_words(crcs, &all, &part);

		for (block = part.first; word && block <= part.last; block++, word++) {
			s64 old = atomic64_read(word);

			while (!atomic64_try_cmpxchg(word, &old, remap_word_forget(old)))
				;
			forgotten += remap_word_known(old);
		}
	}
	atomic64_sub(forgotten, &crcs->known);
}

/* The word of the block of a sector; 0 if nothing was ever known of it. */
u64 remap_crcs_word(struct remap_crcs *crcs, sector_t sector)
{
	u64 block = sector >> crcs->unit_shift;
	atomic64_t *words = xa_load(&crcs->chunks, block / REMAP_CRCS_CHUNK);

	return words ? atomic64_read(&words[block % REMAP_CRCS_CHUNK]) : 0;
}

/**
 * remap_crcs_knows() - Can any of these sectors be verified now? In any context.
 * @crcs: where
 * @sector: first sector
 * @sectors: how many
 *
 * Return: whether there is a checksum of at least one of their blocks.
 */
bool remap_crcs_knows(struct remap_crcs *crcs, sector_t sector, sector_t sectors)
{
	struct remap_blocks all = remap_crcs_blocks(crcs, sector, sectors), part;
	u64 block;

	for (; all.first <= all.last; all.first = part.last + 1) {
		atomic64_t *word = remap_crcs_words(crcs, &all, &part);

		for (block = part.first; word && block <= part.last; block++, word++)
			if (remap_word_known(atomic64_read(word)))
				return true;
	}
	return false;
}
