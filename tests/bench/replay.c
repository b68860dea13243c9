// SPDX-License-Identifier: MIT
#include "replay.h"

#include <time.h>

/* The scan goes on in thousandths of the peak. */
#define STEP_THOUSANDTHS	5

/* A short trace runs again until the clock has something to measure. */
#define MEASURE_NS		50e6

static bool run(const struct replay *replay, const struct bench_policy *policy,
		void *state)
{
	for (size_t i = 0; i < replay->count; i++) {
		const struct replay_step *step = &replay->steps[i];

		if (!step->pages)
			policy->free(state, step->slot);
		else if (!policy->alloc(state, step->slot, step->pages,
					step->alignment))
			return false;
	}
	return true;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static bool runs_in(const struct replay *replay,
		    const struct bench_policy *policy, uint64_t pages,
		    double *ret_ns)
{
	void *state = policy->begin(pages, replay->slots);
	double begin = now_ns();
	bool ran = run(replay, policy, state);

	*ret_ns = now_ns() - begin;
	policy->end(state);
	return ran;
}

/* The best of several runs: what disturbs one only makes it slower. */
static double measure(const struct replay *replay,
		      const struct bench_policy *policy, uint64_t pages,
		      double first_ns)
{
	double best = first_ns, sum = first_ns, ns;

	while (sum < MEASURE_NS) {
		runs_in(replay, policy, pages, &ns);
		best = ns < best ? ns : best;
		/* An empty trace takes no time at all. */
		sum += ns + 1000;
	}
	return best;
}

bool replay_measure(const struct replay *replay,
		    const struct bench_policy *policy,
		    struct replay_result *ret)
{
	uint64_t peak = replay->peak_pages;
	double ns;

	/* Nothing was allocated, nothing was wasted. */
	if (!peak) {
		*ret = (struct replay_result){ .overhead = 1 };
		return true;
	}
	for (uint64_t thousandths = 1000;
	     thousandths <= 1000 * REPLAY_FACTOR_MAX;
	     thousandths += STEP_THOUSANDTHS) {
		uint64_t pages = (peak * thousandths + 999) / 1000;

		if (!runs_in(replay, policy, pages, &ns))
			continue;
		ret->overhead = (double)thousandths / 1000;
		ret->ns = measure(replay, policy, pages, ns) /
			  (double)replay->count;
		return true;
	}
	return false;
}
