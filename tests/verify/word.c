// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/dm-remap-verify-word.h in user space: every order in which up to four writes to one block
 * can begin, reach the medium, and end, each with data or without, each well or failed; with
 * forgetting and reading in between. A word may say "known" only of what the medium holds.
 *
 * Prints "states=<n> known=<n>", or what went wrong, and then exits with 1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dm-remap-verify-word.h"

#define MAX_WRITERS 4
#define ANYTHING 99		/* what a discard leaves */

enum stage { WAITING, BEGUN, LANDED, ENDED };

struct world {
	u64 word;
	u32 medium;		/* the "CRC" of what it holds */
	bool rotten;		/* it was forgotten with nothing in flight: nothing is known */
	enum stage stage[MAX_WRITERS];
};

static unsigned int writers, has_data, ok;
static unsigned long states, known;

static void fail(const char *what, const struct world *w)
{
	printf("%s: writers=%u has_data=%x ok=%x word=%llx medium=%x\n", what, writers, has_data,
	       ok, (unsigned long long)w->word, w->medium);
	exit(1);
}

static u32 content(unsigned int i)
{
	return has_data >> i & 1 ? 0xc0de0000 + i : ANYTHING;
}

static unsigned int in_flight(const struct world *w)
{
	unsigned int n = 0, i;

	for (i = 0; i < writers; i++)
		n += w->stage[i] == BEGUN || w->stage[i] == LANDED;
	return n;
}

static void check(const struct world *w)
{
	states++;
	if (!!remap_word_writers(w->word) != !!in_flight(w))
		fail("writers are counted wrongly", w);
	if (!remap_word_known(w->word))
		return;
	known++;
	if (in_flight(w))
		fail("known while a write is in flight", w);
	if ((u32)w->word != w->medium)
		fail("known, and wrong", w);
	if (w->rotten)
		fail("known after it was forgotten", w);
}

/* The last write that was alone all the time and went well has to be known. */
static void check_end(const struct world *w, bool alone, unsigned int last)
{
	bool expected = alone && has_data >> last & 1 && ok >> last & 1;

	if (expected && !remap_word_known(w->word))
		fail("not known after a write that was alone", w);
}

static void explore(struct world w, bool forgets)
{
	unsigned int i;

	check(&w);
	for (i = 0; i < writers; i++) {
		struct world next = w;

		switch (w.stage[i]) {
		case WAITING:
			/* They differ in nothing but has_data and ok, which take all values. */
			if (i && w.stage[i - 1] == WAITING)
				break;
			next.word = remap_word_begin(w.word, has_data >> i & 1, 0xc0de0000 + i);
			if (next.word == w.word)
				fail("a begin leaves no trace", &w);
			next.stage[i] = BEGUN;
			next.rotten = false;
			explore(next, forgets);
			break;
		case BEGUN:
			next.medium = content(i);
			next.stage[i] = LANDED;
			explore(next, forgets);
			/* A failed one may also end without having reached the medium. */
			if (ok >> i & 1)
				break;
			next = w;
			/* fall through */
		case LANDED:
			next.word = remap_word_end(w.word, ok >> i & 1);
			next.stage[i] = ENDED;
			explore(next, forgets);
			break;
		case ENDED:
			break;
		}
	}
	if (forgets) {
		struct world next = w;

		next.word = remap_word_forget(w.word);
		next.rotten = !in_flight(&w);
		if (next.rotten)
			next.medium = ANYTHING;
		explore(next, false);
	}
}

static void sequential(void)
{
	struct world w = {};
	unsigned int i;

	for (i = 0; i < writers; i++) {
		w.word = remap_word_begin(w.word, has_data >> i & 1, 0xc0de0000 + i);
		w.word = remap_word_end(w.word, ok >> i & 1);
		check_end(&w, true, i);
	}
}

/* More writes at once than can be counted: never known again, and never out of step. */
static void saturate(void)
{
	const unsigned int many = 3 * (REMAP_WORD_WRITERS / REMAP_WORD_WRITER);
	struct world w = {};
	unsigned int i;

	writers = 0;
	for (i = 0; i < many; i++)
		w.word = remap_word_begin(w.word, true, i);
	for (i = 0; i < many; i++)
		w.word = remap_word_end(w.word, true);
	w.word = remap_word_end(remap_word_begin(w.word, true, 7), true);
	if (remap_word_known(w.word) || !remap_word_writers(w.word))
		fail("more writes than can be counted", &w);
}

/* The same content again and again is still another word each time: turns. */
static void turns(void)
{
	u64 word = remap_word_end(remap_word_begin(0, true, 5), true), first = word;
	unsigned int i, most = REMAP_WORD_TURNS / REMAP_WORD_TURN;
	struct world w = {};

	for (i = 0; i < most; i++) {
		word = remap_word_end(remap_word_begin(word, true, 5), true);
		w.word = word;
		if (word == first || (u32)word != 5 || !remap_word_known(word))
			fail("a turn is lost", &w);
	}
}

int main(void)
{
	for (writers = 1; writers <= MAX_WRITERS; writers++)
		for (has_data = 0; has_data < 1u << writers; has_data++)
			for (ok = 0; ok < 1u << writers; ok++) {
				explore((struct world) {}, writers < MAX_WRITERS);
				sequential();
			}
	saturate();
	turns();
	printf("states=%lu known=%lu\n", states, known);
	return 0;
}
