/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance, as the kernel does it: QEMU has no caches, so that what
 * is maintained can only be seen by watching the two functions through which
 * all of it goes on arm64.
 */
#ifndef CARVE_TRACE_H
#define CARVE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct sync - one call
 * @to_device: arch_sync_dma_for_device(), else arch_sync_dma_for_cpu()
 * @phys: first byte
 * @bytes: length
 * @dir: enum dma_data_direction
 */
struct sync {
	bool to_device;
	uint64_t phys, bytes;
	int dir;
};

/* How arm64 and LPAE map memory: the index in a page table entry. */
#ifdef __arm__
enum { MEMORY_NORMAL = 7, MEMORY_NORMAL_NC = 1 };
#else
enum { MEMORY_NORMAL = 0, MEMORY_NORMAL_NC = 2 };
#endif

/**
 * trace_open() - set the probes
 *
 * They live in a trace instance of their own and end with trace_close().
 *
 * Return: NULL, or the reason why it cannot be done here.
 */
const char *trace_open(void);

/* Forgets what has been seen. */
void trace_clear(void);

/* What has been seen since, oldest first, up to @max; ends the test when
 * something was lost.
 */
unsigned int trace_take(struct sync *syncs, unsigned int max);

/*
 * The memory type with which remap_pfn_range() has mapped the page at @phys
 * since trace_clear(); -1 when it has not.
 */
int trace_mapped_as(uint64_t phys);

void trace_close(void);

#endif /* CARVE_TRACE_H */
