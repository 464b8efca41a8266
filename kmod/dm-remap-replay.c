// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading the entries: a checkpoint as it is, then the journal's transactions in their order.
 */
#include <linux/delay.h>
#include <linux/sched.h>

#include "dm-remap-copy.h"
#include "dm-remap-load.h"
#include "dm-remap-repair.h"

static void *remap_value_of(const struct remap_loader *ld, const struct remap_extent *extent)
{
	u64 delta = ld->rc->spare_start + extent->slot - extent->first;

	switch (extent->state) {
	case REMAP_DISK_REMAPPED:
		return remap_value(REMAP_MAPPED, 0, delta);
	case REMAP_DISK_LOST:
		return remap_value(REMAP_LOST, 0, delta);
	case REMAP_DISK_UNREADABLE:
		return remap_value(REMAP_MAPPED, REMAP_PENDING, delta);
	case REMAP_DISK_WRONG_SLOT:
		return remap_value(REMAP_MAPPED, REMAP_PENDING | REMAP_WRONG, delta);
	case REMAP_DISK_PENDING:
		return remap_value(REMAP_MAIN, REMAP_PENDING, 0);
	case REMAP_DISK_WRONG:
		return remap_value(REMAP_MAIN, REMAP_PENDING | REMAP_WRONG, 0);
	default:
		return NULL;
	}
}

/* The sectors are somewhere else from now on, or have no entry at all: their slots are free. */
static void remap_replay_drop(struct remap_loader *ld, sector_t first, sector_t last)
{
	sector_t pos, end;

	for (pos = first; pos <= last; pos = end + 1) {
		struct remap_totals gone = {};
		void *value = remap_table_at(ld->table, pos, &end);

		end = min(end, last);
		remap_totals_add(&gone, value, end - pos + 1);
		ld->totals.remapped -= gone.remapped;
		ld->totals.lost -= gone.lost;
		ld->totals.pending -= gone.pending;
		if (remap_state(value) != REMAP_MAIN)
			remap_slots_free(&ld->table->slots, remap_spare_sector(value, pos),
					 end - pos + 1);
		cond_resched();
	}
}

static int remap_replay_bad(struct remap_loader *ld, const struct remap_extent *extent)
{
	struct remap_slots *slots = &ld->table->slots;
	sector_t slot = ld->rc->spare_start + extent->slot, end = slot + extent->len;
	int r = 0;

	for (; slot < end && !r; slot += slots->unit) {
		unsigned int tries = 0;

		while ((r = remap_slots_mark_bad(slots, slot)) && tries++ < REMAP_MEMORY_TRIES)
			msleep(REMAP_MEMORY_DELAY_MS);
		cond_resched();
	}
	ld->totals.bad += extent->len;
	return r;
}

/* Return: NULL, or what is wrong with it; -ENOMEM in @r. */
static const char *remap_replay_entry(struct remap_loader *ld, const struct remap_extent *extent,
				      int *r)
{
	sector_t last = extent->first + extent->len - 1;
	void *value = remap_value_of(ld, extent);

	if (extent->state != REMAP_DISK_BAD)
		remap_replay_drop(ld, extent->first, last);
	if (remap_extent_has_slot(extent) &&
	    !remap_slots_claim(&ld->table->slots, ld->rc->spare_start + extent->slot, extent->len))
		return "a slot is used twice";
	if (extent->state == REMAP_DISK_BAD)
		*r = remap_replay_bad(ld, extent);
	else
		*r = remap_table_load(ld->table, extent->first, last, value);
	remap_totals_add(&ld->totals, value, value ? extent->len : 0);
	return NULL;
}

/* The entries of a block that has been checked as a block. */
static int remap_replay_block(struct remap_loader *ld, const char *what, u64 index,
			      const void *block, bool journal)
{
	const struct remap_disk_header *header = block;
	const struct remap_disk_entry *entries = remap_block_entries(block);
	u64 i, count = le64_to_cpu(header->count);
	int r = 0;

	for (i = 0; i < count && !r; i++) {
		struct remap_extent extent = remap_entry_unpack(&entries[i]);
		const char *why = remap_extent_check(ld->meta->super, &extent, journal);

		if (!why && !journal)
			why = remap_extent_follows(&ld->previous, &extent);
		ld->previous = extent;
		why = why ?: remap_replay_entry(ld, &extent, &r);
		if (why)
			return remap_refuse_block(ld->rc, what, index, why);
		cond_resched();
	}
	return r;
}

