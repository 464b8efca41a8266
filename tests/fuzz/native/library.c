// SPDX-License-Identifier: GPL-2.0-only
/* The loader as a library, for what compares it with the tool's. */
#include <stdarg.h>
#include <stdio.h>

#include "loader.h"

struct text {
	char *at;
	size_t room, length;
};

__attribute__((format(printf, 2, 3)))
static void say(struct text *text, const char *format, ...)
{
	size_t room = text->length < text->room ? text->room - text->length : 0;
	va_list args;

	va_start(args, format);
	text->length += vsnprintf(room ? text->at + text->length : NULL, room, format, args);
	va_end(args);
}

static void say_extents(struct text *text, const struct remap_extent *extents, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		say(text, "%llu %u %u %llu\n", extents[i].first, extents[i].len, extents[i].state,
		    extents[i].slot);
}

/*
 * "refused <why>", or "<copy> <generation> <transactions> <journal used> <dropped>" and a line
 * "<first> <length> <state> <slot>" an extent. Returns the length, which may be more than @room.
 */
size_t fuzz_load(const __u8 *data, size_t size, char *out, size_t room)
{
	struct image image = { .data = data, .size = size };
	struct text text = { .at = out, .room = room };
	struct loaded loaded;

	if (!quick_table[0][1])
		quick_crc_init();
	load_image(&image, &loaded);
	if (loaded.refused) {
		say(&text, "refused %s", loaded.refused);
		return text.length;
	}
	say(&text, "%c %llu %u %u %u\n", 'A' + loaded.copy, loaded.generation, loaded.transactions,
	    loaded.journal_used, loaded.dropped);
	say_extents(&text, loaded.table, loaded.count);
	say_extents(&text, loaded.bad, loaded.bad_count);
	loaded_free(&loaded);
	return text.length;
}
