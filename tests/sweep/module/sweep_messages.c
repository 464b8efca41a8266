// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: arm and let go the fault, make sectors bad, ask what came of it.
 */
#include <linux/bitmap.h>
#include <linux/kstrtox.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sweep_nth.h"

/* In a command: group, name, and the message. */
#define SWEEP_MAX_WORDS 10

static const char * const sweep_mode_names[SWEEP_NR_MODES] = { "once", "gone", "sector" };

/* Let the request that waits fail. */
static void sweep_go(struct sweep_group *group)
{
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&group->lock, flags);
	bio = group->parked;
	group->parked = NULL;
	spin_unlock_irqrestore(&group->lock, flags);
	if (bio) {
		bio->bi_status = sweep_statuses[group->status].status;
		bio_endio(bio);
	}
}

static int sweep_status_of(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sweep_statuses); i++)
		if (!strcmp(name, sweep_statuses[i].name))
			return i;
	return -EINVAL;
}

/* arm <n> once|gone|sector medium|ioerr|transport [park] */
static int sweep_arm(struct sweep_group *group, unsigned int argc, char **argv)
{
	int mode, status;
	u64 nth;

	if (argc < 4 || argc > 5 || kstrtoull(argv[1], 10, &nth) ||
	    (argc == 5 && strcmp(argv[4], "park")))
		return -EINVAL;
	mode = match_string(sweep_mode_names, ARRAY_SIZE(sweep_mode_names), argv[2]);
	status = sweep_status_of(argv[3]);
	if (mode < 0 || status < 0)
		return -EINVAL;
	spin_lock_irq(&group->lock);
	group->count = 0;
	group->nth = nth;
	group->mode = mode;
	group->status = status;
	group->parks = argc == 5;
	group->fired = false;
	group->flushes = 0;
	group->flush_faults = 0;
	group->armed = true;
	spin_unlock_irq(&group->lock);
	return 0;
}

static int sweep_disarm(struct sweep_group *group)
{
	spin_lock_irq(&group->lock);
	group->armed = false;
	spin_unlock_irq(&group->lock);
	sweep_go(group);
	return 0;
}

/* bad read|write|flush <first> <count> <status> [<times>] */
static int sweep_bad(struct sweep_dev *dev, unsigned int argc, char **argv)
{
	unsigned int times = 0;
	int op, status;
	u64 first, count;

	if (argc < 5 || argc > 6 || kstrtoull(argv[2], 10, &first) ||
	    kstrtoull(argv[3], 10, &count) || (argc == 6 && kstrtouint(argv[5], 10, &times)))
		return -EINVAL;
	op = match_string(sweep_op_names, ARRAY_SIZE(sweep_op_names), argv[1]);
	status = sweep_status_of(argv[4]);
	if (op < 0 || status < 0 || !count || dev->bads == SWEEP_MAX_BAD)
		return -EINVAL;
	spin_lock_irq(&dev->group->lock);
	dev->bad[dev->bads++] = (struct sweep_bad) {
		.op = op, .first = first, .last = first + count - 1, .status = status,
		.times = times,
	};
	spin_unlock_irq(&dev->group->lock);
	return 0;
}

/* Its sectors are good again. */
static int sweep_mend(struct sweep_dev *dev)
{
	spin_lock_irq(&dev->group->lock);
	dev->bads = 0;
	spin_unlock_irq(&dev->group->lock);
	return 0;
}

/* Everything is as new: no fault, no bad sector, no log, nothing to lose. */
static int sweep_heal(struct sweep_group *group)
{
	struct sweep_dev *dev;

	sweep_disarm(group);
	spin_lock_irq(&group->lock);
	list_for_each_entry(dev, &group->devs, list) {
		dev->bads = 0;
		bitmap_zero(dev->dirty, dev->ti->len);
	}
	spin_unlock_irq(&group->lock);
	return 0;
}

