// SPDX-License-Identifier: GPL-2.0-only
#include "quick_crc.h"

__u32 quick_table[8][256];

void quick_crc_init(void)
{
	unsigned int i, k;
	__u8 byte;

	for (i = 0; i < 256; i++) {
		byte = i;
		quick_table[0][i] = crc32c_plain(0, &byte, 1);
	}
	for (i = 0; i < 256; i++)
		for (k = 1; k < 8; k++)
			quick_table[k][i] = quick_table[k - 1][i] >> 8 ^
					    quick_table[0][quick_table[k - 1][i] & 255];
}
