// SPDX-License-Identifier: GPL-2.0-only
/*
 * The remap table: tree, filter and sums.
 *
 * Readers walk the tree under RCU and take no lock. Every change is a store over a range; a store
 * over exactly the range of an existing entry replaces one pointer and allocates nothing (see
 * mas_wr_modify() in lib/maple_tree.c), which is what makes the end of a move infallible.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "dm-remap-table.h"

/* Regions are as small as 4 KiB, as long as the filter stays below 4 MiB. */
#define REMAP_FILTER_MIN_SHIFT 3
#define REMAP_FILTER_MAX_BITS (4ul << 20 << 3)

/*
 * I/O may be waiting for the store: rather fail than wait for memory that it is to set free.
 * Every caller has a way out.
 */
#define REMAP_GFP (GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)

/**
 * remap_table_create() - An empty table.
 * @len: sectors of the target
 * @spare_start: spare sector of the first slot
 * @slots: how many slots there are
 * @unit: sectors of main's logical block
 * @align: sectors of the spare's physical block
 *
 * Return: the table or an ERR_PTR().
 */
struct remap_table *remap_table_create(sector_t len, sector_t spare_start, u64 slots,
				       unsigned int unit, unsigned int align)
{
	struct remap_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	int r = -ENOMEM;

	if (!table)
		return ERR_PTR(-ENOMEM);
	table->counters = kzalloc(sizeof(*table->counters), GFP_KERNEL);
	if (!table->counters)
		goto bad_counters;

	table->len = len;
	table->filter_shift = REMAP_FILTER_MIN_SHIFT;
	while (len >> table->filter_shift >= REMAP_FILTER_MAX_BITS)
		table->filter_shift++;
	table->filter = kvcalloc(BITS_TO_LONGS((len >> table->filter_shift) + 1), sizeof(long),
				 GFP_KERNEL);
	if (!table->filter)
		goto bad_filter;

	r = remap_slots_init(&table->slots, spare_start, slots, unit, align);
	if (r)
		goto bad_slots;

	mt_init_flags(&table->tree, MT_FLAGS_USE_RCU);
	spin_lock_init(&table->lock);
	return table;

bad_slots:
	kvfree(table->filter);
bad_filter:
	kfree(table->counters);
bad_counters:
	kfree(table);
	return ERR_PTR(r);
}

void remap_table_destroy(struct remap_table *table)
{
	/*
	 * Nobody reads it any more. In RCU mode some kernels free the nodes of a large tree wrongly
	 * (6.1, lib/maple_tree.c, mt_free_walk(): the data of a full node is taken for a child).
	 */
	mt_clear_in_rcu(&table->tree);
	mtree_destroy(&table->tree);
	remap_slots_exit(&table->slots);
	kvfree(table->filter);
	kfree(table->counters);
	kfree(table);
}

/* As the replies and debugfs name it. */
const char *remap_state_name(const void *value)
{
	switch (remap_state(value)) {
	case REMAP_MAPPED:
		return remap_is_pending(value) ? "lost" : "remapped";
	case REMAP_LOST:
		return "lost";
	default:
		return remap_is_pending(value) ? "pending" : "main";
	}
}

/**
 * remap_table_at() - What holds for a sector, and how far.
 * @table: where to look
 * @sector: the sector
 * @last: the last sector of the same entry, or of the same gap between entries
 *
 * Return: the value, NULL in a gap.
 */
void *remap_table_at(struct remap_table *table, sector_t sector, sector_t *last)
{
	MA_STATE(mas, &table->tree, sector, sector);
	void *value;

	rcu_read_lock();
	value = mas_walk(&mas);
	rcu_read_unlock();

	*last = min_t(sector_t, mas.last, table->len - 1);
	return value;
}

/**
 * remap_table_next() - The first entry that ends at or behind a sector.
 * @table: where to look
 * @first: the sector; of the entry, what is not before it
 * @last: last sector of the entry
 *
 * Return: the entry's value, or NULL if there is none any more.
 */
