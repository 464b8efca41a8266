/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dm-remap-format.h with a CRC that is fast enough for millions of blocks: include this first. The
 * plain one of dm-remap-format-user.h stays there as crc32c_plain().
 */
#ifndef FUZZ_QUICK_CRC_H
#define FUZZ_QUICK_CRC_H

#define crc32c crc32c_plain
#include "dm-remap-format-user.h"
#undef crc32c

/* Eight bytes at a time; nothing in here is what the fuzzer looks for. */
#if defined(__clang__)
#define QUICK __attribute__((no_sanitize("address", "undefined", "coverage")))
#else
#define QUICK
#endif

/* One for all sources of a program. */
extern __u32 quick_table[8][256];

void quick_crc_init(void);

QUICK static inline __u32 crc32c(__u32 crc, const void *data, size_t size)
{
	const __u8 *at = data;

	for (; size >= 8; size -= 8, at += 8) {
		crc ^= at[0] | at[1] << 8 | at[2] << 16 | (__u32)at[3] << 24;
		crc = quick_table[7][crc & 255] ^ quick_table[6][crc >> 8 & 255] ^
		      quick_table[5][crc >> 16 & 255] ^ quick_table[4][crc >> 24] ^
		      quick_table[3][at[4]] ^ quick_table[2][at[5]] ^
		      quick_table[1][at[6]] ^ quick_table[0][at[7]];
	}
	for (; size; size--, at++)
		crc = crc >> 8 ^ quick_table[0][(crc ^ *at) & 255];
	return crc;
}

#endif
