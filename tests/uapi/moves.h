/* SPDX-License-Identifier: MIT */
/*
 * What every importer owes a buffer: addresses that lead to it, its limits
 * kept, and the same bytes at both ends, whoever wrote them.
 */
#ifndef CARVE_MOVES_H
#define CARVE_MOVES_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct moves_limits - what the device's segments have to keep to
 * @segment: longest, bytes
 * @boundary: no segment crosses a multiple of one more than this; 0: none
 * @shift: what to add to a physical address to get the device's
 * @translated: an IOMMU chooses the addresses: @shift says nothing
 * @bits: no address is wider; 0: any
 */
struct moves_limits {
	uint64_t segment;
	uint64_t boundary;
	int64_t shift;
	bool translated;
	unsigned int bits;
};

/**
 * struct moves - a buffer and a device
 * @who: for the results
 * @device: open importer
 * @buf: a buffer
 * @bytes: its length
 * @step: how much to move at its beginning, middle and end; at most 16 pages
 * @phys: its physical address
 */
struct moves {
	const char *who;
	int device;
	int buf;
	uint64_t bytes;
	uint64_t step;
	uint64_t phys;
};

/* Maps the buffer, checks all of it, unmaps. */
void moves_check(const struct moves *moves, const struct moves_limits *limits);

/* Bytes that no other @salt gives. */
void moves_paint(unsigned char *bytes, uint64_t count, uint32_t salt);

#endif /* CARVE_MOVES_H */
