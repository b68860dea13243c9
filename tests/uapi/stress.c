// SPDX-License-Identifier: MIT
/*
 * The driver against a naive twin: random exports, releases, scrubs and reads
 * with every outcome foretold page by page; and 100,000 cycles that must end
 * where they began.
 *
 * $CARVE_SEED repeats a run, $CARVE_STEPS and $CARVE_CYCLES change its length.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "check.h"

#define PAGES 192
#define SLOTS 64
#define ROUND 50

/* What the twin knows of a page, and of a buffer. */
static struct { int state; uint64_t owner; } twin[PAGES];
static struct { int buf; unsigned int first, count; uint64_t owner; } bufs[SLOTS];
static struct carve_release waiting[SLOTS * 4];
static unsigned int waiting_count;
static uint64_t random_state, next_owner = 1;
static int manager;

static unsigned int pick(unsigned int below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1;
	return (random_state >> 33) % below;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static unsigned int count_pages(unsigned int first, unsigned int count, int state)
{
	unsigned int i, found = 0;

	for (i = first; i < first + count; i++)
		found += twin[i].state == state;
	return found;
}

static void set_pages(unsigned int first, unsigned int count, int state,
		      uint64_t owner)
{
	for (; count; count--, first++) {
		twin[first].state = state;
		twin[first].owner = owner;
	}
}

/* Each page is zero, and then says whose it was. */
static bool stamp(int buf, unsigned int count, uint64_t owner)
{
	char *map = buf_map(buf, count * page);
	bool zero = true;
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint64_t *words = (uint64_t *)(map + i * page);

		zero = zero && !words[0] && !words[page / 8 - 1];
		words[0] = words[page / 8 - 1] = owner;
	}
	munmap(map, count * page);
	return zero;
}

static const char *step_export(void)
{
	unsigned int first = pick(PAGES), count = 1 + pick(12), slot;
	uint64_t owner = next_owner++;
	int wanted, buf;

	for (slot = 0; slot < SLOTS && bufs[slot].count; slot++)
		;
	if (slot == SLOTS)
		return NULL;
	if (first + count > PAGES)
		count = PAGES - first;
	wanted = count_pages(first, count, 0) == count ? 0 : -EBUSY;
	buf = carve_export_buf(manager, first * page, count * page, owner);
	if ((buf < 0 ? buf : 0) != wanted)
		return "export is not as foretold";
	if (buf < 0)
		return NULL;
	bufs[slot].buf = buf;
	bufs[slot].first = first;
	bufs[slot].count = count;
	bufs[slot].owner = owner;
	set_pages(first, count, CARVE_STATE_LIVE, owner);
	return stamp(buf, count, owner) ? NULL : "a new buffer is not zero";
}

static const char *step_release(void)
{
	unsigned int slot = pick(SLOTS);
	struct carve_release *record = &waiting[waiting_count];

	if (!bufs[slot].count || waiting_count == ARRAY_SIZE(waiting))
		return NULL;
	close(bufs[slot].buf);
	set_pages(bufs[slot].first, bufs[slot].count, CARVE_STATE_DIRTY,
		  bufs[slot].owner);
	record->offset = bufs[slot].first * page;
	record->bytes = bufs[slot].count * page;
	record->owner[0] = bufs[slot].owner;
	record->owner[1] = ~bufs[slot].owner;
	waiting_count++;
	bufs[slot].count = 0;
	return NULL;
}

static const char *step_scrub(void)
{
	unsigned int first = pick(PAGES), count = 1 + pick(24);
	int64_t wanted, scrubbed;

	if (first + count > PAGES)
		count = PAGES - first;
	wanted = count_pages(first, count, CARVE_STATE_LIVE) ? -EBUSY :
		 (int64_t)(count_pages(first, count, CARVE_STATE_DIRTY) * page);
	scrubbed = carve_scrub_range(manager, first * page, count * page);
	if (scrubbed != wanted)
		return "scrub is not as foretold";
	if (scrubbed >= 0)
		set_pages(first, count, 0, 0);
	return NULL;
}

static const char *step_read(void)
{
	struct carve_release records[8];
	int wanted = waiting_count < 8 ? waiting_count : 8, got, i;

	got = carve_read_records(manager, records, 8);
	if (got != wanted)
		return "read gives another number of records";
	for (i = 0; i < got; i++)
		if (memcmp(&records[i], &waiting[i], sizeof(records[i])))
			return "a record is not as foretold";
	waiting_count -= got;
	memmove(waiting, waiting + got, waiting_count * sizeof(waiting[0]));
	return NULL;
}

