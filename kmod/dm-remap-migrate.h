/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Migration: slots and metadata move to another spare while I/O goes on.
 *
 * dm-remap-migrate.c		its life: run, pause, end, what it says
 * dm-remap-migrate-begin.c	its begin
 * dm-remap-migrate-disk.c	the new spare before the switch: may it be used, and its mark
 * dm-remap-migrate-copy.c	passes over the table: what is relocated is copied
 * dm-remap-switch.c		the switch from one spare to the other
 *
 * A shadow table says where on the new spare everything is. Writes to the old slots go on as ever,
 * but each leaves a mark in @dirty, and every pass copies what has been marked since the one
 * before. The last pass runs while all I/O to relocated sectors is held; then one superblock makes
 * the new spare the one that counts.
 */
#ifndef DM_REMAP_MIGRATE_H
#define DM_REMAP_MIGRATE_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "dm-remap-devices.h"

struct dm_dev;
struct remap_c;
struct remap_meta;
struct remap_table;

enum remap_migration_state {
	REMAP_MIGRATION_NONE,
	REMAP_MIGRATION_RUNNING,
	REMAP_MIGRATION_DONE,
	REMAP_MIGRATION_STOPPED,
	REMAP_MIGRATION_FAILED,
	REMAP_NR_MIGRATION_STATES,
};

/* A spare and what belongs to it: what a switch exchanges. */
struct remap_spare_side {
	struct dm_dev *dev;
	sector_t start, len;
	sector_t slots_start;	/* spare sector */
	u64 slots;
	struct remap_table *table;
	struct remap_meta *meta;
};

/* One that is under way. Guarded by move_lock, but for @dirty, which map() marks. */
struct remap_migration {
	/* The new spare; after the switch the old one. Its table shares the counters with ours. */
	struct remap_spare_side side;
	/* Bits: regions of REMAP_COPY_SECTORS old slots. */
	unsigned long *dirty;	/* written since the pass began */
	unsigned long *copying;	/* what this pass is to copy */
	u64 regions;
	sector_t old_start;	/* spare sector of the first old slot */
	u64 old_slots;

	int (*step)(struct remap_c *rc, struct remap_migration *m);
	bool last;		/* pass; all I/O to relocated sectors is held */
	unsigned int pass;
	unsigned int pauses;	/* for want of memory */
	sector_t position;	/* of the pass; or a block, before the first one */
	u64 pass_copied;	/* sectors */
	bool unread;		/* some could not be read: another pass tries again */
	bool dropped;		/* in this pass: what is not relocated any more */
	int flush_seen[2];	/* before the first pass, see struct remap_c */
	unsigned int flush_failures[2];	/* likewise */

	/* When it is over. */
	struct remap_migration *next;
	bool published;		/* everybody may have looked at the new table and spare */
	bool idle;		/* ... and nobody does so any more */
	bool unburied;		/* the old spare has not been told that its content has moved */
};

/* Of the migration under way, or of the last one. */
struct remap_migrating {
	struct remap_migration *now;	/* RCU for map(); NULL: none */
	struct remap_migration *retired;	/* those that are over; move_lock */
	struct work_struct work;
	struct work_struct put_work;	/* lets go of them */
	bool stop;			/* somebody wants it to end; move_lock */
	/* What is reported; the target's table_lock. */
	enum remap_migration_state state;
	u64 copied;			/* sectors of the first pass */
	u64 total;			/* sectors to copy */
	u64 lost;			/* that have no content any more, and had some */
	const char *reason;		/* a word */
};

void __remap_migration_mark(struct remap_migration *m, sector_t spare_sector, sector_t sectors);

/* A part of the spare is about to be written: does a migration have to know? */
static inline void remap_migration_mark(struct remap_migrating *mg, sector_t spare_sector,
					sector_t sectors)
{
	struct remap_migration *m = READ_ONCE(mg->now);

	if (unlikely(m))
		__remap_migration_mark(m, spare_sector, sectors);
}

void remap_migration_init(struct remap_c *rc);
void remap_migration_exit(struct remap_c *rc);
void remap_migration_resume(struct remap_c *rc);
void remap_migration_suspended(struct remap_c *rc);
int remap_migration_message(struct remap_c *rc, unsigned int argc, char **argv, char *result,
			    unsigned int maxlen);
const char *remap_migration_name(const struct remap_c *rc);
unsigned int remap_migration_progress(const struct remap_c *rc);
int remap_migration_begin(struct remap_c *rc, const char *path, u64 start, u64 len);
int remap_migration_refuse(struct remap_c *rc, int r, const char *why);
void remap_migration_free(struct remap_c *rc, struct remap_migration *m);
int remap_migration_fail(struct remap_c *rc, const char *reason, int r);
int remap_migration_failed_write(struct remap_c *rc);

/* The new one, for I/O. */
struct remap_area remap_migration_area(const struct remap_migration *m);

int remap_migration_inspect(struct remap_c *rc, struct remap_migration *m, bool *prepared);
int remap_migration_step_blank(struct remap_c *rc, struct remap_migration *m);
int remap_migration_step_mark(struct remap_c *rc, struct remap_migration *m);
int remap_migration_unfinish(struct remap_c *rc, struct remap_migration *m);
bool remap_migration_may_bury(struct remap_c *rc, struct remap_migration *m);
bool remap_migration_bury(struct remap_c *rc, struct remap_migration *m);

int remap_migration_step_copy(struct remap_c *rc, struct remap_migration *m);
int remap_migration_copy_all(struct remap_c *rc, struct remap_migration *m);
void remap_migration_begin_pass(struct remap_c *rc, struct remap_migration *m);

int remap_switch_drop(struct remap_c *rc, struct remap_table *copy);
int remap_migration_switch(struct remap_c *rc, struct remap_migration *m);

#endif
