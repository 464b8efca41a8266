/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include "dm-remap-core.h"

#define XA_FLAGS_LOCK_IRQ 0
#define XA_PRESENT 0
#define XA_SLOTS 256

struct xarray {
	void *slots[XA_SLOTS];
};

#define xa_init_flags(xa, flags) memset(xa, 0, sizeof(*(xa)))
#define xa_destroy(xa) do { } while (0)
#define xa_lock_irqsave(xa, flags) ((void)(flags = 0))
#define xa_unlock_irqrestore(xa, flags) ((void)(flags))
#define xa_load(xa, index) ((xa)->slots[index])
#define xa_for_each(xa, index, entry)				\
	for ((index) = 0; (index) < XA_SLOTS; (index)++)	\
		if (((entry) = (xa)->slots[index]))

static inline void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
			    unsigned int filter)
{
	for (; *index <= max; (*index)++)
		if (xa->slots[*index])
			return xa->slots[*index];
	return NULL + filter;
}

/* Fails now and then, as for want of memory. */
static inline void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry,
				 gfp_t gfp)
{
	void *was = xa->slots[index];

	if (was != old)
		return was;
	if (chance(8))
		return (void *)-1 + gfp;
	xa->slots[index] = entry;
	return old;
}

#endif
