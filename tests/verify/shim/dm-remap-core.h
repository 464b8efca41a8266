/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/dm-remap-verify.c takes of the kernel, for one thread in user space. */
#ifndef DM_REMAP_CORE_H
#define DM_REMAP_CORE_H

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE 4096ul
#define PAGE_SHIFT 12
#define SECTOR_SHIFT 9

typedef uint64_t sector_t;
typedef int64_t s64;
typedef unsigned int gfp_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { long counter; } atomic_long_t;

#define GFP_KERNEL 0
#define GFP_NOWAIT 0
#define __GFP_NOWARN 0
#define BLK_FEAT_STABLE_WRITES 1
#define ATOMIC_LONG_INIT(value) { value }
#define module_param_named(...)
#define MODULE_PARM_DESC(...)
#define READ_ONCE(value) (value)
#define WRITE_ONCE(to, value) ((to) = (value))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define offset_in_page(pos) ((pos) % PAGE_SIZE)
#define ilog2(value) (31 - __builtin_clz(value))
#define cond_resched() do { } while (0)
#define DMINFO(...) do { } while (0)

#define atomic64_read(v) ((v)->counter)
#define atomic64_add(by, v) ((v)->counter += (by))
#define atomic64_sub(by, v) ((v)->counter -= (by))
#define atomic_long_inc_return(v) (++(v)->counter)
#define atomic_long_dec(v) ((v)->counter--)

static inline bool atomic64_try_cmpxchg(atomic64_t *v, s64 *old, s64 new)
{
	if (v->counter != *old) {
		*old = v->counter;
		return false;
	}
	v->counter = new;
	return true;
}

/* One time in so many; the test says what comes. */
bool chance(unsigned int one_in);
extern unsigned long allocation_failures;

#define kzalloc(size, gfp) calloc(1, size)
#define kfree(p) free(p)
#define free_page(p) free((void *)(p))

static inline unsigned long get_zeroed_page(gfp_t gfp)
{
	if (chance(3)) {
		allocation_failures++;
		return gfp;
	}
	return (unsigned long)calloc(1, PAGE_SIZE);
}

struct page;
#define page_address(page) ((char *)(page))

struct remap_c;
struct dm_target;
struct queue_limits { unsigned int features; };
typedef int blk_status_t;

enum { REQ_OP_WRITE, REQ_OP_DISCARD };

struct bvec_iter {
	sector_t bi_sector;
	unsigned int bi_size;
	unsigned int done;
};

struct bio_vec {
	char *data;
	unsigned int bv_len;
};

struct bio {
	int op;
	struct bvec_iter bi_iter;
	char *data;
};

#define bio_op(bio) ((bio)->op)
#define bio_sectors(bio) ((bio)->bi_iter.bi_size >> SECTOR_SHIFT)
#define bvec_kmap_local(vec) ((vec)->data)
#define kunmap_local(p) ((void)(p))
#define bio_advance_iter_single(bio, iter, bytes) bio_advance_iter(bio, iter, bytes)

/* Whole sectors, but not whole blocks. */
static inline struct bio_vec bio_iter_iovec(struct bio *bio, struct bvec_iter iter)
{
	unsigned int rest = 1536 - iter.done % 1536;

	return (struct bio_vec) { bio->data + iter.done, min(rest, iter.bi_size) };
}

static inline void bio_advance_iter(struct bio *bio, struct bvec_iter *iter, unsigned int bytes)
{
	(void)bio;
	iter->bi_size -= bytes;
	iter->done += bytes;
}

#endif
