/* SPDX-License-Identifier: MIT */
/*
 * A trace, read and ready to be run.
 */
#ifndef CARVE_TESTS_BENCH_REPLAY_H
#define CARVE_TESTS_BENCH_REPLAY_H

#include "policy.h"

/**
 * struct replay_step - one operation
 * @pages: to allocate; 0 is an end
 * @alignment: in pages
 * @slot: which buffer; a slot is used again when its buffer has ended
 */
struct replay_step {
	uint64_t pages;
	uint64_t alignment;
	size_t slot;
};

/**
 * struct replay - a trace
 * @steps: its operations
 * @count: how many
 * @slots: the most buffers alive at once
 * @peak_pages: the most pages alive at once
 */
struct replay {
	struct replay_step *steps;
	size_t count;
	size_t slots;
	uint64_t peak_pages;
};

/**
 * struct replay_result - how a policy did
 * @overhead: smallest region it ran in / peak
 * @ns: nanoseconds per operation in that region
 */
struct replay_result {
	double overhead;
	double ns;
};

/* Return: 0; or -1, and it was said on standard error where the mistake is. */
int replay_read(struct replay *replay, const char *path);

void replay_done(struct replay *replay);

/**
 * replay_measure() - scan upwards from the peak
 *
 * Return: whether there was a region of at most REPLAY_FACTOR_MAX times the
 * peak in which nothing failed.
 */
bool replay_measure(const struct replay *replay,
		    const struct bench_policy *policy,
		    struct replay_result *ret);

#define REPLAY_FACTOR_MAX	1000

#endif /* CARVE_TESTS_BENCH_REPLAY_H */