void *remap_table_next(struct remap_table *table, sector_t *first, sector_t *last)
{
	MA_STATE(mas, &table->tree, *first, *first);
	void *value;

	rcu_read_lock();
	value = mas_find(&mas, table->len - 1);
	rcu_read_unlock();
	if (value) {
		*first = max_t(sector_t, mas.index, *first);
		*last = mas.last;
	}
	return value;
}

static void remap_filter_set(struct remap_table *table, sector_t first, sector_t last)
{
	unsigned long bit = first >> table->filter_shift;
	unsigned long end = last >> table->filter_shift;

	/* Atomic: the readers' side is not stopped and shares the words. */
	for (; bit <= end; bit++)
		set_bit(bit, table->filter);
}

/* Clear the bits of those regions under the range that hold no entry any more. */
static void remap_filter_clear(struct remap_table *table, sector_t first, sector_t last)
{
	unsigned long bit = first >> table->filter_shift;
	unsigned long end = last >> table->filter_shift;
	sector_t gap_last;

	for (; bit <= end; bit++) {
		sector_t region = (sector_t)bit << table->filter_shift;
		sector_t region_last = min(region + (1ul << table->filter_shift), table->len) - 1;

		if (!remap_table_at(table, region, &gap_last) && gap_last >= region_last)
			clear_bit(bit, table->filter);
		cond_resched();
	}
}

/* Nobody goes by what he remembers of it any more; move_lock. */
void remap_table_touch(struct remap_table *table)
{
	/* Pairs with the acquire in remap_map_tree(). */
	smp_store_release(&table->generation, table->generation + 1);
}

static int remap_table_put(struct remap_table *table, sector_t first, sector_t last, void *value,
			   gfp_t gfp)
{
	MA_STATE(mas, &table->tree, first, last);
	int r;

	if (value)
		remap_filter_set(table, first, last);
	mas_lock(&mas);
	r = mas_store_gfp(&mas, value, gfp);
	remap_table_touch(table);
	mas_unlock(&mas);
	return r;
}

/**
 * remap_table_store() - Give a range of sectors a value.
 * @table: where
 * @first: first sector
 * @last: last sector
 * @value: from remap_value(), or NULL to drop what is there
 *
 * The filter's bits are set before the value can be seen. Sleeps, but never for I/O.
 *
 * Return: 0 or -ENOMEM; nothing has changed then.
 */
int remap_table_store(struct remap_table *table, sector_t first, sector_t last, void *value)
{
	return remap_table_put(table, first, last, value, REMAP_GFP);
}

/**
 * remap_table_private() - Before remap_table_load(): nobody else looks at the table.
 * @table: a new one
 *
 * Replaced nodes are free at once then. In RCU mode they would pile up until a grace period.
 */
void remap_table_private(struct remap_table *table)
{
	mt_clear_in_rcu(&table->tree);
}

/* As remap_table_store(), but waits for memory as long as that needs no I/O. */
int remap_table_load(struct remap_table *table, sector_t first, sector_t last, void *value)
{
	return remap_table_put(table, first, last, value, GFP_NOIO);
}

void remap_table_shared(struct remap_table *table)
{
	mt_set_in_rcu(&table->tree);
}

/* Replace the value of exactly one entry: cannot fail, so a failure would only be tried again. */
static void remap_table_replace(struct remap_table *table, sector_t first, sector_t last,
				void *value)
{
	while (remap_table_store(table, first, last, value))
		msleep(20);
}

/**
 * remap_table_settle() - End a move: every held entry of the range gets a final value.
 * @table: where
 * @first: first sector
 * @last: last sector; entries do not reach beyond the range
 * @value: the value
 *
 * Cannot fail: each store is over exactly one entry. Each entry is let go in the same store that
 * changes it, so no I/O ever sees it in between.
 */
void remap_table_settle(struct remap_table *table, sector_t first, sector_t last, void *value)
{
	sector_t pos, end;

	for (pos = first; pos <= last; pos = end + 1)
		if (remap_is_held(remap_table_at(table, pos, &end)))
			remap_table_replace(table, pos, end, value);
}

