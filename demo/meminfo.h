/* SPDX-License-Identifier: MIT */
/*
 * How much memory is free, and in how large pieces.
 */
#ifndef MEMINFO_H
#define MEMINFO_H

#include <stdint.h>

/**
 * struct meminfo - figures of /proc/meminfo and /proc/buddyinfo
 * @free_bytes: MemFree
 * @available_bytes: MemAvailable, free or quickly made so
 * @cma_free_bytes: CmaFree, of @free_bytes; 0 where there is no CMA
 * @largest_block_bytes: largest block on the buddy allocator's free lists
 */
struct meminfo {
	uint64_t free_bytes;
	uint64_t available_bytes;
	uint64_t cma_free_bytes;
	uint64_t largest_block_bytes;
};

/** meminfo_read() - read both; ends the program when that is impossible */
void meminfo_read(struct meminfo *ret);

#endif /* MEMINFO_H */
