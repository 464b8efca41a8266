// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/dm-remap-verify.c in user space: writes and discards that overlap, over a device of many
 * chunks of which some cannot be had when they are wanted. What is known has to be what the medium
 * holds, in every state; and in the end nothing may be counted as under way.
 */
#include "dm-remap-verify.c"

#define CHUNKS 150		/* more than there are buckets */
#define BLOCKS (CHUNKS * 512ul)
#define IN_FLIGHT 12
#define MAX_BLOCKS 1600

struct request {
	bool active, landed, ok;
	struct bio bio;
	sector_t sector;
	unsigned int sectors;
};

unsigned long allocation_failures;
static unsigned long begun_blind, seen_known, forgotten;
static unsigned int seed, unit;
static u32 *medium;		/* a block's first word; ~0: anything */
static struct request requests[IN_FLIGHT];
static struct remap_crcs *crcs;

static unsigned int below(unsigned int end)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % end;
}

bool chance(unsigned int one_in)
{
	return !below(one_in);
}

static void fail(const char *what, unsigned long block)
{
	printf("%s: block %lu, unit %u\n", what, block, unit);
	exit(1);
}

static void check_block(unsigned long block)
{
	char data[4096] = {};
	u64 word = remap_crcs_word(crcs, (sector_t)block * unit);

	if (!remap_word_known(word))
		return;
	seen_known++;
	*(u32 *)data = medium[block];
	if (medium[block] == ~0u || (u32)word != crc32c(~0u, data, unit << SECTOR_SHIFT))
		fail("known, and wrong", block);
}

static void check_range(const struct request *req)
{
	unsigned long block = req->sector / unit, last = block + req->sectors / unit;

	for (; block < last; block++)
		check_block(block);
}

/* Most of it near the places where bucket numbers meet again. */
static unsigned long anywhere(void)
{
	return chance(2) ? below(1200) + 512ul * 64 * below(2) : below(BLOCKS - MAX_BLOCKS);
}

static void begin(struct request *req)
{
	unsigned long count = 1 + below(chance(3) ? MAX_BLOCKS : 40), first = anywhere(), i;

	*req = (struct request) {
		.active = true, .ok = !chance(6), .sector = first * unit, .sectors = count * unit,
		.bio = { .op = chance(5) ? REQ_OP_DISCARD : REQ_OP_WRITE },
	};
	req->bio.bi_iter.bi_size = req->sectors << SECTOR_SHIFT;
	req->bio.data = calloc(req->sectors, 512);
	for (i = 0; i < count; i++)
		*(u32 *)(req->bio.data + (i * unit << SECTOR_SHIFT)) = below(1u << 24);
	remap_crcs_write_begin(crcs, &req->bio, req->sector);
	for (i = 0; i < REMAP_CRCS_BUCKETS; i++)
		begun_blind += crcs->blind[i];
}

static void land(struct request *req)
{
	unsigned long i, first = req->sector / unit;

	for (i = 0; i < req->sectors / unit; i++)
		medium[first + i] = req->bio.op == REQ_OP_DISCARD ? ~0u :
				    *(u32 *)(req->bio.data + (i * unit << SECTOR_SHIFT));
	req->landed = true;
}

static void end(struct request *req)
{
	if (!req->landed && (req->ok || chance(2)))
		land(req);
	remap_crcs_write_end(crcs, req->sector, req->sectors, req->ok);
	free(req->bio.data);
	req->active = false;
}

/* Blocks of one chunk or of several that nobody is writing. */
static void forget(void)
{
	unsigned long first = anywhere(), count = 1 + below(MAX_BLOCKS), i;

	for (i = 0; i < IN_FLIGHT; i++) {
		unsigned long from = requests[i].sector / unit;

		if (requests[i].active && from < first + count &&
		    from + requests[i].sectors / unit > first)
			return;
	}
	for (i = first; i < first + count; i++) {
		forgotten += remap_word_known(remap_crcs_word(crcs, (sector_t)i * unit));
		medium[i] = ~0u;
	}
	remap_crcs_forget(crcs, first * unit, (first + count) * unit - 1);
}

static void check_all(void)
{
	u64 known = 0, blocks, bytes, chunks = 0;
	unsigned long i;

	for (i = 0; i < BLOCKS; i++) {
		check_block(i);
		known += remap_word_known(remap_crcs_word(crcs, (sector_t)i * unit));
	}
	for (i = 0; i < CHUNKS; i++)
		chunks += !!crcs->chunks.slots[i];
	remap_crcs_sums(crcs, &blocks, &bytes);
	if (blocks != known || bytes != chunks * PAGE_SIZE)
		fail("the sums are wrong", blocks);
	if ((unsigned long)remap_crcs_pages.counter != chunks)
		fail("pages are counted wrongly", chunks);
}

static void check_idle(void)
{
	unsigned long i;

	for (i = 0; i < REMAP_CRCS_BUCKETS; i++)
		if (crcs->blind[i])
			fail("still blind", i);
	for (i = 0; i < BLOCKS; i++)
		if (remap_word_writers(remap_crcs_word(crcs, (sector_t)i * unit)))
			fail("still being written", i);
}

static void run(unsigned int steps)
{
	unsigned int step, i;

	for (step = 0; step < steps; step++) {
		struct request *req = &requests[below(IN_FLIGHT)];

		if (!req->active)
			begin(req);
		else if (!req->landed && chance(2))
			land(req);
		else
			end(req);
		check_range(req);
		if (chance(20))
			remap_verify_memory_mib = chance(2);
		if (chance(50))
			forget();
		if (chance(100))
			check_all();
	}
	for (i = 0; i < IN_FLIGHT; i++)
		if (requests[i].active)
			end(&requests[i]);
	check_all();
	check_idle();
}

int main(void)
{
	for (seed = 1, unit = 1; unit <= 8; unit *= 8) {
		medium = calloc(BLOCKS, sizeof(*medium));
		memset(medium, 0xff, BLOCKS * sizeof(*medium));
		crcs = remap_crcs_create(unit);
		run(6000);
		remap_crcs_destroy(crcs);
		if (remap_crcs_pages.counter)
			fail("pages are left", remap_crcs_pages.counter);
		free(medium);
	}
	printf("known=%lu forgotten=%lu blind=%lu failures=%lu\n", seen_known, forgotten,
	       begun_blind, allocation_failures);
	return 0;
}
