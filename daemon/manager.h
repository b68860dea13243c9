/* SPDX-License-Identifier: MIT */
/*
 * All regions and all clients of one daemon.
 */
#ifndef CARVE_DAEMON_MANAGER_H
#define CARVE_DAEMON_MANAGER_H

#include <stddef.h>
#include <systemd/sd-event.h>

struct carve_config;
struct carve_device;
struct carve_manager;
struct carve_state;
struct carve_store;

/**
 * struct carve_limits - what there are descriptors for
 * @clients: connections at a time
 * @unread: descriptors sent and not read; see unread.h
 */
struct carve_limits {
	unsigned int clients;
	size_t unread;
};

/**
 * carve_manager_new() - an empty daemon
 * @event: borrowed, has to live longer
 *
 * Return: 0; -ENOMEM; -EAGAIN (no more threads).
 */
int carve_manager_new(struct carve_manager **ret, sd_event *event);

/**
 * carve_manager_free() - end
 *
 * Regions are given back. Connections that are kept by the service manager stay,
 * and everyone else is hung up on. NULL is allowed. Return: NULL.
 */
struct carve_manager *carve_manager_free(struct carve_manager *manager);

/**
 * carve_manager_keep() - take up what another daemon has left
 * @state: taken over; NULL: nothing is kept
 * @store: borrowed, has to live longer
 *
 * To be called before all that follows.
 */
void carve_manager_keep(struct carve_manager *manager, struct carve_state *state,
			struct carve_store *store);

/**
 * carve_manager_add_region() - serve one more region
 * @device: taken over on success
 *
 * Return: 0; -ENOSPC (CARVE_WIRE_REGIONS_MAX are served already); what
 * carve_region_new() answers.
 */
int carve_manager_add_region(struct carve_manager *manager,
			     struct carve_device *device);

/* The region used when a request names none; else the first one added. */
void carve_manager_set_default(struct carve_manager *manager, size_t index);

/**
 * carve_manager_configure() - take a configuration in place of the one before
 * @config: taken over
 *
 * Has to be called before carve_manager_start(), and when all regions are there. It
 * counts for requests from now on, those of clients that are connected
 * already too; what was granted stays.
 */
void carve_manager_configure(struct carve_manager *manager,
			     struct carve_config *config);

/**
 * carve_manager_start() - serve clients of the daemon before, and accept others
 * @fd: listening socket; borrowed, has to stay open
 * @limits: how many connections at a time, a few of them kept for the superuser
 *	and the user the daemon runs as; any other user may have half of the rest.
 *	And how many descriptors may be unread
 *
 * Return: 0; -ENOMEM; what sd-event answers.
 */
int carve_manager_start(struct carve_manager *manager, int fd,
			const struct carve_limits *limits);

#endif /* CARVE_DAEMON_MANAGER_H */
