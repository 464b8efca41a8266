// SPDX-License-Identifier: GPL-2.0-only
/*
 * A target for tests: its device, linearly, but for sectors that are bad at will, for reads and for
 * writes apart, and for a time when the whole device is dead.
 *
 * Table line: <start> <length> lab_bad <device> <device sector> medium|io
 *
 * Messages:
 *   bad <kind> <first> <count>   from now on these sectors fail:
 *       both, read, write        always
 *       weak                     reads, until they are written
 *       flaky                    the next two reads of each
 *       transport                always, with an error that is not the medium's
 *   good <first> <count>         they no longer do
 *   dead io|transport, alive     all requests fail, flushes too; the sectors stay as they are
 *   bad                          lists weak and flaky sectors, as "<kind> <first> <count>"
 *
 * A request that meets a bad sector fails from there on: what lies before it is read or written.
 */
#include <linux/bio.h>
#include <linux/bitmap.h>
#include <linux/device-mapper.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define DM_MSG_PREFIX "lab_bad"
#define BAD_MAX_SECTORS BIT(20)

/* One bitmap each. */
enum bad_map { BAD_READ, BAD_WRITE, BAD_WEAK, BAD_FLAKY, BAD_FLAKY_TWICE, BAD_TRANSPORT,
	       BAD_NR_MAPS };

static const struct bad_kind {
	const char *name;
	unsigned int maps;
} bad_kinds[] = {
	{ "both", BIT(BAD_READ) | BIT(BAD_WRITE) },
	{ "read", BIT(BAD_READ) },
	{ "write", BIT(BAD_WRITE) },
	{ "weak", BIT(BAD_READ) | BIT(BAD_WEAK) },
	{ "flaky", BIT(BAD_FLAKY) | BIT(BAD_FLAKY_TWICE) },
	{ "transport", BIT(BAD_TRANSPORT) },
};

struct bad_c {
	struct dm_dev *dev;
	sector_t start;
	blk_status_t status;	/* of a bad sector */
	blk_status_t dead;	/* of everything; BLK_STS_OK while alive */
	unsigned long *maps[BAD_NR_MAPS];
};

static void bad_free(struct bad_c *bc)
{
	int i;

	for (i = 0; i < BAD_NR_MAPS; i++)
		kvfree(bc->maps[i]);
	kfree(bc);
}

static int bad_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct bad_c *bc;
	u64 start;
	int i, r = -EINVAL;

	if (argc != 3 || kstrtou64(argv[1], 10, &start) || ti->len > BAD_MAX_SECTORS) {
		ti->error = "<device> <device sector> medium|io";
		return -EINVAL;
	}
	bc = kzalloc(sizeof(*bc), GFP_KERNEL);
	if (!bc)
		return -ENOMEM;
	bc->start = start;
	bc->status = strcmp(argv[2], "medium") ? BLK_STS_IOERR : BLK_STS_MEDIUM;
	for (i = 0; i < BAD_NR_MAPS; i++) {
		bc->maps[i] = kvcalloc(BITS_TO_LONGS(ti->len), sizeof(long), GFP_KERNEL);
		if (!bc->maps[i]) {
			r = -ENOMEM;
			goto fail;
		}
	}
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &bc->dev);
	if (r) {
		ti->error = "no such device";
		goto fail;
	}
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->num_write_zeroes_bios = 1;
	/* Flushes reach a dead device, too, whatever lies below. */
	ti->flush_supported = true;
	ti->private = bc;
	return 0;
fail:
	bad_free(bc);
	return r;
}

static void bad_dtr(struct dm_target *ti)
{
	struct bad_c *bc = ti->private;

	dm_put_device(ti, bc->dev);
	bad_free(bc);
}

/* The first of the sectors whose bit is set, or @end. */
static sector_t bad_first(struct bad_c *bc, enum bad_map map, sector_t sector, sector_t end)
{
	return find_next_bit(bc->maps[map], end, sector);
}

static bool bad_take_flaky(struct bad_c *bc, sector_t sector, sector_t end)
{
	bool met = false;

	for (; (sector = bad_first(bc, BAD_FLAKY, sector, end)) < end; sector++)
		met |= test_and_clear_bit(sector, bc->maps[BAD_FLAKY_TWICE]) ||
		       test_and_clear_bit(sector, bc->maps[BAD_FLAKY]);
	return met;
}

static void bad_heal_weak(struct bad_c *bc, sector_t sector, sector_t end)
{
	for (; (sector = bad_first(bc, BAD_WEAK, sector, end)) < end; sector++) {
		if (test_and_clear_bit(sector, bc->maps[BAD_WEAK]))
			clear_bit(sector, bc->maps[BAD_READ]);
	}
}

