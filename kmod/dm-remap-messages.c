// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: dmsetup message <device> 0 <message>. A handler returns 1 when it has written a reply
 * (dm-ioctl.c, target_message()); the core repeats the message with a larger buffer if the reply
 * did not fit, so only messages that change nothing may have long replies.
 */
#include <linux/kstrtox.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dm-remap-messages.h"
#include "dm-remap-metadata.h"
#include "dm-remap-move.h"
#include "dm-remap-stats.h"
#include "dm-remap-table.h"

struct remap_reply {
	char *result;
	unsigned int maxlen;
	unsigned int len;
};

static __printf(2, 3) void remap_reply(struct remap_reply *reply, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	reply->len += vscnprintf(reply->result + reply->len, reply->maxlen - reply->len, fmt, args);
	va_end(args);
}

static bool remap_reply_full(const struct remap_reply *reply)
{
	return reply->len + 1 >= reply->maxlen;
}

static int remap_parse_number(struct remap_c *rc, const char *message, const char *what,
			      const char *arg, u64 *value)
{
	if (*arg < '0' || *arg > '9' || kstrtoull(arg, 10, value)) {
		remap_err(rc, "%s: %s \"%s\" is not a number", message, what, arg);
		return -EINVAL;
	}
	return 0;
}

/* <sector> [<count>]; without @count_arg it is @count. */
static int remap_parse_range(struct remap_c *rc, const char *message, const char *sector_arg,
			     const char *count_arg, u64 count, struct remap_range *range)
{
	u64 sector;

	if (remap_parse_number(rc, message, "sector", sector_arg, &sector) ||
	    (count_arg && remap_parse_number(rc, message, "count", count_arg, &count)))
		return -EINVAL;
	if (!count) {
		remap_err(rc, "%s: count is 0", message);
		return -EINVAL;
	}
	if (sector >= rc->ti->len || count > rc->ti->len - sector) {
		remap_err(rc, "%s: sectors %llu+%llu are past the end of the device (%llu sectors)",
			  message, sector, count, (u64)rc->ti->len);
		return -EINVAL;
	}
	range->first = sector;
	range->last = sector + count - 1;
	return 0;
}

/* As remap_parse_range(), for what is to move: whole logical blocks. */
static int remap_parse_blocks(struct remap_c *rc, const char *message, const char *sector_arg,
			      const char *count_arg, struct remap_range *range)
{
	int r = remap_parse_range(rc, message, sector_arg, count_arg, rc->unit, range);

	if (!r && (range->first | (range->last + 1)) & (rc->unit - 1)) {
		remap_err(rc, "%s: sectors %llu+%llu are not whole logical blocks of %u sectors",
			  message, (u64)range->first, (u64)(range->last - range->first + 1),
			  rc->unit);
		return -EINVAL;
	}
	return r;
}

static int remap_bad_arguments(struct remap_c *rc, const char *usage)
{
	remap_err(rc, "wrong arguments, expected: %s", usage);
	return -EINVAL;
}

static int remap_msg_ping(struct remap_c *rc, unsigned int argc, char **argv,
			  struct remap_reply *reply)
{
	if (argc != 1)
		return remap_bad_arguments(rc, "ping");
	remap_reply(reply, "pong");
	return 1;
}

static int remap_parse_ranges(struct remap_c *rc, unsigned int argc, char **argv,
			      struct remap_range *ranges)
{
	unsigned int i;
	int r;

	for (i = 0; 1 + 2 * i < argc; i++) {
		r = remap_parse_blocks(rc, argv[0], argv[1 + 2 * i],
				       2 + 2 * i < argc ? argv[2 + 2 * i] : NULL, &ranges[i]);
		if (r)
			return r;
		if (i && ranges[i].first <= ranges[i - 1].last) {
			remap_err(rc, "remap: several ranges must ascend and not overlap");
			return -EINVAL;
		}
	}
	return 0;
}

static int remap_msg_remap(struct remap_c *rc, unsigned int argc, char **argv,
			   struct remap_reply *reply)
{
	struct remap_relocated relocated = {};
	struct remap_range *ranges;
	unsigned int nr = argc / 2;
	int r;

