/* SPDX-License-Identifier: MIT */
/*
 * A daemon that an input speaks for. It answers at the moment in which libcarve
 * would begin to wait, in the same thread, so nothing is left to chance and
 * nobody waits: when the input has nothing more to say, it hangs up.
 */
#ifndef CARVE_TESTS_FUZZ_HOSTILE_H
#define CARVE_TESTS_FUZZ_HOSTILE_H

#include "fuzz.h"

/* Once in the process. */
void hostile_prepare(void);

/* Where it listens: for carve_new(). */
const char *hostile_path(void);

/* From now on it says what @input has for it; the reader of calls shares it. */
void hostile_start(struct fuzz_input *input);

/* Take the memory away from under a buffer that was not sealed. */
void hostile_shrink(void);

/* Hang up on whoever is connected, or about to be. */
void hostile_stop(void);

#endif /* CARVE_TESTS_FUZZ_HOSTILE_H */
