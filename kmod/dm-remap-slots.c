// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slot allocator.
 *
 * A run of slots is kept congruent with its main sectors modulo the spare's physical block, so
 * that I/O which was aligned on main is aligned on the spare too. Only when no congruent slot is
 * left do others serve: an unaligned slot is slow, a full spare is an error.
 *
 * The caller serialises everything here (the target's move_lock).
 */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dm-remap-slots.h"

/* The longest run that one search looks for. */
#define REMAP_MAX_RUN BIT(20)

static unsigned int remap_nr_phases(const struct remap_slots *slots)
{
	return slots->align / slots->unit;
}

static unsigned int remap_phase_of(const struct remap_slots *slots, sector_t sector)
{
	return (sector & (slots->align - 1)) / slots->unit;
}

/* The first slot at or after @slot whose spare sector is of @phase. */
static u64 remap_slot_of_phase(const struct remap_slots *slots, u64 slot, unsigned int phase)
{
	u64 want = (u64)phase * slots->unit - slots->start - slot;

	return slot + (want & (slots->align - 1));
}

/**
 * remap_slots_init() - All slots free.
 * @slots: to set up
 * @start: spare sector of the first slot; a multiple of @unit
 * @total: slots; a multiple of @unit
 * @unit: sectors of a logical block, a power of two
 * @align: sectors of a physical block, a power of two and at least @unit
 *
 * Return: 0, -E2BIG if the bitmap could not be addressed, -ENOMEM.
 */
int remap_slots_init(struct remap_slots *slots, sector_t start, u64 total, unsigned int unit,
		     unsigned int align)
{
	/* kvmalloc() hands out no more than INT_MAX bytes. */
	if (total > (u64)INT_MAX * BITS_PER_BYTE / 2)
		return -E2BIG;

	*slots = (struct remap_slots) {
		.start = start, .total = total, .unit = unit,
		.align = min(align, REMAP_MAX_PHASES * unit),
	};
	xa_init(&slots->bad);
	slots->used = kvcalloc(BITS_TO_LONGS(total), sizeof(long), GFP_KERNEL);
	return slots->used ? 0 : -ENOMEM;
}

void remap_slots_exit(struct remap_slots *slots)
{
	kvfree(slots->used);
	xa_destroy(&slots->bad);
}

/* The bitmap's own functions count in unsigned int; runs are never that long, but bitmaps are. */
static void remap_bits_set(unsigned long *bits, u64 first, unsigned int count)
{
	bitmap_set(bits + BIT_WORD(first), first % BITS_PER_LONG, count);
}

static void remap_bits_clear(unsigned long *bits, u64 first, unsigned int count)
{
	bitmap_clear(bits + BIT_WORD(first), first % BITS_PER_LONG, count);
}

/* A free run of exactly @count slots of @phase, or slots->total. */
static u64 remap_slots_find(struct remap_slots *slots, unsigned int phase, u64 count)
{
	u64 from = remap_slot_of_phase(slots, slots->from[phase], phase);
	u64 slot;

	if (from >= slots->total)
		return slots->total;
	/* The search aligns (slot + offset), so the offset is what makes @from aligned. */
	slot = bitmap_find_next_zero_area_off(slots->used, slots->total, from, count,
					      slots->align - 1, -from & (slots->align - 1));
	if (count == slots->unit)
		slots->from[phase] = min(slot, slots->total);
	return min(slot, slots->total);
}

/**
 * remap_slots_take() - Take a run of slots.
 * @slots: the spare's slots
 * @main_sector: sector of the main device that the run is for; sets its alignment
 * @want: sectors; a multiple of the unit
 * @spare_sector: where the run starts
 *
 * Return: how many sectors were taken, at least one unit and at most @want; 0 if none is free.
 */
u64 remap_slots_take(struct remap_slots *slots, sector_t main_sector, u64 want,
		     sector_t *spare_sector)
{
	unsigned int phase = remap_phase_of(slots, main_sector), i;
	u64 slot = slots->total, count;

	/* Halve the run until one fits. */
	for (count = min_t(u64, want, REMAP_MAX_RUN); slot == slots->total; ) {
		slot = remap_slots_find(slots, phase, count);
		if (slot < slots->total || count == slots->unit)
			break;
		count = max_t(u64, slots->unit, rounddown(count / 2, (u64)slots->unit));
	}
	for (i = 0; i < remap_nr_phases(slots) && slot == slots->total; i++)
		slot = remap_slots_find(slots, i, count);
	if (slot == slots->total)
		return 0;

	remap_bits_set(slots->used, slot, count);
	*spare_sector = slots->start + slot;
	return count;
}

/**
 * remap_slots_claim() - Take the very slots that somebody says are taken.
 * @slots: the spare's slots
 * @spare_sector: where the run starts
 * @count: its sectors; it lies inside the slots
 *
 * Return: false if one of them is taken already.
 */
bool remap_slots_claim(struct remap_slots *slots, sector_t spare_sector, u64 count)
{
	u64 slot = spare_sector - slots->start;

	if (find_next_bit(slots->used, slot + count, slot) < slot + count)
		return false;
	remap_bits_set(slots->used, slot, count);
	return true;
}

/**
 * remap_slots_free() - Give a run back, but for the slots in it that have gone bad.
 * @slots: the spare's slots
 * @spare_sector: where the run starts
 * @count: its sectors
 */
void remap_slots_free(struct remap_slots *slots, sector_t spare_sector, u64 count)
{
	u64 slot = spare_sector - slots->start;
	unsigned long index = slot / slots->unit;
	unsigned int phase;
	void *bad;

	remap_bits_clear(slots->used, slot, count);
	xa_for_each_range(&slots->bad, index, bad, index, (slot + count - 1) / slots->unit)
		remap_bits_set(slots->used, (u64)index * slots->unit, slots->unit);
	for (phase = 0; phase < remap_nr_phases(slots); phase++)
		slots->from[phase] = min(slots->from[phase], slot);
}

/* I/O may be waiting: rather fail than wait for memory that it is to set free. */
#define REMAP_SLOTS_GFP (GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)

static unsigned long remap_slot_index(const struct remap_slots *slots, sector_t spare_sector)
{
	return (spare_sector - slots->start) / slots->unit;
}

/* So that remap_slots_mark_bad() will not fail for this slot. Return: 0 or -ENOMEM. */
int remap_slots_prepare_bad(struct remap_slots *slots, sector_t spare_sector)
{
	return xa_reserve(&slots->bad, remap_slot_index(slots, spare_sector), REMAP_SLOTS_GFP);
}

/**
 * remap_slots_mark_bad() - Never hand a unit of slots out again.
 * @slots: the spare's slots
 * @spare_sector: the first of them; they are taken now
 *
 * Return: 0 or -ENOMEM.
 */
int remap_slots_mark_bad(struct remap_slots *slots, sector_t spare_sector)
{
	return xa_err(xa_store(&slots->bad, remap_slot_index(slots, spare_sector),
			       xa_mk_value(1), REMAP_SLOTS_GFP));
}

/* It is not bad after all; it stays taken. */
void remap_slots_unmark_bad(struct remap_slots *slots, sector_t spare_sector)
{
	xa_erase(&slots->bad, remap_slot_index(slots, spare_sector));
}
