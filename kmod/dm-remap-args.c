// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table line: <main_dev> <main_start> <spare_dev> <spare_start> <spare_len>
 * [<#args> <arg>...]. Every refusal names the argument.
 */
#include <linux/blkdev.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dm-remap-core.h"
#include "dm-remap-format.h"

#define REMAP_MAX_RETRIES 100

static bool remap_is_power_of_2_sectors(unsigned int sectors)
{
	return sectors && !(sectors & (sectors - 1));
}

/* A plain decimal number: kstrtoull() alone would take a sign, too. */
static int remap_parse_u64(const char *arg, u64 *value)
{
	if (*arg < '0' || *arg > '9')
		return -EINVAL;
	return kstrtoull(arg, 10, value);
}

static int remap_parse_uint(const char *arg, unsigned int max, unsigned int *value)
{
	u64 wide;
	int r = remap_parse_u64(arg, &wide);

	if (r || wide > max)
		return -EINVAL;
	*value = wide;
	return 0;
}

static int remap_parse_sector(const char *arg, sector_t *value)
{
	u64 wide;

	/* Leaves room to add two of them, and for the distance in a table entry. */
	if (remap_parse_u64(arg, &wide) || wide > 1ull << 55)
		return -EINVAL;
	*value = wide;
	return 0;
}

static int remap_parse_pending_policy(struct remap_features *features, const char *value)
{
	if (strcmp(value, "relocate") && strcmp(value, "verify"))
		return -EINVAL;
	features->verify_pending = !strcmp(value, "verify");
	return 0;
}

struct remap_feature {
	const char *name;
	const char *values;	/* NULL: takes none */
};

enum {
	ARG_VOLATILE, ARG_MAX_REMAPS, ARG_NO_AUTO_REMAP, ARG_RETRIES, ARG_RETRY_DELAY_MS,
	ARG_PROACTIVE, ARG_PENDING_POLICY, ARG_VERIFY_READS, ARG_SCAN_INTERVAL_S,
};

static const struct remap_feature remap_known_features[] = {
	[ARG_VOLATILE] = { "volatile" },
	[ARG_MAX_REMAPS] = { "max_remaps", "a number of sectors" },
	[ARG_NO_AUTO_REMAP] = { "no_auto_remap" },
	[ARG_RETRIES] = { "retries", "a number from 0 to 100" },
	[ARG_RETRY_DELAY_MS] = { "retry_delay_ms", "a number from 0 to 10000" },
	[ARG_PROACTIVE] = { "proactive" },
	[ARG_PENDING_POLICY] = { "pending_policy", "relocate or verify" },
	[ARG_VERIFY_READS] = { "verify_reads" },
	[ARG_SCAN_INTERVAL_S] = { "scan_interval_s", "a number of seconds" },
};

static int remap_apply_feature(struct remap_features *features, unsigned int which,
			       const char *value)
{
	switch (which) {
	case ARG_VOLATILE:
		features->is_volatile = true;
		return 0;
	case ARG_MAX_REMAPS:
		return remap_parse_u64(value, &features->max_remaps);
	case ARG_NO_AUTO_REMAP:
		features->no_auto_remap = true;
		return 0;
	case ARG_RETRIES:
		return remap_parse_uint(value, REMAP_MAX_RETRIES, &features->retries);
	case ARG_RETRY_DELAY_MS:
		return remap_parse_uint(value, REMAP_MAX_DELAY_MS, &features->retry_delay_ms);
	case ARG_PROACTIVE:
		features->proactive = true;
		return 0;
	case ARG_PENDING_POLICY:
		return remap_parse_pending_policy(features, value);
	case ARG_VERIFY_READS:
		features->verify_reads = true;
		return 0;
	case ARG_SCAN_INTERVAL_S:
		return remap_parse_uint(value, INT_MAX, &features->scan_interval_s);
	default:
		return -EINVAL;
	}
}

/*
 * dm core prints ti->error after the constructor has gone, so the text outlives the target. Two
 * tables that are refused at once may share it; each is refused all the same.
 */
static __printf(2, 3) int remap_refuse(struct dm_target *ti, const char *fmt, ...)
{
	static char error[80];
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, sizeof(error), fmt, args);
	va_end(args);
	ti->error = error;
	return -EINVAL;
}

