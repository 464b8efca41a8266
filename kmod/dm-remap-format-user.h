/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dm-remap-format.h needs of the kernel, for user space. Little-endian machines only, as the
 * tests run on.
 */
#ifndef DM_REMAP_FORMAT_USER_H
#define DM_REMAP_FORMAT_USER_H

#include <endian.h>
#include <linux/types.h>
#include <stddef.h>
#include <string.h>

#define __packed __attribute__((__packed__))
#define cpu_to_le32 htole32
#define cpu_to_le64 htole64
#define le32_to_cpu le32toh
#define le64_to_cpu le64toh

/* The kernel's crc32c(): no inversion before or after; a bit at a time. */
static inline __u32 crc32c(__u32 crc, const void *data, size_t size)
{
	const __u8 *bytes = data;
	size_t i;
	int bit;

	for (i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

static inline const void *memchr_inv(const void *data, int c, size_t size)
{
	const __u8 *bytes = data;

	for (; size; bytes++, size--)
		if (*bytes != (__u8)c)
			return bytes;
	return NULL;
}

#endif
