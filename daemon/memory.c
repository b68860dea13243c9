// SPDX-License-Identifier: MIT
#include "memory.h"

#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "arena.h"
#include "log.h"

/* More than the deepest calls take. */
#define STACK_BYTES	(256U << 10)

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

void carve_memory_prepare(void)
{
	prepare_heap();
	touch_stack();
	lock();
	/* Last: what is only set aside is not to be locked. */
	carve_arena_prepare(CARVE_MEMORY_ARENA);
}
