/* SPDX-License-Identifier: MIT */
/*
 * Taking in the configuration: at start, and again at SIGHUP.
 */
#ifndef CARVE_DAEMON_RELOAD_H
#define CARVE_DAEMON_RELOAD_H

#include <systemd/sd-event.h>

struct carve_config;
struct carve_manager;
struct carve_options;

/**
 * carve_reload_first() - read the configuration
 * @ret: carve_config_free(), or the manager's
 *
 * Return: 0; a negative errno, and the log says what to do.
 */
int carve_reload_first(struct carve_config **ret,
		       const struct carve_options *options);

/**
 * carve_reload_check() - print what is in force, or what is wrong with it
 *
 * Return: exit status.
 */
int carve_reload_check(const struct carve_options *options);

/**
 * carve_reload_attach() - read it again at SIGHUP
 * @manager, @options: borrowed as long as @event runs
 *
 * The service manager is told. If anything is wrong, the manager keeps what it
 * has, all of it. SIGHUP has to be blocked.
 *
 * Return: 0; what sd-event answers.
 */
int carve_reload_attach(sd_event *event, struct carve_manager *manager,
			const struct carve_options *options);

#endif /* CARVE_DAEMON_RELOAD_H */
