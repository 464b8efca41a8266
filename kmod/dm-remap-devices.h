/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose fault a failure is: the medium's, or the way's to it.
 */
#ifndef DM_REMAP_DEVICES_H
#define DM_REMAP_DEVICES_H

#include <linux/blkdev.h>
#include <linux/workqueue.h>

struct remap_c;

/* A place on one of the two devices; @start and @len say where the target may read to probe it. */
struct remap_area {
	struct block_device *bdev;
	sector_t start;		/* first device sector of the target's range */
	sector_t len;
	bool spare;		/* which of the two */
};

/* Guarded by the target's move_lock. */
struct remap_devices {
	bool silent[2];		/* main, spare: answers nowhere */
	unsigned long until[2];	/* jiffies: until then it is not asked for nothing */
	bool suspect;		/* I/O failed on its way: one of them may be gone; any context */
	struct delayed_work work;
	/* The storm brake: automatic relocations since a point in time. */
	unsigned long storm_since;
	unsigned int storm_count;
	unsigned int bad_in_a_row;	/* slots that refused their write, with none that took it */
	bool braked;
};

/* Has its driver given it up? It will come back as another device, if at all. */
static inline bool remap_is_unplugged(const struct block_device *bdev)
{
	return test_bit(GD_DEAD, &bdev->bd_disk->state);
}

void remap_devices_init(struct remap_c *rc);
void remap_devices_exit(struct remap_c *rc);
void remap_devices_hand_over(struct remap_c *from, struct remap_c *to);

struct remap_area remap_main_area(struct remap_c *rc);
struct remap_area remap_spare_area(struct remap_c *rc);

void remap_devices_suspect(struct remap_c *rc);
bool remap_may_be_medium(blk_status_t status, bool write);
bool remap_is_silent(struct remap_c *rc, const struct remap_area *area);
bool remap_medium_error(struct remap_c *rc, const struct remap_area *area, blk_status_t status,
			bool write);
bool remap_brake(struct remap_c *rc);
void remap_brake_bad_slot(struct remap_c *rc);

#endif