/* As remap_table_settle(), for entries that carry their slots: what is not lost is mapped now. */
void remap_table_settle_moved(struct remap_table *table, sector_t first, sector_t last)
{
	sector_t pos, end;

	for (pos = first; pos <= last; pos = end + 1) {
		void *value = remap_table_at(table, pos, &end);
		bool lost = remap_state(value) == REMAP_LOST;

		if (remap_is_held(value))
			remap_table_replace(table, pos, end,
					    remap_value(lost ? REMAP_LOST : REMAP_MAPPED, 0,
							remap_delta(value)));
	}
}

/* Make one entry of the neighbours around @sector that have its value. Best effort. */
static void remap_table_merge(struct remap_table *table, sector_t sector)
{
	MA_STATE(mas, &table->tree, sector, sector);
	sector_t first, last, own_first, own_last;
	void *value;

	mas_lock(&mas);
	value = mas_walk(&mas);
	own_first = mas.index;
	own_last = mas.last;
	first = own_first;
	last = own_last;
	if (!value || remap_is_held(value))
		goto out;
	if (first) {
		mas_set(&mas, first - 1);
		if (mas_walk(&mas) == value)
			first = mas.index;
	}
	if (last < table->len - 1) {
		mas_set(&mas, last + 1);
		if (mas_walk(&mas) == value)
			last = mas.last;
	}
	if (first == own_first && last == own_last)
		goto out;
	mas_set_range(&mas, first, last);
	/*
	 * The tree is as right without the merge. The lock may be dropped for the allocation:
	 * whatever could change these entries needs the move_lock that our caller holds.
	 */
	mas_store_gfp(&mas, value, REMAP_GFP);
out:
	mas_unlock(&mas);
}

/**
 * remap_table_tidy() - After a move: drop entries that only say "main", join the others.
 * @table: where
 * @first: first sector of the range that has moved
 * @last: its last sector
 *
 * Readers see no difference, so failing changes nothing but the memory that the table takes.
 */
void remap_table_tidy(struct remap_table *table, sector_t first, sector_t last)
{
	sector_t pos, end;

	for (pos = first; pos <= last; pos = end + 1) {
		void *value = remap_table_at(table, pos, &end);

		if (value == remap_value(REMAP_MAIN, 0, 0)) {
			if (!remap_table_store(table, pos, end, NULL))
				remap_filter_clear(table, pos, end);
		} else if (value) {
			remap_table_merge(table, pos);
		}
		cond_resched();
	}
}

/* Add @count sectors of one value to the sums. */
void remap_totals_add(struct remap_totals *totals, const void *value, u64 count)
{
	if (remap_state(value) == REMAP_MAIN) {
		totals->pending += remap_is_pending(value) ? count : 0;
		return;
	}
	totals->remapped += count;
	totals->lost += remap_is_trouble(value) ? count : 0;
}

/**
 * remap_table_count() - Sum up a range.
 * @table: where
 * @first: first sector
 * @last: last sector
 * @totals: goes up by the sectors of the range that are relocated, lost, pending; not by bad slots
 */
void remap_table_count(struct remap_table *table, sector_t first, sector_t last,
		       struct remap_totals *totals)
{
	sector_t pos, end;

	for (pos = first; pos <= last; pos = end + 1) {
		void *value = remap_table_at(table, pos, &end);

		remap_totals_add(totals, value, min(end, last) - pos + 1);
		cond_resched();
	}
}

struct remap_totals remap_table_totals(struct remap_table *table)
{
	struct remap_totals totals;

	spin_lock(&table->lock);
	totals = table->totals;
	spin_unlock(&table->lock);
	return totals;
}

/* A part of the table, or of the slots, has changed: so do the sums. */
void remap_table_replace_totals(struct remap_table *table, const struct remap_totals *before,
				const struct remap_totals *after)
{
	spin_lock(&table->lock);
	table->totals.remapped += after->remapped - before->remapped;
	table->totals.lost += after->lost - before->lost;
	table->totals.pending += after->pending - before->pending;
	table->totals.bad += after->bad - before->bad;
	spin_unlock(&table->lock);
}
