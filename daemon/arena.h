/* SPDX-License-Identifier: MIT */
/*
 * Where regions and their books live: small pieces of fixed sizes, without malloc()'s
 * headers, and all so near to each other that near-link.h reaches from any to any.
 *
 * Address space is set aside once; memory is taken of it as it is needed, page by
 * page, and never given back. A piece that was freed is used again for another one
 * of its size.
 */
#ifndef CARVE_DAEMON_ARENA_H
#define CARVE_DAEMON_ARENA_H

#include <stddef.h>

/**
 * carve_arena_prepare() - have memory before it is short
 *
 * As much as the next pieces of @bytes together take is there, touched and, as
 * far as the limit for locked memory allows it, stays there. Cannot fail: with
 * less it works as well as the machine does.
 */
void carve_arena_prepare(size_t bytes);

/**
 * carve_arena_new() - a piece of @bytes, more than 0, all zeros; any thread
 *
 * Aligned to 8 bytes. Return: NULL when there is no memory.
 */
void *carve_arena_new(size_t bytes);

/* Give back what carve_arena_new() gave for @bytes; NULL is allowed. Any thread. */
void carve_arena_free(void *piece, size_t bytes);

#endif /* CARVE_DAEMON_ARENA_H */