	if (argc < 2 || (argc > 2 && argc % 2 == 0))
		return remap_bad_arguments(rc, "remap <sector> [<count> [<sector> <count>]...]");
	ranges = kvmalloc_array(nr, sizeof(*ranges), GFP_NOIO);
	if (!ranges)
		return -ENOMEM;
	r = remap_parse_ranges(rc, argc, argv, ranges);
	if (!r)
		r = remap_relocate(rc, ranges, nr, &relocated);
	kvfree(ranges);
	if (r)
		return r;
	remap_reply(reply, "remapped=%llu lost=%llu", relocated.remapped, relocated.lost);
	return 1;
}

static int remap_reply_unmapped(struct remap_c *rc, const struct remap_range *range, bool force,
				struct remap_reply *reply)
{
	struct remap_unmapped unmapped = {};
	int r = remap_unmap(rc, range, force, &unmapped);

	if (r)
		return r;
	remap_reply(reply, "cleared=%llu kept=%llu", unmapped.cleared, unmapped.kept);
	return 1;
}

static int remap_msg_unmap(struct remap_c *rc, unsigned int argc, char **argv,
			   struct remap_reply *reply)
{
	bool force = argc > 2 && !strcasecmp(argv[argc - 1], "force");
	struct remap_range range;
	int r;

	argc -= force;
	if (argc < 2 || argc > 3)
		return remap_bad_arguments(rc, "unmap <sector> [<count>] [force]");
	r = remap_parse_blocks(rc, argv[0], argv[1], argc > 2 ? argv[2] : NULL, &range);
	return r ?: remap_reply_unmapped(rc, &range, force, reply);
}

static int remap_msg_clear(struct remap_c *rc, unsigned int argc, char **argv,
			   struct remap_reply *reply)
{
	struct remap_range all = { 0, rc->ti->len - 1 };
	bool force = argc == 2 && !strcasecmp(argv[1], "force");

	if (argc - force != 1)
		return remap_bad_arguments(rc, "clear [force]");
	return remap_reply_unmapped(rc, &all, force, reply);
}

/* Do the two values say the same of their sectors? All of main is one place. */
static bool remap_same_place(const void *a, const void *b)
{
	return a == b || (!remap_is_listed(a) && !remap_is_listed(b));
}

static void remap_reply_place(struct remap_reply *reply, const void *value, sector_t first,
			      sector_t last)
{
	remap_reply(reply, "%s%llu %llu %s", reply->len ? "\n" : "", (u64)first,
		    (u64)(last - first + 1), remap_state_name(value));
	if (remap_state(value) != REMAP_MAIN)
		remap_reply(reply, " %llu", (u64)remap_spare_sector(value, first));
}

/* A line for each place in the range, at most @max; without main's if @entries. */
static int remap_reply_places(struct remap_c *rc, const struct remap_range *range, u64 max,
			      bool entries, struct remap_reply *reply)
{
	sector_t pos, end, next_end;

	/* No move, and so no mark, while we look. */
	if (mutex_lock_killable(&rc->move_lock))
		return -EINTR;
	for (pos = range->first; pos <= range->last && max && !remap_reply_full(reply);
	     pos = end + 1) {
		void *value = remap_table_at(rc->table, pos, &end);

		while (end < range->last &&
		       remap_same_place(value, remap_table_at(rc->table, end + 1, &next_end))) {
			end = next_end;
			cond_resched();
		}
		end = min(end, range->last);
		if (entries && !remap_is_listed(value))
			continue;
		remap_reply_place(reply, value, pos, end);
		max--;
		cond_resched();
	}
	mutex_unlock(&rc->move_lock);
	return 1;
}

static int remap_msg_verify(struct remap_c *rc, unsigned int argc, char **argv,
			    struct remap_reply *reply)
{
	struct remap_range range;
	int r;

	if (argc < 2 || argc > 3)
		return remap_bad_arguments(rc, "verify <sector> [<count>]");
	r = remap_parse_range(rc, argv[0], argv[1], argc > 2 ? argv[2] : NULL, 1, &range);
	if (r)
		return r;
	return remap_reply_places(rc, &range, U64_MAX, false, reply);
}

