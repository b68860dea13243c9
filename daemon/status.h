/* SPDX-License-Identifier: MIT */
/*
 * What the service manager is told of the daemon's state. Unlike sd_notify()
 * nothing here ever waits: a service manager that is busy must not stop
 * clients from being answered.
 */
#ifndef CARVE_DAEMON_STATUS_H
#define CARVE_DAEMON_STATUS_H

#include <systemd/sd-event.h>

struct carve_service;
struct carve_status;

/**
 * carve_status_new() - keep the status text current, at most once a second
 * @service: borrowed, has to live longer
 *
 * Without $NOTIFY_SOCKET there is nobody to tell, and nothing is done.
 *
 * Return: 0; -ENOMEM; -EMFILE.
 */
int carve_status_new(struct carve_status **ret, sd_event *event,
		     const struct carve_service *service);

/* Say that the daemon is stopping. NULL is allowed. Return: NULL. */
struct carve_status *carve_status_free(struct carve_status *status);

#endif /* CARVE_DAEMON_STATUS_H */
