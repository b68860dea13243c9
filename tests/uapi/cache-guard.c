// SPDX-License-Identifier: MIT
/*
 * Cache maintenance of guards: written down to memory when they are filled,
 * and read from there when they are looked at; exactly they, and not the buffer
 * between them, which is its importers' affair. Of a write-combined region
 * nothing, ever.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "guarded.h"
#include "trace.h"

enum { BIDIRECTIONAL, TO_DEVICE };

static int manager;

static bool same(const struct sync *a, const struct sync *b)
{
	return a->to_device == b->to_device && a->phys == b->phys &&
	       a->bytes == b->bytes && a->dir == b->dir;
}

/* What has been done to the region's memory, in this order and nothing else. */
static void step(const char *name, const struct sync *wanted,
		 unsigned int wanted_count)
{
	static struct sync syncs[4096];
	unsigned int count = trace_take(syncs, ARRAY_SIZE(syncs)), i, at = 0;
	bool good = true;

	if (region.memory != CARVE_MEMORY_CACHED)
		wanted_count = 0;
	for (i = 0; i < count; i++) {
		const struct sync *sync = &syncs[i];

		if (sync->phys >= region.phys + region.bytes ||
		    sync->phys + sync->bytes <= region.phys)
			continue;
		if (at == wanted_count || !same(sync, &wanted[at])) {
			printf("# unwanted: %s %#llx+%#llx dir %d\n",
			       sync->to_device ? "device" : "cpu",
			       (unsigned long long)(sync->phys - region.phys),
			       (unsigned long long)sync->bytes, sync->dir);
			good = false;
		} else {
			at++;
		}
	}
	check(good && at == wanted_count, name, "%u of %u as wanted", at,
	      wanted_count);
}

/* The guards that there are: filled, then looked at. */
static void check_guards(const char *name, uint32_t before, uint32_t after)
{
	uint64_t offset = 33 * page, bytes = before + 5 * page + after;
	const struct { uint64_t phys, bytes; } guards[] = {
		{ region.phys + offset, before },
		{ region.phys + offset + bytes - after, after },
	};
	struct sync filled[2], read[4];
	unsigned int count = 0, i;
	struct carve_release record;
	char text[80];
	int buf;

	for (i = 0; i < ARRAY_SIZE(guards); i++) {
		struct sync sync = { true, guards[i].phys, guards[i].bytes, TO_DEVICE };

		if (!sync.bytes)
			continue;
		filled[count] = sync;
		sync.dir = BIDIRECTIONAL;
		read[2 * count] = sync;
		sync.to_device = false;
		read[2 * count++ + 1] = sync;
	}
	trace_clear();
	buf = guarded_new(manager, offset, bytes, before, after);
	snprintf(text, sizeof(text), "export with %s: cleaned", name);
	step(text, filled, count);
	close(buf);
	snprintf(text, sizeof(text), "release with %s: cleaned and invalidated",
		 name);
	step(text, read, 2 * count);
	if (carve_read_records(manager, &record, 1) != 1 ||
	    carve_scrub_range(manager, offset, bytes) != (int64_t)bytes)
		die("cannot clean up");
}

/* An export that fails in the end has not written to its guards. */
static void check_failed(void)
{
	struct carve_export *export;

	export = mmap(NULL, page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (export == MAP_FAILED)
		die("mmap: %m");
	*export = guarded_args(0, 4 * page, page, page);
	mprotect(export, page, PROT_READ);
	trace_clear();
	check_value("export that cannot tell the descriptor",
		    guarded_run(manager, export), -EFAULT);
	step("it has touched nothing: none", NULL, 0);
	munmap(export, page);
}

int main(void)
{
	const char *why;

	manager = region_open();
	why = trace_open();
	if (why) {
		skip("cache maintenance of guards", why);
		return finish();
	}
	check_guards("no guard", 0, 0);
	check_guards("one before", 2 * page, 0);
	check_guards("one behind", 0, page);
	check_guards("both", page, 3 * page);
	check_guards("the longest", CARVE_GUARD_MAX, CARVE_GUARD_MAX);
	check_failed();
	check(region_is_clean(manager), "clean in the end", "it is not");
	trace_close();
	return finish();
}
