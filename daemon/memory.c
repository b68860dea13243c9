// SPDX-License-Identifier: MIT
#include "memory.h"

#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena.h"
#include "log.h"

/* Three times what the deepest calls were seen to take, 20 KiB. */
#define STACK_BYTES	(64U << 10)

/* What the kernel sets aside below it when a program starts. */
#define STACK_BELOW	(128U << 10)

/* Regions have some each, and the daemon itself. */
#define OTHER_SOURCES	64

/* What they take for a moment is to fit into what was prepared. */
#define SOURCES_MAX	1088

/*
 * One heap for all threads, grown once and never shrunk. A pool for each kind
 * of thing would leave out what libraries allocate, and that is most of what a
 * client takes.
 */
static void prepare_heap(void)
{
	void *block;

	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	block = malloc(CARVE_MEMORY_BYTES);
	if (!block)
		return;
	/* Not zeros, or the compiler would make it calloc(), which touches none. */
	memset(block, 1, CARVE_MEMORY_BYTES);
	/* Nor may it see that nobody reads them. */
	__asm__ volatile("" : : "r"(block) : "memory");
	free(block);
}

__attribute__((noinline))
static void touch_stack(void)
{
	volatile char stack[STACK_BYTES];

	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 1;
}

/*
 * To lock the stack takes all that is set aside for it. Page by page, as it ends
 * somewhere there.
 */
__attribute__((noinline))
static void trim_stack(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t top = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);
	char *end = (char *)(top - STACK_BYTES);

	for (size_t i = page; i <= STACK_BELOW; i += page)
		if (munlock(end - i, page) < 0 ||
		    madvise(end - i, page, MADV_DONTNEED) < 0)
			return;
}

/*
 * What there is now, all of it, used so far or not. What comes later only when
 * it is touched: a thread's stack is 8 MiB, of which it takes three pages. But
 * where there is a limit, its whole size counts, and to run into that would be
 * worse than to be paged out.
 */
static void lock(void)
{
	struct rlimit limit;
	int r = mlockall(MCL_CURRENT);

	if (r == 0 && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	    limit.rlim_cur == RLIM_INFINITY)
		r = mlockall(MCL_FUTURE | MCL_ONFAULT);
	if (r < 0)
		carve_log(LOG_DEBUG, NULL, "the daemon may be paged out: "
			  "LimitMEMLOCK= or ulimit -l do not let it lock its "
			  "memory");
}

static int on_nothing(sd_event_source *source, void *data)
{
	(void)source;
	(void)data;
	return 0;
}

/* Its queues grow and never shrink, so what has been in them fits again. */
void carve_memory_prepare_loop(sd_event *event, unsigned int clients)
{
	sd_event_source *sources[SOURCES_MAX];
	unsigned int count = clients + OTHER_SOURCES, added = 0;

	if (count > SOURCES_MAX)
		count = SOURCES_MAX;
	while (added < count &&
	       sd_event_add_defer(event, &sources[added], on_nothing, NULL) >= 0)
		added++;
	/* One turn, in which there is something to do for all of them. */
	(void)sd_event_run(event, 0);
	while (added)
		sd_event_source_disable_unref(sources[--added]);
}

void carve_memory_prepare(void)
{
	prepare_heap();
	touch_stack();
	lock();
	trim_stack();
	/* Last: what is only set aside is not to be locked. */
	carve_arena_prepare(CARVE_MEMORY_ARENA);
}
