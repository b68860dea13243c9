// SPDX-License-Identifier: MIT
/*
 * How fast the driver is, as ratios of what is measured in the same run: zeroing
 * against memset() on a mapping of the same kind, export and close during a
 * scrub against the same at rest, and what guard pages add. It judges nothing:
 * goals stand beside the figures.
 *
 * What is compared takes turns, so that a change in the machine's load hits
 * both sides.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "check.h"

#define ROUNDS 15
#define PAIRS 400	/* in a round */
#define MIB (1 << 20)

static int manager;

/* A set of measurements, in nanoseconds. */
struct times {
	uint64_t ns[ROUNDS * PAIRS];
	size_t count;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static void add(struct times *times, uint64_t ns)
{
	if (times->count < ARRAY_SIZE(times->ns))
		times->ns[times->count++] = ns;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The value that @percent of the measurements do not exceed. */
static double percentile(struct times *times, unsigned int percent)
{
	qsort(times->ns, times->count, sizeof(times->ns[0]), compare);
	if (!times->count)
		return 0;
	return times->ns[(times->count - 1) * percent / 100];
}

static int make(uint64_t offset, uint64_t bytes, uint32_t guard)
{
	struct carve_export export = {
		.size = sizeof(export),
		.offset = offset,
		.bytes = bytes,
		.name = "bench",
		.fd_flags = O_RDWR | O_CLOEXEC,
		.guard_before = guard,
		.guard_after = guard,
	};

	if (ioctl(manager, CARVE_IOC_EXPORT, &export))
		die("export: %m");
	return export.fd;
}

static void take_records(void)
{
	struct carve_release records[64];

	while (carve_read_records(manager, records, ARRAY_SIZE(records)) > 0)
		;
}

static void scrub(uint64_t offset, uint64_t bytes)
{
	int64_t scrubbed = carve_scrub_range(manager, offset, bytes);

	if (scrubbed < 0)
		die("scrub: %s", strerror(-scrubbed));
}

/* What a scrub of cached memory does besides: bring the lines to memory. */
static void clean_lines(const char *from, const char *end)
{
#ifdef __aarch64__
	uint64_t ctr;
	size_t line;

	__asm__("mrs %0, ctr_el0" : "=r"(ctr));
	line = 4 << (ctr >> 16 & 15);
	for (; from < end; from += line)
		__asm__ volatile("dc cvac, %0" : : "r"(from) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
#else
	(void)from;
	(void)end;
#endif
}

static uint64_t time_memset(int buf, uint64_t bytes, bool clean)
{
	char *map = buf_map(buf, bytes);
	uint64_t begin;

	memset(map, 1, bytes);	/* both sides find the pages in use */
	begin = now_ns();
	memset(map, 0, bytes);
	__asm__ volatile("" : : "r"(map) : "memory");
	if (clean)
		clean_lines(map, map + bytes);
	begin = now_ns() - begin;
	munmap(map, bytes);
	return begin;
}

static void bench_scrub(void)
{
	bool cached = region.memory == CARVE_MEMORY_CACHED;
	static struct times memsets, cleaned, scrubs;
	uint64_t bytes = region.bytes / 2, begin;
	double rate = bytes / (double)MIB * 1e9, a, b, c;
	int i, buf;

	for (i = 0; i < ROUNDS; i++) {
		buf = make(0, bytes, 0);
		add(&memsets, time_memset(buf, bytes, false));
		add(&cleaned, time_memset(buf, bytes, cached));
		close(buf);
		take_records();
		begin = now_ns();
		scrub(0, bytes);
		add(&scrubs, now_ns() - begin);
	}
	a = rate / percentile(&memsets, 50);
	b = rate / percentile(&scrubs, 50);
	c = rate / percentile(&cleaned, 50);
	printf("# scrub %.0f MiB/s, memset %.0f MiB/s: ratio %.2f (goal: at least 0.80)\n",
	       b, a, b / a);
	if (cached)
		printf("# memset and cleaning each cache line to memory %.0f MiB/s: ratio %.2f\n",
		       c, b / c);
}

/* Export and close of one page each, of a pool that is scrubbed afterwards. */
static void time_pairs(struct times *times, uint64_t pool, uint32_t guard,
		       const atomic_int *while_set)
{
	uint64_t bytes = page + 2 * guard, begin;
	unsigned int i;
	int buf;

	for (i = 0; i < PAIRS; i++) {
		bool before = !while_set || *while_set;

		begin = now_ns();
		buf = make(pool + i * bytes, bytes, guard);
		close(buf);
		begin = now_ns() - begin;
		if (before && (!while_set || *while_set))
			add(times, begin);
	}
	take_records();
}

static atomic_int scrubbing, stop;

/* Makes the lower half dirty and clean again, without end. */
static void *scrubber(void *arg)
{
	uint64_t bytes = region.bytes / 2;

	while (!stop) {
		close(make(0, bytes, 0));
		scrubbing = 1;
		scrub(0, bytes);
		scrubbing = 0;
	}
	return arg;
}

static void bench_latency(void)
{
	static struct times idle, busy;
	uint64_t pool = region.bytes / 2;
	pthread_t thread;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		time_pairs(&idle, pool, 0, NULL);
		scrub(pool, PAIRS * page);
		stop = 0;
		if (pthread_create(&thread, NULL, scrubber, NULL))
			die("no thread");
		while (!scrubbing)
			;
		time_pairs(&busy, pool, 0, &scrubbing);
		stop = 1;
		pthread_join(thread, NULL);
		take_records();
		scrub(0, region.bytes);
	}
	printf("# export and close at rest: p50 %.1f us, p99 %.1f us; during a scrub: p50 %.1f us, p99 %.1f us (%zu pairs): p99 ratio %.2f (goal: at most 2)\n",
	       percentile(&idle, 50) / 1e3, percentile(&idle, 99) / 1e3,
	       percentile(&busy, 50) / 1e3, percentile(&busy, 99) / 1e3,
	       busy.count, percentile(&busy, 99) / percentile(&idle, 99));
}

static void bench_guard(void)
{
	static struct times with, without;
	double a, b;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		time_pairs(&without, 0, 0, NULL);
		scrub(0, region.bytes);
		time_pairs(&with, 0, page, NULL);
		scrub(0, region.bytes);
	}
	a = percentile(&without, 50) / 1e3;
	b = percentile(&with, 50) / 1e3;
	printf("# export and close: p50 %.1f us, with a guard page on each side %.1f us: %.1f us for filling and verifying the two\n",
	       a, b, b - a);
}

int main(void)
{
	manager = region_open();
	printf("# %s, %llu MiB, %s\n", region.label,
	       (unsigned long long)region.bytes / MIB,
	       region.memory == CARVE_MEMORY_CACHED ? "cached" : "write-combined");
	bench_scrub();
	bench_latency();
	bench_guard();
	close(manager);
	printf("ok ran\n");
	return finish();
}