/* The list and the sums, page by page. */
static const char *compare(void)
{
	static struct carve_extent_info infos[PAGES + 1];
	int count = carve_list_all(manager, infos, PAGES + 1), i;
	struct carve_info info;
	uint64_t at = 0, p;

	for (i = 0; i < count; i++) {
		if (infos[i].offset < at)
			return "the list has overlaps or no order";
		for (; at < infos[i].offset; at += page)
			if (twin[at / page].state)
				return "a page is missing in the list";
		for (; at < infos[i].offset + infos[i].bytes; at += page) {
			p = at / page;
			if (p >= PAGES || twin[p].state != (int)infos[i].state ||
			    twin[p].owner != infos[i].owner[0])
				return "a page is listed wrongly";
		}
	}
	for (; at < PAGES * page; at += page)
		if (twin[at / page].state)
			return "a page is missing at the end of the list";
	carve_info_get(manager, &info);
	if (info.live_bytes != count_pages(0, PAGES, CARVE_STATE_LIVE) * page ||
	    info.dirty_bytes != count_pages(0, PAGES, CARVE_STATE_DIRTY) * page ||
	    info.unread_count != waiting_count)
		return "the sums are wrong";
	return NULL;
}

static void check_random(void)
{
	const char *(*const steps[])(void) = {
		step_export, step_export, step_export, step_release,
		step_release, step_scrub, step_scrub, step_read,
	};
	uint64_t count = number("CARVE_STEPS", 20000), i;
	uint64_t seed = number("CARVE_SEED", time(NULL) ^ getpid());
	const char *wrong = NULL;

	random_state = seed;
	printf("# random: CARVE_SEED=%llu CARVE_STEPS=%llu\n",
	       (unsigned long long)seed, (unsigned long long)count);
	for (i = 0; i < count && !wrong; i++) {
		wrong = steps[pick(ARRAY_SIZE(steps))]();
		if (!wrong && i % 8 == 0)
			wrong = compare();
	}
	check(!wrong, "random steps are as the twin foretells",
	      "step %llu of seed %llu: %s", (unsigned long long)i,
	      (unsigned long long)seed, wrong);
	for (i = 0; i < SLOTS; i++)
		if (bufs[i].count)
			close(bufs[i].buf);
}

/* KiB of kernel memory that a leak would show up in. */
static long kernel_kib(void)
{
	FILE *meminfo = fopen("/proc/meminfo", "re");
	long value, sum = 0;
	char key[64];

	while (meminfo && fscanf(meminfo, "%63s %ld%*[^\n]", key, &value) == 2)
		if (!strcmp(key, "SUnreclaim:"))
			sum = value;
	if (meminfo)
		fclose(meminfo);
	return sum;
}

/* A round of cycles: each page is exported and closed, all are scrubbed. */
static bool cycle_round(uint64_t i)
{
	uint64_t at = i * 37 % (region.bytes / page - ROUND) * page;
	struct carve_release records[ROUND];
	int n, buf;

	for (n = 0; n < ROUND; n++) {
		buf = carve_export_buf(manager, at + n * page, page, i + n);
		if (buf < 0)
			return false;
		close(buf);
	}
	if (read(manager, records, sizeof(records)) != sizeof(records))
		return false;
	for (n = 0; n < ROUND; n++)
		if (records[n].offset != at + n * page ||
		    records[n].owner[0] != i + n)
			return false;
	return carve_scrub_range(manager, at, ROUND * page) ==
	       (int64_t)(ROUND * page);
}

static void check_cycles(void)
{
	uint64_t count = number("CARVE_CYCLES", 100000), i;
	struct carve_info before, after;
	struct carve_extent_info info;
	struct timespec start, end;
	long kib, ms;

	for (i = 0; i < 20; i++)	/* what is kept for reuse is there then */
		cycle_round(i);
	kib = kernel_kib();
	carve_info_get(manager, &before);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < count && cycle_round(i); i += ROUND)
		;
	clock_gettime(CLOCK_MONOTONIC, &end);
	ms = (end.tv_sec - start.tv_sec) * 1000 +
	     (end.tv_nsec - start.tv_nsec) / 1000000;
	check(i >= count, "cycles of export, close, read, scrub",
	      "%llu of %llu", (unsigned long long)i, (unsigned long long)count);
	printf("# %llu cycles in %ld ms\n", (unsigned long long)i, ms);
	carve_info_get(manager, &after);
	check(!memcmp(&before, &after, sizeof(before)),
	      "they end with the sums they began with", "%llu live, %llu dirty",
	      after.live_bytes, after.dirty_bytes);
	check_value("and with an empty list", carve_list_all(manager, &info, 1), 0);
	kib = kernel_kib() - kib;
	check(kib < 4096, "and without a leak", "%ld KiB more kernel memory", kib);
}

int main(void)
{
	manager = region_open();
	check_random();
	close(manager);
	manager = region_open();
	check(region_is_clean(manager), "all clean between", "it is not");
	check_cycles();
	return finish();
}
