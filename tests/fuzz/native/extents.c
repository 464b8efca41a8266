// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "extents.h"

static __u64 start_of(const struct remap_extent *extent)
{
	return extent->state == REMAP_DISK_BAD ? extent->slot : extent->first;
}

static __u64 end_of(const struct remap_extent *extent)
{
	return start_of(extent) + extent->len;
}

/* The first one that ends behind @at. */
static size_t find(const struct extents *extents, __u64 at)
{
	size_t low = 0, high = extents->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (end_of(&extents->at[middle]) > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void insert(struct extents *extents, size_t index, struct remap_extent extent)
{
	if (extents->count == extents->room) {
		extents->room = extents->room ? 2 * extents->room : 64;
		extents->at = realloc(extents->at, extents->room * sizeof(*extents->at));
		if (!extents->at)
			abort();
	}
	if (index < extents->count)
		memmove(extents->at + index + 1, extents->at + index,
			(extents->count - index) * sizeof(*extents->at));
	extents->at[index] = extent;
	extents->count++;
}

static void cut_front(struct remap_extent *extent, __u64 by)
{
	if (extent->state != REMAP_DISK_BAD)
		extent->first += by;
	if (remap_extent_has_slot(extent))
		extent->slot += by;
	extent->len -= by;
}

/* Forgets all from @start up to @end. Gives back where something may be put in. */
static size_t forget(struct extents *extents, __u64 start, __u64 end)
{
	size_t index = find(extents, start), last;
	struct remap_extent *extent;

	if (index < extents->count && start_of(&extents->at[index]) < start) {
		struct remap_extent rest = extents->at[index];

		extent = &extents->at[index];
		if (end_of(extent) > end) {
			cut_front(&rest, end - start_of(&rest));
			insert(extents, index + 1, rest);
			extent = &extents->at[index];
		}
		extent->len = start - start_of(extent);
		index++;
	}
	for (last = index; last < extents->count && end_of(&extents->at[last]) <= end; last++)
		;
	if (last > index) {
		memmove(extents->at + index, extents->at + last,
			(extents->count - last) * sizeof(*extents->at));
		extents->count -= last - index;
	}
	if (index < extents->count && start_of(&extents->at[index]) < end)
		cut_front(&extents->at[index], end - start_of(&extents->at[index]));
	return index;
}

void table_init(struct table *table, const struct remap_layout *layout)
{
	memset(table, 0, sizeof(*table));
	table->slots_start = layout->slots_start;
	table->slots = layout->slots;
	table->taken = calloc(layout->slots / 8 + 1, 1);
	if (!table->taken)
		abort();
}

void table_free(struct table *table)
{
	free(table->sectors.at);
	free(table->bad.at);
	free(table->taken);
}

static void release(struct table *table, __u64 slot, __u64 count)
{
	for (slot -= table->slots_start; count; slot++, count--)
		table->taken[slot / 8] &= ~(1u << slot % 8);
}

static int claim(struct table *table, __u64 slot, __u64 count)
{
	for (slot -= table->slots_start; count; slot++, count--) {
		if (table->taken[slot / 8] >> slot % 8 & 1)
			return 0;
		table->taken[slot / 8] |= 1u << slot % 8;
	}
	return 1;
}

/* The slots that these sectors have. */
static void release_of(struct table *table, __u64 start, __u64 end)
{
	size_t index;

	for (index = find(&table->sectors, start); index < table->sectors.count; index++) {
		const struct remap_extent *extent = &table->sectors.at[index];
		__u64 from = extent->first > start ? extent->first : start;
		__u64 to = end_of(extent) < end ? end_of(extent) : end;

		if (from >= to)
			break;
		if (remap_extent_has_slot(extent))
			release(table, extent->slot + (from - extent->first), to - from);
	}
}

const char *table_apply(struct table *table, const struct remap_extent *extent)
{
	struct extents *to = extent->state == REMAP_DISK_BAD ? &table->bad : &table->sectors;
	size_t index;

	if (extent->state != REMAP_DISK_BAD)
		release_of(table, extent->first, end_of(extent));
	if (remap_extent_has_slot(extent) && !claim(table, extent->slot, extent->len))
		return "a slot is used twice";
	index = forget(to, start_of(extent), end_of(extent));
	if (extent->state != REMAP_DISK_MAIN)
		insert(to, index, *extent);
	return NULL;
}

static int joins(const struct remap_extent *one, const struct remap_extent *next)
{
	return one->state == next->state && end_of(one) == start_of(next) &&
	       (!remap_extent_has_slot(one) || one->slot + one->len == next->slot) &&
	       one->len + next->len > one->len;
}

void extents_join(struct extents *extents)
{
	size_t i, count = 0;

	for (i = 0; i < extents->count; i++) {
		if (count && joins(&extents->at[count - 1], &extents->at[i]))
			extents->at[count - 1].len += extents->at[i].len;
		else
			extents->at[count++] = extents->at[i];
	}
	extents->count = count;
}
