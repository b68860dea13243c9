/* SPDX-License-Identifier: MIT */
/*
 * From the command line to regions and limits; everything that goes wrong here
 * is logged as one line that says what to do.
 */
#ifndef CARVE_DAEMON_SETUP_H
#define CARVE_DAEMON_SETUP_H

struct carve_limits;
struct carve_manager;
struct carve_options;
struct carve_state;
struct carve_store;

/* Connections; more is not asked for by default: each costs memory, see memory.h. */
#define CARVE_CLIENTS_DEFAULT	1024

/* Where the driver makes its nodes. */
#define CARVE_DEVICE_FOLDER	"/dev/carve"

/**
 * carve_setup_limits() - have as many descriptors as possible
 * @ret: what there are descriptors for
 *
 * Return: 0; -EMFILE, -EINVAL.
 */
int carve_setup_limits(const struct carve_options *options,
		       struct carve_limits *ret);

/* Is there any region to be served? Before anything else is touched. */
int carve_setup_check(const struct carve_options *options);

/**
 * carve_setup_regions() - open all regions asked for
 * @state, @store: what of a simulated one the last daemon has left; NULL: nothing
 *
 * Return: 0; negative errno.
 */
int carve_setup_regions(struct carve_manager *manager,
			const struct carve_options *options,
			struct carve_state *state, struct carve_store *store);

#endif /* CARVE_DAEMON_SETUP_H */
