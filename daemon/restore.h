/* SPDX-License-Identifier: MIT */
/*
 * Taking over a region as the last daemon left it: the device says what is alive
 * and dirty, the state who asked for it and what was reserved.
 *
 * What the state says of buffers is believed where the device knows the very same
 * one. A reservation is restored as it was, or not at all: its cells have to be
 * complete, and every live buffer either fills one of its slots or lies in none.
 */
#ifndef CARVE_DAEMON_RESTORE_H
#define CARVE_DAEMON_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "region.h"

/**
 * carve_restore_is_lost() - could a reservation of this client not be restored?
 * @client: number of its connection
 *
 * So until carve_restore_told(), whatever happens to the daemon in between.
 */
bool carve_restore_is_lost(const struct carve_region *region, uint64_t client);

/* The client knows that something was lost, or has gone. */
void carve_restore_told(struct carve_region *region, uint64_t client);

/**
 * carve_restore_serve() - begin with these regions and no other
 * @labels: @count, all that will be served
 * @forgotten: called with the label of a region that had to make place for another:
 *	nothing is known of it any more
 *
 * Before any region is taken over. Reservations in other regions are lost: their
 * clients' cells say so (CARVE_CELL_LOST).
 *
 * Return: 0; -ENOMEM.
 */
int carve_restore_serve(struct carve_state *state, const char *const *labels,
			size_t count,
			void (*forgotten)(void *data, const char *label),
			void *data);

/* For carve_region_free(). */
void carve_restore_done(struct carve_region *region);

#endif /* CARVE_DAEMON_RESTORE_H */
