/* SPDX-License-Identifier: MIT */
/*
 * A daemon with reservations in its configuration. Everything here fails the
 * test at hand when it does not work.
 */
#ifndef CARVE_TESTS_STANDING_H
#define CARVE_TESTS_STANDING_H

#include "reserving.h"

/* A reservation "film" for the user who runs the test. */
#define FILM	"[reservation film]\nuid=%u\nclass=4 x 512K\nclass=2 x 4K\n"
#define FILM_BYTES	(2 * MIB + 2 * PAGE)

/* Start a daemon of 8 MiB; %u in @text becomes the user who runs the test. */
struct daemon *standing_start(const char *text);

/* Let it read this configuration instead, and wait until it has. */
void standing_reload(struct daemon *daemon, const char *text);

/* What the list says; there may be one entry only. */
struct carve_reservation_info standing_only_one(struct carve *carve);

/* Start a thread that claims "film", waits for ever, and gives it back. */
pthread_t standing_claim_later(struct daemon *daemon);

/* Wait for its end, with patience. Return: the result of the claim. */
int standing_claimed(pthread_t thread);

#endif /* CARVE_TESTS_STANDING_H */