/* What would be lost with the power, of all devices. */
static int sweep_say_dirty(struct sweep_group *group, char *result, unsigned int maxlen)
{
	unsigned int sz = 0, start, end;
	struct sweep_dev *dev;

	spin_lock_irq(&group->lock);
	list_for_each_entry(dev, &group->devs, list)
		for_each_set_bitrange(start, end, dev->dirty, dev->ti->len)
			DMEMIT("%s %u %u\n", dev->name, start, end - start);
	spin_unlock_irq(&group->lock);
	return 1;
}

int sweep_do(struct sweep_dev *dev, unsigned int argc, char **argv, char *result,
	     unsigned int maxlen)
{
	const char *word = argv[0];

	if (!strcmp(word, "arm"))
		return sweep_arm(dev->group, argc, argv);
	if (!strcmp(word, "disarm"))
		return sweep_disarm(dev->group);
	if (!strcmp(word, "go")) {
		sweep_go(dev->group);
		return 0;
	}
	if (!strcmp(word, "bad"))
		return sweep_bad(dev, argc, argv);
	if (!strcmp(word, "mend"))
		return sweep_mend(dev);
	if (!strcmp(word, "heal"))
		return sweep_heal(dev->group);
	if (!strcmp(word, "dirty"))
		return sweep_say_dirty(dev->group, result, maxlen);
	return -EINVAL;
}

static struct sweep_dev *sweep_find(const char *group_id, const char *name)
{
	struct sweep_group *group;
	struct sweep_dev *dev;
	unsigned int id;

	if (kstrtouint(group_id, 10, &id))
		return NULL;
	list_for_each_entry(group, &sweep_groups, list) {
		if (group->id != id)
			continue;
		list_for_each_entry(dev, &group->devs, list)
			if (!strcmp(dev->name, name))
				return dev;
	}
	return NULL;
}

static int sweep_set_command(const char *value, const struct kernel_param *param)
{
	char *argv[SWEEP_MAX_WORDS], *text = kstrdup(value, GFP_KERNEL), *rest, *word;
	struct sweep_dev *dev;
	int argc = 0, r = -EINVAL;

	if (!text)
		return -ENOMEM;
	rest = strim(text);
	while (argc < SWEEP_MAX_WORDS && (word = strsep(&rest, " ")))
		argv[argc++] = word;
	if (argc >= 3 && !rest) {
		mutex_lock(&sweep_groups_lock);
		dev = sweep_find(argv[0], argv[1]);
		r = dev ? sweep_do(dev, argc - 2, argv + 2, NULL, 0) : -ENODEV;
		mutex_unlock(&sweep_groups_lock);
	}
	kfree(text);
	return r < 0 ? r : 0;
}

/* A line a group. */
static int sweep_get_state(char *result, const struct kernel_param *param)
{
	unsigned int sz = 0, maxlen = PAGE_SIZE;
	struct sweep_group *group;

	mutex_lock(&sweep_groups_lock);
	list_for_each_entry(group, &sweep_groups, list) {
		spin_lock_irq(&group->lock);
		DMEMIT("%u parked=%d flushes=%u flush_faults=%u victim=", group->id,
		       !!group->parked, group->flushes, group->flush_faults);
		if (group->fired)
			DMEMIT("%s,%s,%llu,%u\n", group->victim->name,
			       sweep_op_names[group->victim_op], (u64)group->victim_first,
			       group->victim_sectors);
		else
			DMEMIT("none\n");
		spin_unlock_irq(&group->lock);
	}
	mutex_unlock(&sweep_groups_lock);
	return sz;
}

static const struct kernel_param_ops sweep_command_ops = { .set = sweep_set_command };
static const struct kernel_param_ops sweep_state_ops = { .get = sweep_get_state };

module_param_cb(command, &sweep_command_ops, NULL, 0200);
MODULE_PARM_DESC(command, "a message, after the group and the name that it is for");
module_param_cb(state, &sweep_state_ops, NULL, 0444);
MODULE_PARM_DESC(state, "what has come of the armed fault, a line a group");
