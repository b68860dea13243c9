/* SPDX-License-Identifier: MIT */
/*
 * Buffers with guards, for the tests of them.
 */
#ifndef CARVE_GUARDED_H
#define CARVE_GUARDED_H

#include "check.h"

/* An export of "frame", owned by 4711 and 42, for reading and writing. */
struct carve_export guarded_args(uint64_t offset, uint64_t bytes,
				 uint32_t before, uint32_t after);

/* Exports; 0 and the descriptor in @export, or negative errno. */
int guarded_run(int fd, struct carve_export *export);

/* Both; returns the descriptor, or ends the test. */
int guarded_new(int fd, uint64_t offset, uint64_t bytes, uint32_t before,
		uint32_t after);

/* Closes the only buffer, takes its record, and has its range zeroed. */
struct carve_release guarded_end(int fd, int buf);

/* The record says that no guard was damaged. */
bool guarded_intact(const struct carve_release *record);

/* The range is clean, and all of it zero. */
bool range_is_zero(int fd, uint64_t offset, uint64_t bytes);

#endif /* CARVE_GUARDED_H */
