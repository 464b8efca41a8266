// SPDX-License-Identifier: GPL-2.0-only
#ifndef XXH32_H
#define XXH32_H

#include <stdint.h>

/* XXH32 with seed 0, for input of at least 16 bytes: plain C reaches the speed of memory. */
static uint32_t rotate(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

static uint32_t checksum_of(const uint8_t *data, uint64_t size)
{
	const uint32_t p1 = 2654435761U, p2 = 2246822519U, p3 = 3266489917U, p4 = 668265263U;
	const uint32_t p5 = 374761393U;
	uint32_t a = p1 + p2, b = p2, c = 0, d = 0 - p1, hash;
	const uint32_t *word = (const uint32_t *)data;
	const uint8_t *byte;
	uint64_t left;

	for (left = size; left >= 16; left -= 16, word += 4) {
		a = rotate(a + word[0] * p2, 13) * p1;
		b = rotate(b + word[1] * p2, 13) * p1;
		c = rotate(c + word[2] * p2, 13) * p1;
		d = rotate(d + word[3] * p2, 13) * p1;
	}
	hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) + (uint32_t)size;
	for (; left >= 4; left -= 4, word++)
		hash = rotate(hash + *word * p3, 17) * p4;
	for (byte = (const uint8_t *)word; left; left--, byte++)
		hash = rotate(hash + *byte * p5, 11) * p1;
	hash = (hash ^ hash >> 15) * p2;
	hash = (hash ^ hash >> 13) * p3;
	return hash ^ hash >> 16;
}

#endif