static int remap_parse_feature(struct remap_c *rc, struct dm_arg_set *as, unsigned long *seen)
{
	const char *name = dm_shift_arg(as), *value = NULL;
	const struct remap_feature *feature;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(remap_known_features); i++)
		if (!strcasecmp(name, remap_known_features[i].name))
			break;
	if (i == ARRAY_SIZE(remap_known_features))
		return remap_refuse(rc->ti, "unknown feature argument \"%s\"", name);

	feature = &remap_known_features[i];
	if (__test_and_set_bit(i, seen))
		return remap_refuse(rc->ti, "%s given twice", feature->name);
	if (feature->values) {
		value = dm_shift_arg(as);
		if (!value)
			return remap_refuse(rc->ti, "%s needs %s", feature->name, feature->values);
	}
	if (remap_apply_feature(&rc->features, i, value))
		return remap_refuse(rc->ti, "%s must be %s", feature->name, feature->values);
	return 0;
}

/* The arguments as they were loaded, for the table line. */
static char *remap_join_args(unsigned int argc, char **argv)
{
	size_t len = 1;
	unsigned int i;
	char *joined;

	for (i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	joined = kzalloc(len, GFP_KERNEL);
	for (i = 0; joined && i < argc; i++) {
		strlcat(joined, " ", len);
		strlcat(joined, argv[i], len);
	}
	return joined;
}

static int remap_parse_features(struct remap_c *rc, struct dm_arg_set *as)
{
	struct dm_target *ti = rc->ti;
	unsigned long seen = 0;
	unsigned int nr;

	rc->args = remap_join_args(as->argc, as->argv);
	if (!rc->args) {
		ti->error = "Cannot allocate the feature arguments";
		return -ENOMEM;
	}
	if (as->argc) {
		if (remap_parse_uint(dm_shift_arg(as), INT_MAX, &nr) || nr != as->argc) {
			ti->error = "#args must be the number of feature arguments that follow";
			return -EINVAL;
		}
		while (as->argc)
			if (remap_parse_feature(rc, as, &seen))
				return -EINVAL;
	}
	return 0;
}

/* On one disk, also as two partitions of it, or as a partition and the whole? */
static bool remap_ranges_overlap(struct remap_c *rc)
{
	struct block_device *main = rc->main->bdev, *spare = rc->spare->bdev;
	sector_t main_start = get_start_sect(main) + rc->main_start;
	sector_t spare_start = get_start_sect(spare) + rc->spare_start;

	return main->bd_disk == spare->bd_disk &&
	       main_start < spare_start + rc->spare_len &&
	       spare_start < main_start + rc->ti->len;
}

static bool remap_fits(struct dm_dev *dev, sector_t start, sector_t len)
{
	sector_t size = bdev_nr_sectors(dev->bdev);

	return start <= size && len <= size - start;
}

static int remap_check_devices(struct remap_c *rc)
{
	struct dm_target *ti = rc->ti;
	unsigned int spare_unit = bdev_logical_block_size(rc->spare->bdev) >> SECTOR_SHIFT;
	sector_t misaligned = rc->unit - 1;

	/* A block is compared, and checked, within one page. */
	if (!remap_is_power_of_2_sectors(rc->unit) || rc->unit > PAGE_SECTORS)
		ti->error = "main_dev: unusable logical block size";
	else if (bdev_is_zoned(rc->main->bdev))
		ti->error = "main_dev is zoned: its sectors cannot be relocated";
	else if (bdev_is_zoned(rc->spare->bdev))
		ti->error = "spare_dev is zoned: it cannot hold relocated sectors";
	else if (spare_unit > rc->unit)
		ti->error = "spare_dev: its logical block is larger than main_dev's";
	else if ((rc->main_start | ti->len) & misaligned)
		ti->error = "main_start and length must be multiples of main_dev's logical block";
	else if (rc->spare_start & misaligned)
		ti->error = "spare_start must be a multiple of main_dev's logical block";
	else if (!rc->spare_len || rc->spare_len & misaligned)
		ti->error = "spare_len must be a positive multiple of main_dev's logical block";
	else if (!remap_fits(rc->main, rc->main_start, ti->len))
		ti->error = "main_dev is too small: main_start plus length is past its end";
	else if (!remap_fits(rc->spare, rc->spare_start, rc->spare_len))
		ti->error = "spare_dev is too small: spare_start plus spare_len is past its end";
	else if (remap_ranges_overlap(rc))
		ti->error = "main and spare overlap: spare_start must lie behind main's range";
	else
		return 0;
	return -EINVAL;
}

/* The slots: the whole range, or what the metadata leaves of it. */
static int remap_find_slots(struct remap_c *rc)
{
	struct remap_layout layout;

	rc->slots_start = rc->spare_start;
	rc->slots = rc->spare_len;
	if (rc->features.is_volatile)
		return 0;
	if (rc->ti->len > REMAP_DISK_MAX_SECTORS || rc->spare_len > REMAP_DISK_MAX_SECTORS) {
		rc->ti->error = "main or spare is too large for the metadata";
		return -EINVAL;
	}
	if (rc->unit > REMAP_BLOCK_SECTORS) {
		rc->ti->error = "main_dev: its logical block is too large for the metadata";
		return -EINVAL;
	}
	remap_layout_of(rc->spare_len, rc->unit, &layout);
	if (!layout.slots)
		return remap_refuse(rc->ti, "spare_len is too small: metadata takes %llu sectors",
				    layout.slots_start);
	rc->slots_start = rc->spare_start + layout.slots_start;
	rc->slots = layout.slots;
	return 0;
}

/**
 * remap_parse_args() - Everything the table line says, checked.
 * @rc: the target, with @ti set; ti->error says what was wrong
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: 0 or a negative errno. The devices that were opened are the caller's to put.
 */
int remap_parse_args(struct remap_c *rc, unsigned int argc, char **argv)
{
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	struct dm_target *ti = rc->ti;
	const char *main_name, *spare_name;
	int r;

	if (argc < 5) {
		ti->error = "main_dev, main_start, spare_dev, spare_start, spare_len are required";
		return -EINVAL;
	}
	rc->features.retries = 3;
	rc->features.retry_delay_ms = 10;
	rc->features.max_remaps = READ_ONCE(remap_max_remaps);

	main_name = dm_shift_arg(&as);
	if (remap_parse_sector(dm_shift_arg(&as), &rc->main_start)) {
		ti->error = "main_start must be a number of sectors";
		return -EINVAL;
	}
	spare_name = dm_shift_arg(&as);
	if (remap_parse_sector(dm_shift_arg(&as), &rc->spare_start)) {
		ti->error = "spare_start must be a number of sectors";
		return -EINVAL;
	}
	if (remap_parse_sector(dm_shift_arg(&as), &rc->spare_len)) {
		ti->error = "spare_len must be a number of sectors";
		return -EINVAL;
	}
	r = remap_parse_features(rc, &as);
	if (r)
		return r;

	r = dm_get_device(ti, main_name, dm_table_get_mode(ti->table), &rc->main);
	if (r) {
		ti->error = "main_dev cannot be opened";
		return r;
	}
	r = dm_get_device(ti, spare_name, dm_table_get_mode(ti->table), &rc->spare);
	if (r) {
		ti->error = "spare_dev cannot be opened";
		return r;
	}
	rc->unit = bdev_logical_block_size(rc->main->bdev) >> SECTOR_SHIFT;
	return remap_check_devices(rc) ?: remap_find_slots(rc);
}