static int bad_fail(struct bio *bio, blk_status_t status)
{
	bio->bi_status = status;
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static int bad_map(struct dm_target *ti, struct bio *bio)
{
	struct bad_c *bc = ti->private;
	sector_t sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	sector_t end = sector + bio_sectors(bio), medium, way;
	bool writes = op_is_write(bio_op(bio));

	if (READ_ONCE(bc->dead))
		return bad_fail(bio, READ_ONCE(bc->dead));
	bio_set_dev(bio, bc->dev->bdev);
	if (sector == end)
		return DM_MAPIO_REMAPPED;
	bio->bi_iter.bi_sector = bc->start + sector;
	if (bio_op(bio) != REQ_OP_READ && bio_op(bio) != REQ_OP_WRITE &&
	    bio_op(bio) != REQ_OP_WRITE_ZEROES)
		return DM_MAPIO_REMAPPED;

	medium = bad_first(bc, writes ? BAD_WRITE : BAD_READ, sector, end);
	way = bad_first(bc, BAD_TRANSPORT, sector, end);
	if (way == sector)
		return bad_fail(bio, BLK_STS_TRANSPORT);
	if (medium == sector)
		return bad_fail(bio, bc->status);
	medium = min(medium, way);
	if (medium < end)
		dm_accept_partial_bio(bio, medium - sector);
	if (writes)
		bad_heal_weak(bc, sector, medium);
	else if (bad_take_flaky(bc, sector, medium))
		return bad_fail(bio, bc->status);
	return DM_MAPIO_REMAPPED;
}

static void bad_change(struct bad_c *bc, unsigned int maps, sector_t first, sector_t end, bool bad)
{
	sector_t sector;
	int i;

	for (i = 0; i < BAD_NR_MAPS; i++) {
		if (!(maps & BIT(i)))
			continue;
		for (sector = first; sector < end; sector++) {
			if (bad)
				set_bit(sector, bc->maps[i]);
			else
				clear_bit(sector, bc->maps[i]);
		}
	}
}

static int bad_change_range(struct dm_target *ti, unsigned int maps, char **argv, bool bad)
{
	u64 first, count;

	if (kstrtou64(argv[0], 10, &first) || kstrtou64(argv[1], 10, &count) ||
	    first > ti->len || count > ti->len - first)
		return -EINVAL;
	bad_change(ti->private, maps, first, first + count, bad);
	return 0;
}

static int bad_set_dead(struct bad_c *bc, const char *how)
{
	if (!strcmp(how, "io"))
		WRITE_ONCE(bc->dead, BLK_STS_IOERR);
	else if (!strcmp(how, "transport"))
		WRITE_ONCE(bc->dead, BLK_STS_TRANSPORT);
	else
		return -EINVAL;
	return 0;
}

static void bad_list(struct dm_target *ti, enum bad_map map, const char *name, char *result,
		     unsigned int maxlen)
{
	struct bad_c *bc = ti->private;
	sector_t sector = 0, end;
	size_t len = strlen(result);

	while ((sector = bad_first(bc, map, sector, ti->len)) < ti->len) {
		end = find_next_zero_bit(bc->maps[map], ti->len, sector);
		len += scnprintf(result + len, maxlen - len, "%s %llu %llu\n", name,
				 (u64)sector, (u64)(end - sector));
		sector = end;
	}
}

static int bad_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		       unsigned int maxlen)
{
	struct bad_c *bc = ti->private;
	int i;

	if (argc == 1 && !strcmp(argv[0], "bad")) {
		result[0] = '\0';
		bad_list(ti, BAD_WEAK, "weak", result, maxlen);
		bad_list(ti, BAD_FLAKY, "flaky", result, maxlen);
		return 1;
	}
	if (argc == 1 && !strcmp(argv[0], "alive")) {
		WRITE_ONCE(bc->dead, BLK_STS_OK);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[0], "dead"))
		return bad_set_dead(bc, argv[1]);
	if (argc == 3 && !strcmp(argv[0], "good"))
		return bad_change_range(ti, BIT(BAD_NR_MAPS) - 1, argv + 1, false);
	if (argc != 4 || strcmp(argv[0], "bad"))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(bad_kinds); i++) {
		if (!strcmp(argv[1], bad_kinds[i].name))
			return bad_change_range(ti, bad_kinds[i].maps, argv + 2, true);
	}
	return -EINVAL;
}

static int bad_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct bad_c *bc = ti->private;

	return fn(ti, bc->dev, bc->start, ti->len, data);
}

static struct target_type bad_target = {
	.name = "lab_bad",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = bad_ctr,
	.dtr = bad_dtr,
	.map = bad_map,
	.message = bad_message,
	.iterate_devices = bad_iterate_devices,
};

static int __init bad_init(void)
{
	return dm_register_target(&bad_target);
}
module_init(bad_init);

static void __exit bad_exit(void)
{
	dm_unregister_target(&bad_target);
}
module_exit(bad_exit);

MODULE_DESCRIPTION("Sectors that are bad at will, for tests");
MODULE_LICENSE("GPL");