static int remap_load_checkpoint(struct remap_loader *ld)
{
	struct remap_disk_super *super = ld->meta->super;
	u64 used = le64_to_cpu(super->checkpoint_used), i;
	u64 start = ld->meta->layout.checkpoint_start[le32_to_cpu(super->checkpoint)];
	int r = 0;

	for (i = 0; i < used && !r; i++) {
		void *block = remap_load_block(ld, start, i, used);
		const struct remap_disk_header *header = block;
		const char *why;

		if (IS_ERR(block))
			return remap_refuse_block(ld->rc, "checkpoint", i, "cannot be read");
		why = remap_block_check(block, REMAP_MAGIC_CHECKPOINT, super,
					le64_to_cpu(super->header.generation),
					le32_to_cpu(super->header.salt), i);
		if (!why && (i == used - 1) != !!(le32_to_cpu(header->flags) & REMAP_DISK_LAST))
			why = "ends somewhere else than the superblock says";
		if (why)
			return remap_refuse_block(ld->rc, "checkpoint", i, why);
		ld->entries += le64_to_cpu(header->count);
		r = remap_replay_block(ld, "checkpoint", i, block, false);
	}
	if (!r && !ld->adopted && ld->entries != le64_to_cpu(super->entries))
		return remap_refuse_meta(ld->rc, "checkpoint",
					 "not as many entries as the superblock says");
	/* What the superblock said that was lost. */
	super->entries = cpu_to_le64(ld->entries);
	super->header.count = cpu_to_le64(ld->totals.remapped);
	super->lost = cpu_to_le64(ld->totals.lost);
	super->pending = cpu_to_le64(ld->totals.pending);
	super->bad = cpu_to_le64(ld->totals.bad);
	return r;
}

/*
 * How far the journal goes: up to the last block that ends a transaction. A block that belongs
 * there behind one that does not, or one of a later checkpoint, is no crash's work.
 */
static int remap_journal_end(struct remap_loader *ld, u64 *count)
{
	struct remap_disk_super *super = ld->meta->super;
	u64 generation = le64_to_cpu(super->header.generation), i, sound = 0;
	const u64 blocks = ld->meta->layout.journal_blocks;

	for (i = 0, *count = 0; i < blocks; i++) {
		void *block = remap_load_block(ld, ld->meta->layout.journal_start, i, blocks);
		const struct remap_disk_header *header = block;

		/* Behind the first block that was not written nobody has written. */
		if (IS_ERR(block) && PTR_ERR(block) == -EIO && i > sound)
			continue;
		if (IS_ERR(block))
			return remap_refuse_block(ld->rc, "journal", i, "cannot be read");
		if (!remap_block_is_sound(block, REMAP_MAGIC_JOURNAL))
			continue;
		/* Whoever makes a spare ours wipes the ring. */
		if (memcmp(header->uuid, super->header.uuid, sizeof(header->uuid)))
			return remap_refuse_block(ld->rc, "journal", i, "of another device");
		if (le64_to_cpu(header->generation) > generation)
			return remap_refuse_block(ld->rc, "journal", i,
						  "newer than the newest superblock");
		if (le64_to_cpu(header->generation) < generation ||
		    header->salt != super->header.salt)
			continue;
		if (i != sound ||
		    remap_block_check(block, REMAP_MAGIC_JOURNAL, super, generation,
				      le32_to_cpu(super->header.salt), i))
			return remap_refuse_block(ld->rc, "journal", sound,
						  "missing or damaged, others follow");
		sound++;
		if (le32_to_cpu(header->flags) & REMAP_DISK_LAST)
			*count = sound;
	}
	ld->meta->rewrite |= sound > 0;
	ld->meta->journal_used = sound;
	return 0;
}

static int remap_load_journal(struct remap_loader *ld)
{
	struct remap_disk_super *super = ld->meta->super;
	u64 count, i;
	int r = remap_journal_end(ld, &count);

	for (i = 0; i < count && !r; i++) {
		void *block = remap_load_block(ld, ld->meta->layout.journal_start, i, count);
		const char *why;

		if (IS_ERR(block))
			return remap_refuse_block(ld->rc, "journal", i, "cannot be read");
		why = remap_block_check(block, REMAP_MAGIC_JOURNAL, super,
					le64_to_cpu(super->header.generation),
					le32_to_cpu(super->header.salt), i);
		if (why)
			return remap_refuse_block(ld->rc, "journal", i, why);
		r = remap_replay_block(ld, "journal", i, block, true);
	}
	return r;
}

/**
 * remap_load_entries() - Fill the new table.
 * @ld: with the superblock that counts
 *
 * Return: 0; or a negative errno, and the reason is in the log but for -ENOMEM.
 */
int remap_load_entries(struct remap_loader *ld)
{
	int r;

	remap_table_private(ld->table);
	r = remap_load_checkpoint(ld) ?: remap_load_journal(ld);
	remap_table_shared(ld->table);
	return r;
}
