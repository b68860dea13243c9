// SPDX-License-Identifier: MIT
#include "arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Address space: for eight times the extents that a daemon may have (service.h), or
 * what of it can be had. What of it may be used grows in steps.
 */
#define RESERVED_BYTES	(256UL << 20)
#define RESERVED_MIN	(1UL << 20)
#define STEP_BYTES	(64UL << 10)

/* Pieces up to this size have a list each; of larger ones there are few. */
#define SMALL_BYTES	512UL
#define UNIT		8UL

/* A sanitizer sees who uses a piece that was freed, and what a piece points to. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)	((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size)	((void)0)
#define __lsan_register_root_region(address, size)	((void)0)
#endif

/**
 * struct piece - one that is free
 * @bytes: its size
 */
struct piece {
	struct piece *next;
	size_t bytes;
};

/**
 * struct arena - all there is
 * @lock: over all below
 * @base: of @reserved bytes; NULL: there are none yet
 * @ready: bytes of these that may be used
 * @used: bytes of these that were given out at some time
 * @small: free pieces by size, in units
 * @large: all others
 */
struct arena {
	pthread_mutex_t lock;
	char *base;
	size_t reserved;
	size_t ready;
	size_t used;
	struct piece *small[SMALL_BYTES / UNIT + 1];
	struct piece *large;
};

static struct arena arena = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

static bool reserve(void)
{
	size_t bytes = RESERVED_BYTES;
	void *base = MAP_FAILED;

	if (arena.base)
		return true;
	for (; base == MAP_FAILED && bytes >= RESERVED_MIN; bytes /= 2) {
		base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		arena.reserved = bytes;
	}
	if (base == MAP_FAILED)
		return false;
	/* Else the first piece of 2 MiB would take all of them. */
	(void)madvise(base, arena.reserved, MADV_NOHUGEPAGE);
	__lsan_register_root_region(base, arena.reserved);
	arena.base = base;
	return true;
}

/* Return: whether so many bytes from the start on may be used. */
static bool make_ready(size_t bytes)
{
	size_t ready = round_up(bytes, STEP_BYTES);

	if (bytes <= arena.ready)
		return true;
	if (!reserve() || ready > arena.reserved ||
	    mprotect(arena.base + arena.ready, ready - arena.ready,
		     PROT_READ | PROT_WRITE) < 0)
		return false;
	ASAN_POISON_MEMORY_REGION(arena.base + arena.ready,
				  ready - arena.ready);
	arena.ready = ready;
	return true;
}

void carve_arena_prepare(size_t bytes)
{
	pthread_mutex_lock(&arena.lock);
	if (make_ready(arena.used + bytes)) {
		char *first = arena.base + arena.used;
		size_t size = arena.ready - arena.used;

		(void)mlock(first, size);
		ASAN_UNPOISON_MEMORY_REGION(first, size);
		for (size_t i = 0; i < size; i += UNIT)
			*(volatile char *)&first[i] = 0;
		ASAN_POISON_MEMORY_REGION(first, size);
	}
	pthread_mutex_unlock(&arena.lock);
}

/* The free list for a size, and its first piece of this size. */
static struct piece **list_of(size_t bytes)
{
	struct piece **list = &arena.large;

	if (bytes <= SMALL_BYTES)
		return &arena.small[bytes / UNIT];
	while (*list) {
		ASAN_UNPOISON_MEMORY_REGION(*list, sizeof(**list));
		if ((*list)->bytes == bytes)
			break;
		list = &(*list)->next;
	}
	return list;
}

static void *take(size_t bytes)
{
	struct piece **list = list_of(bytes), *piece = *list;

	if (piece) {
		ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
		*list = piece->next;
		return memset(piece, 0, bytes);
	}
	if (!make_ready(arena.used + bytes))
		return NULL;
	piece = (struct piece *)(arena.base + arena.used);
	arena.used += bytes;
	ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
	return piece;
}

static size_t size_of(size_t bytes)
{
	return round_up(bytes < sizeof(struct piece) ? sizeof(struct piece) :
						       bytes, UNIT);
}

void *carve_arena_new(size_t bytes)
{
	void *piece;

	pthread_mutex_lock(&arena.lock);
	piece = take(size_of(bytes));
	pthread_mutex_unlock(&arena.lock);
	return piece;
}

void carve_arena_free(void *memory, size_t bytes)
{
	struct piece *piece = memory, **list;

	if (!piece)
		return;
	bytes = size_of(bytes);
	pthread_mutex_lock(&arena.lock);
	list = bytes <= SMALL_BYTES ? &arena.small[bytes / UNIT] : &arena.large;
	piece->next = *list;
	piece->bytes = bytes;
	*list = piece;
	ASAN_POISON_MEMORY_REGION(piece, bytes);
	pthread_mutex_unlock(&arena.lock);
}