static int remap_msg_entries(struct remap_c *rc, unsigned int argc, char **argv,
			     struct remap_reply *reply)
{
	struct remap_range range = { .last = rc->ti->len - 1 };
	u64 from, max;

	if (argc != 3)
		return remap_bad_arguments(rc, "entries <from_sector> <max>");
	if (remap_parse_number(rc, argv[0], "from_sector", argv[1], &from) ||
	    remap_parse_number(rc, argv[0], "max", argv[2], &max))
		return -EINVAL;
	range.first = min_t(u64, from, rc->ti->len);
	return remap_reply_places(rc, &range, max, true, reply);
}

static int remap_msg_stats(struct remap_c *rc, unsigned int argc, char **argv,
			   struct remap_reply *reply)
{
	if (argc != 1)
		return remap_bad_arguments(rc, "stats");
	remap_print_stats(rc, reply->result, reply->maxlen);
	return 1;
}

static int remap_msg_health(struct remap_c *rc, unsigned int argc, char **argv,
			    struct remap_reply *reply)
{
	if (argc != 1)
		return remap_bad_arguments(rc, "health");
	spin_lock(&rc->table_lock);
	remap_health_print(rc, reply->result, reply->maxlen);
	spin_unlock(&rc->table_lock);
	return 1;
}

static int remap_msg_scan(struct remap_c *rc, unsigned int argc, char **argv,
			  struct remap_reply *reply)
{
	return remap_scan_message(rc, argc, argv, reply->result, reply->maxlen);
}

static int remap_msg_save(struct remap_c *rc, unsigned int argc, char **argv,
			  struct remap_reply *reply)
{
	u64 generation;
	int r;

	if (argc != 1)
		return remap_bad_arguments(rc, "save");
	r = remap_meta_save(rc, &generation);
	if (r)
		return r;
	remap_reply(reply, "saved=%llu", generation);
	return 1;
}

static int remap_msg_restore(struct remap_c *rc, unsigned int argc, char **argv,
			     struct remap_reply *reply)
{
	u64 remapped;
	int r;

	if (argc != 1)
		return remap_bad_arguments(rc, "restore");
	r = remap_meta_restore(rc, &remapped);
	if (r)
		return r;
	remap_reply(reply, "restored=%llu", remapped);
	return 1;
}

static int remap_msg_migrate(struct remap_c *rc, unsigned int argc, char **argv,
			     struct remap_reply *reply)
{
	return remap_migration_message(rc, argc, argv, reply->result, reply->maxlen);
}

static const struct {
	const char *name;
	int (*handle)(struct remap_c *rc, unsigned int argc, char **argv,
		      struct remap_reply *reply);
} remap_messages[] = {
	{ "ping", remap_msg_ping },
	{ "remap", remap_msg_remap },
	{ "unmap", remap_msg_unmap },
	{ "clear", remap_msg_clear },
	{ "verify", remap_msg_verify },
	{ "entries", remap_msg_entries },
	{ "stats", remap_msg_stats },
	{ "health", remap_msg_health },
	{ "scan", remap_msg_scan },
	{ "save", remap_msg_save },
	{ "restore", remap_msg_restore },
	{ "migrate", remap_msg_migrate },
};

int remap_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		  unsigned int maxlen)
{
	struct remap_reply reply = { .result = result, .maxlen = maxlen };
	struct remap_c *rc = ti->private;
	unsigned int i;
	int r;

	/* The reply's buffer comes with the message in it, from its ninth byte on. */
	if (maxlen)
		result[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(remap_messages); i++) {
		if (!strcasecmp(argv[0], remap_messages[i].name)) {
			r = remap_messages[i].handle(rc, argc, argv, &reply);
			if (r == -ENOMEM)
				remap_err(rc, "%s: out of memory", remap_messages[i].name);
			return r;
		}
	}
	remap_err(rc, "unknown message \"%s\"", argv[0]);
	return -EINVAL;
}
