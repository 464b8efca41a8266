/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes to metadata that know its structure, and seal what they changed. */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <linux/types.h>
#include <stddef.h>

size_t mutate_image(__u8 *data, size_t size, size_t room, unsigned int seed);
/* Blocks of one image amidst those of another. */
size_t cross_images(const __u8 *one, size_t one_size, const __u8 *other, size_t other_size,
		    __u8 *out, size_t room, unsigned int seed);

#endif
