/* SPDX-License-Identifier: MIT */
/*
 * A storm: many threads on one region at once, with books about what they did,
 * so that whatever should not have happened is noticed.
 */
#ifndef CARVE_STORM_H
#define CARVE_STORM_H

#include <stdbool.h>
#include <stdint.h>

/**
 * storm_start() - let it begin
 * @manager: the region's manager, open; stays the caller's
 * @seed: of every thread's random numbers
 */
void storm_start(int manager, uint64_t seed);

/**
 * storm_stop() - all threads end, all their buffers are closed
 * @lost: the region's device was removed meanwhile, and the records with it
 *
 * Return: NULL, or what was wrong, the first thing of all.
 */
const char *storm_stop(bool lost);

/* Prints how often each thing was done, in all storms. */
void storm_print(void);

/* Random numbers: 0 to @below - 1; @state is the seed at first. */
uint64_t storm_pick(uint64_t *state, uint64_t below);

#endif /* CARVE_STORM_H */
