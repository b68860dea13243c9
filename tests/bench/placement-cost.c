// SPDX-License-Identifier: MIT
/*
 * What an operation of the daemon's placement costs, among few live extents
 * and among many, as lines of JSON. A release and the scrubbing after it are
 * one operation, an allocation is the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "placement.h"

#define PAGE		((uint64_t)4096)
#define FEW		1000
#define MANY		100000
#define GROUP		16
#define OPERATIONS	200000
#define ROUNDS		5

/* What issue 4 allows: at MANY, and against FEW. */
#define NS_MAX		1000.0
#define RATIO_MAX	3.0

enum workload {
	ONE_BY_ONE,
	ALIGNED,
	SESSIONS,
	WORKLOADS,
};

static const char *const names[] = { "one by one", "aligned", "sessions" };

struct region {
	struct carve_placement placement;
	size_t count;
	uint64_t random;
	struct carve_extent extents[];
};

static uint64_t below(struct region *region, uint64_t bound)
{
	region->random = region->random * 6364136223846793005 +
			 1442695040888963407;
	return (region->random >> 33) % bound;
}

static void allocate(struct region *region, enum workload workload,
		     struct carve_extent *extent)
{
	static const uint64_t pages[] = { 1, 2, 3, 5, 8, 13, 21, 34, 50 };
	/* Pages, large pages of an IOMMU, now and then 1 MiB. */
	static const uint64_t alignments[] = { 1, 1, 1, 16, 16, 16, 16, 256 };
	struct carve_wish wish = {
		.bytes = pages[below(region, 9)] * PAGE,
		.alignment = workload == ALIGNED ?
				     alignments[below(region, 8)] * PAGE : PAGE,
	};
	size_t index;

	if (carve_placement_allocate(&region->placement, &extent, &wish, 1,
				     &index) < 0) {
		fprintf(stderr, "placement-cost: the region is too small\n");
		exit(1);
	}
}

static void release(struct region *region, struct carve_extent *extent)
{
	carve_placement_release(&region->placement, extent);
	carve_placement_clean(&region->placement, extent);
}

/* Groups of neighbours in the array come and go together, or just one. */
static void turn(struct region *region, enum workload workload)
{
	size_t group = workload == SESSIONS ? GROUP : 1;
	struct carve_extent *first =
		&region->extents[below(region, region->count / group) * group];

	for (size_t i = 0; i < group; i++)
		release(region, &first[i]);
	for (size_t i = 0; i < group; i++)
		allocate(region, workload, &first[i]);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The best round: what disturbs one only makes it slower. */
static double measure(enum workload workload, size_t live)
{
	size_t group = workload == SESSIONS ? GROUP : 1;
	struct region *region = calloc(1, sizeof(*region) +
					  live * sizeof(*region->extents));
	double best = 0;

	if (!region) {
		fprintf(stderr, "placement-cost: out of memory\n");
		exit(1);
	}
	region->count = live;
	region->random = 1;
	/* A mean of 15 pages, and more than enough room for alignments. */
	carve_placement_init(&region->placement, live * PAGE *
			     (workload == ALIGNED ? 80 : 20), PAGE, 0);
	for (size_t i = 0; i < live; i++)
		allocate(region, workload, &region->extents[i]);
	/* Once through, so that there are holes; then the rounds that count. */
	for (int round = -1; round < ROUNDS; round++) {
		size_t turns = OPERATIONS / 2 / group;
		double begin = now_ns(), ns;

		for (size_t i = 0; i < turns; i++)
			turn(region, workload);
		ns = (now_ns() - begin) / (double)(2 * turns * group);
		if (round == 0 || (round > 0 && ns < best))
			best = ns;
	}
	free(region);
	return best;
}

int main(void)
{
	for (int workload = 0; workload < WORKLOADS; workload++) {
		double few = measure((enum workload)workload, FEW);
		double many = measure((enum workload)workload, MANY);

		printf("{\"name\":\"placement\",\"workload\":\"%s\","
		       "\"live\":%d,\"ns_per_operation\":%.1f}\n",
		       names[workload], FEW, few);
		printf("{\"name\":\"placement\",\"workload\":\"%s\","
		       "\"live\":%d,\"ns_per_operation\":%.1f,\"limit\":%.0f,"
		       "\"ratio\":%.2f,\"ratio_limit\":%.0f,\"within\":%s}\n",
		       names[workload], MANY, many, NS_MAX, many / few,
		       RATIO_MAX,
		       many <= NS_MAX && many <= RATIO_MAX * few ? "true" :
								   "false");
		fflush(stdout);
	}
	return 0;
}
