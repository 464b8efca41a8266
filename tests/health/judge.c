// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's assessment in user space: reads questions from stdin, a line each, and answers each
 * with a line.
 *
 *   assess <name>=<number>...       the reply to the message "health", for these numbers
 *   follow <seconds> <counter>      "<sum> <wait>" of a window that has followed the counter
 *   reset                           starts with an empty window again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kmod/dm-remap-assess.h"

static int set(struct remap_vitals *v, const char *name, u64 value)
{
#define FLAG(field) do { if (!strcmp(name, #field)) { v->field = value; return 1; } } while (0)
#define COUNT(field) FLAG(field)
	FLAG(main_dead);
	FLAG(spare_dead);
	FLAG(storm);
	FLAG(metadata_ro);
	COUNT(slots_total);
	COUNT(slots_free);
	COUNT(slots_bad);
	COUNT(max_remaps);
	COUNT(remapped);
	COUNT(lost);
	COUNT(pending);
	COUNT(relocated);
	COUNT(device_errors);
	COUNT(write_errors);
	COUNT(verify_errors);
	return 0;
}

static void assess(char *words)
{
	struct remap_vitals vitals = { .slots_total = 1000, .slots_free = 1000 };
	struct remap_assessment result;
	char reasons[REMAP_REASONS_SIZE], *word, *value;

	for (word = strtok(words, " "); word; word = strtok(NULL, " ")) {
		value = strchr(word, '=');
		if (!value) {
			puts("error");
			return;
		}
		*value++ = '\0';
		if (!set(&vitals, word, strtoull(value, NULL, 10))) {
			puts("error");
			return;
		}
	}
	remap_assess(&vitals, &result);
	if (remap_print_reasons(&result, reasons, sizeof(reasons)) != strlen(reasons)) {
		puts("error: no room for the reasons");
		return;
	}
	printf("health=%s score=%u reason=%s\n", remap_health_state_name(result.state),
	       result.score, reasons);
}

int main(void)
{
	struct remap_window window = { 0 };
	u64 now, counter;
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "assess", 6)) {
			assess(line + 6);
		} else if (!strcmp(line, "reset")) {
			memset(&window, 0, sizeof(window));
			puts("ok");
		} else if (sscanf(line, "follow %llu %llu", &now, &counter) == 2) {
			remap_window_follow(&window, now, counter);
			printf("%llu %llu\n", remap_window_sum(&window),
			       remap_window_wait(&window, now));
		} else {
			puts("error");
		}
	}
	return 0;
}
