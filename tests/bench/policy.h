/* SPDX-License-Identifier: MIT */
/*
 * Policies of placement, so that they stand side by side: the daemon's own and
 * the ones of the textbooks. They see pages only.
 */
#ifndef CARVE_TESTS_BENCH_POLICY_H
#define CARVE_TESTS_BENCH_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_PAGE	((uint64_t)4096)

/**
 * struct bench_policy - one policy
 * @name: what it is called on the command line
 * @about: one line
 * @begin: a region of @pages, empty, of which at most @slots buffers are alive
 *	at once. Return: its state
 * @end: free the state
 * @alloc: place the buffer @slot; @alignment in pages, a power of two.
 *	Return: whether there was room
 * @free: the buffer @slot ends
 */
struct bench_policy {
	const char *name;
	const char *about;
	void *(*begin)(uint64_t pages, size_t slots);
	void (*end)(void *state);
	bool (*alloc)(void *state, size_t slot, uint64_t pages,
		      uint64_t alignment);
	void (*free)(void *state, size_t slot);
};

extern const struct bench_policy bench_carve;
extern const struct bench_policy bench_first;
extern const struct bench_policy bench_best;
extern const struct bench_policy bench_next;
extern const struct bench_policy bench_worst;
extern const struct bench_policy bench_buddy;
extern const struct bench_policy bench_tlsf;

/* All of them, the daemon's first, NULL last. */
extern const struct bench_policy *const bench_policies[];

/* NULL when there is none of that name. */
const struct bench_policy *bench_policy_called(const char *name);

/* Zeroed memory, or the end: without it there is nothing to measure. */
void *bench_new(size_t count, size_t bytes);

#endif /* CARVE_TESTS_BENCH_POLICY_H */
