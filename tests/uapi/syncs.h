/* SPDX-License-Identifier: MIT */
/*
 * What a step of a test should have done to the caches: which pages of the
 * region, how often, and no others. Of a write-combined region: none.
 */
#ifndef CARVE_SYNCS_H
#define CARVE_SYNCS_H

#include <stdint.h>

/* As the DMA API numbers them. */
enum { BIDIRECTIONAL, TO_DEVICE, FROM_DEVICE };

/**
 * struct wanted - what a step should have done to one range
 * @to_device: how often each page is made ready for a device (on arm64: cleaned)
 * @to_cpu: how often each page is made ready for the CPU (invalidated, but for
 *	TO_DEVICE, when the kernel is asked and does nothing)
 * @dir: enum above, of all calls; -1 when they differ
 */
struct wanted {
	unsigned int to_device, to_cpu;
	int dir;
};

extern const struct wanted nothing;
extern const struct wanted cleaned;
/* What the CPU wrote is written back before lines are thrown away. */
extern const struct wanted kept;
extern const struct wanted kept_for_device;

/**
 * step_check() - compare with what was done since the last one
 * @name: of the check
 * @offset: first byte in the region, page-aligned
 * @bytes: length of the range; 0 when nothing is wanted
 * @wanted: for a cached region; of another, nothing is always wanted
 */
void step_check(const char *name, uint64_t offset, uint64_t bytes,
		struct wanted wanted);

/* In the last step all was cleaned before anything was thrown away. */
void steps_cleaned_first(const char *name);

#endif /* CARVE_SYNCS_H */
