// SPDX-License-Identifier: MIT
/*
 * Steps of a test and what they did to the caches, see syncs.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "syncs.h"
#include "trace.h"

#define MAX_SYNCS 4096

static struct sync syncs[MAX_SYNCS];
static unsigned int sync_count;
static uint8_t *times;	/* how often a page of the region was covered */

/*
 * Counts for each page how often the last step's calls of one kind and
 * direction (-1: of any) covered it. False when a call crosses the region's
 * bounds or covers part of a page.
 */
static bool count_pages(bool to_device, int dir)
{
	uint64_t end = region.phys + region.bytes, at;
	unsigned int i;

	if (!times)
		times = malloc(region.bytes / page);
	if (!times)
		die("malloc");
	memset(times, 0, region.bytes / page);
	for (i = 0; i < sync_count; i++) {
		const struct sync *sync = &syncs[i];

		if (sync->to_device != to_device ||
		    (dir >= 0 && sync->dir != dir) || sync->phys >= end ||
		    sync->phys + sync->bytes <= region.phys)
			continue;
		if (sync->phys < region.phys || sync->phys + sync->bytes > end ||
		    sync->phys % page || sync->bytes % page)
			return false;
		for (at = sync->phys; at < sync->phys + sync->bytes; at += page)
			times[(at - region.phys) / page]++;
	}
	return true;
}

/* The pages of [offset, offset + bytes) @wanted times, all others never. */
static bool covers(uint64_t offset, uint64_t bytes, unsigned int wanted)
{
	uint64_t at;

	for (at = 0; at < region.bytes; at += page) {
		bool inside = at >= offset && at < offset + bytes;

		if (times[at / page] != (inside ? wanted : 0))
			return false;
	}
	return true;
}

static void describe(char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	snprintf(text, size, "nothing");
	for (i = 0; i < sync_count && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s %#llx+%#llx dir %d",
				 i ? ", " : "", syncs[i].to_device ? "device" : "cpu",
				 (unsigned long long)syncs[i].phys,
				 (unsigned long long)syncs[i].bytes, syncs[i].dir);
}

void step_check(const char *name, uint64_t offset, uint64_t bytes,
		struct wanted wanted)
{
	bool cached = region.memory == CARVE_MEMORY_CACHED, good;
	char text[600];

	sync_count = trace_take(syncs, MAX_SYNCS);
	if (!cached)
		wanted.to_device = wanted.to_cpu = 0;
	good = count_pages(true, -1) && covers(offset, bytes, wanted.to_device) &&
	       count_pages(false, -1) && covers(offset, bytes, wanted.to_cpu);
	if (good && cached && wanted.dir >= 0)
		good = count_pages(true, wanted.dir) &&
		       covers(offset, bytes, wanted.to_device) &&
		       count_pages(false, wanted.dir) &&
		       covers(offset, bytes, wanted.to_cpu);
	describe(text, sizeof(text));
	check(good, name, "want %#llx+%#llx device %u cpu %u dir %d, got %s",
	      (unsigned long long)(region.phys + offset),
	      (unsigned long long)bytes, wanted.to_device, wanted.to_cpu,
	      wanted.dir, text);
}

const struct wanted nothing = { 0, 0, -1 };
const struct wanted cleaned = { 1, 0, TO_DEVICE };
const struct wanted kept = { 1, 1, -1 };
const struct wanted kept_for_device = { 2, 0, -1 };

/* Did the call throw lines away, or could it on other architectures? */
static bool drops(const struct sync *sync)
{
	return sync->to_device ? sync->dir == FROM_DEVICE :
				 sync->dir != TO_DEVICE;
}

void steps_cleaned_first(const char *name)
{
	unsigned int i, last_clean = 0, first_drop = sync_count;

	if (region.memory != CARVE_MEMORY_CACHED)
		return;
	for (i = 0; i < sync_count; i++) {
		if (syncs[i].phys < region.phys ||
		    syncs[i].phys >= region.phys + region.bytes)
			continue;
		if (drops(&syncs[i]))
			first_drop = i < first_drop ? i : first_drop;
		else if (syncs[i].to_device)
			last_clean = i + 1;
	}
	check(last_clean && last_clean <= first_drop, name,
	      "the last of %u calls that cleans is the %u., the first that throws away the %u.",
	      sync_count, last_clean, first_drop + 1);
}
