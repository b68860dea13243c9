/* SPDX-License-Identifier: MIT */
/*
 * Clients for which something is tried again in a moment, in the order in which they
 * came, since nothing tells when it can be done. One clock for all of them.
 */
#ifndef CARVE_DAEMON_LATER_H
#define CARVE_DAEMON_LATER_H

#include <sys/queue.h>
#include <systemd/sd-event.h>

struct carve_client;
struct carve_service;

/**
 * struct carve_later - those clients
 * @clients: who they are
 * @starved: of how many of them the next request is not read for want of memory
 * @timer: set while there are any
 */
struct carve_later {
	TAILQ_HEAD(, carve_client) clients;
	unsigned int starved;
	sd_event_source *timer;
};

/* Return: 0; what sd-event answers. */
int carve_later_init(struct carve_service *service, sd_event *event);

/* Nobody is in it any more. */
void carve_later_done(struct carve_service *service);

/* carve_client_retry() is called in 10 ms. Return: 0; what sd-event answers. */
int carve_later_add(struct carve_client *client);

/* It is not. A client that is in it no longer is allowed. */
void carve_later_remove(struct carve_client *client);

#endif /* CARVE_DAEMON_LATER_H */
