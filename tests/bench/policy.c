// SPDX-License-Identifier: MIT
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placement.h"

const struct bench_policy *const bench_policies[] = {
	&bench_carve, &bench_first, &bench_best,  &bench_next,
	&bench_worst, &bench_buddy, &bench_tlsf, NULL,
};

const struct bench_policy *bench_policy_called(const char *name)
{
	for (size_t i = 0; bench_policies[i]; i++)
		if (strcmp(bench_policies[i]->name, name) == 0)
			return bench_policies[i];
	return NULL;
}

void *bench_new(size_t count, size_t bytes)
{
	void *memory = reallocarray(NULL, count ? count : 1, bytes);

	if (!memory) {
		fprintf(stderr, "bench-placement: out of memory\n");
		exit(1);
	}
	/* calloc() would leave the page faults to whoever is measured. */
	return memset(memory, 0, count * bytes);
}

/* The daemon's, through the interface the daemon uses. */
struct carve {
	struct carve_placement placement;
	struct carve_extent extents[];
};

static void *carve_begin(uint64_t pages, size_t slots)
{
	struct carve *carve = bench_new(1, sizeof(*carve) +
					   slots * sizeof(*carve->extents));

	carve_placement_init(&carve->placement, pages * BENCH_PAGE, BENCH_PAGE,
			     0);
	return carve;
}

static void carve_end(void *state)
{
	free(state);
}

static bool carve_alloc(void *state, size_t slot, uint64_t pages,
			uint64_t alignment)
{
	struct carve *carve = state;
	struct carve_extent *extents[] = { &carve->extents[slot] };
	struct carve_wish wish = {
		.bytes = pages * BENCH_PAGE,
		.alignment = alignment * BENCH_PAGE,
	};
	size_t index;

	return carve_placement_allocate(&carve->placement, extents, &wish, 1,
					&index) == 0;
}

/* As the daemon does it, with a scrubber that is never behind. */
static void carve_free(void *state, size_t slot)
{
	struct carve *carve = state;

	carve_placement_release(&carve->placement, &carve->extents[slot]);
	carve_placement_clean(&carve->placement, &carve->extents[slot]);
}

const struct bench_policy bench_carve = {
	.name = "carve",
	.about = "what carved does",
	.begin = carve_begin,
	.end = carve_end,
	.alloc = carve_alloc,
	.free = carve_free,
};
