// SPDX-License-Identifier: MIT
/*
 * carved: hands out the memory of Carve's regions.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "config.h"
#include "exit-status.h"
#include "guard.h"
#include "listen.h"
#include "log.h"
#include "manager.h"
#include "memory.h"
#include "options.h"
#include "reload.h"
#include "setup.h"
#include "state-open.h"
#include "store.h"

/*
 * The service manager starts it again without a delay, and is right to. But what
 * keeps it from starting at all takes a while to pass.
 */
#define FAILED_USEC	100000U

/* How long to leave things alone when there is no memory to look at them. */
#define NO_MEMORY_USEC	10000U

/* Before any thread is started, so that none gets them. */
static int handle_signals(sd_event *event)
{
	sigset_t handled;
	int r;

	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0)
		return -errno;
	/* Who started it by hand may close the pipe it logs to. */
	signal(SIGPIPE, SIG_IGN);
	r = carve_guard_init();
	if (r < 0)
		return r;
	/* Without a handler of ours these end the loop. */
	r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	return r < 0 ? r : 0;
}

/**
 * struct place - where it is reached, and what it finds there
 * @listener: carve_listen_done()
 * @store: carve_store_done()
 */
struct place {
	struct carve_listen listener;
	struct carve_store store;
};

/* Return: 0; negative errno, and the log says what to do. */
static int take_place(struct place *place, const struct carve_options *options)
{
	int r = carve_store_init(&place->store);

	if (r == 0)
		r = carve_listen_init(&place->listener, options->socket_path,
				      &place->store);
	return r;
}

/* Regions, configuration and clients, and what the last daemon knew of them. */
static int start(sd_event *event, struct carve_manager *manager,
		 const struct carve_options *options, struct place *place,
		 struct carve_config *config, const struct carve_limits *limits)
{
	struct carve_state *state = carve_state_open(&place->store,
						     &place->listener);
	int r;

	carve_manager_keep(manager, state, &place->store);
	r = carve_setup_regions(manager, options, state, &place->store);
	carve_manager_configure(manager, config);
	if (r < 0)
		return r;
	carve_memory_prepare_loop(event, limits->clients);
	r = carve_reload_attach(event, manager, options);
	if (r == 0)
		r = carve_manager_start(manager, place->listener.fd, limits);
	if (r < 0)
		carve_log(LOG_ERR, NULL, "cannot start: %s", strerror(-r));
	return r;
}

/*
 * What is there to be done stays there when the loop lacks memory to look at it.
 * Return: as sd_event_loop().
 */
static int run(sd_event *event)
{
	static struct carve_log_limit limit;
	int r;

	while ((r = sd_event_loop(event)) == -ENOMEM) {
		carve_log_limited(&limit, LOG_WARNING, NULL, "no memory to see "
				  "who wants something: trying again");
		usleep(NO_MEMORY_USEC);
	}
	return r;
}

/* Return: the exit status. */
static int serve(sd_event *event, struct carve_manager *manager,
		 const struct carve_options *options, struct place *place)
{
	const char *path = place->listener.address.sun_path;
	struct carve_config *config;
	struct carve_limits limits;
	int r, status;

	r = carve_reload_first(&config, options);
	if (r < 0)
		return carve_exit_status(r);
	r = carve_setup_check(options);
	if (r == 0)
		r = carve_setup_limits(options, &limits);
	if (r == 0)
		r = take_place(place, options);
	if (r < 0) {
		carve_config_free(config);
		return carve_exit_status(r);
	}
	r = start(event, manager, options, place, config, &limits);
	status = carve_exit_status(r);
	if (r == 0) {
		sd_notify(0, "READY=1");
		carve_log(LOG_INFO, NULL, "ready for %u clients at %s",
			  limits.clients, path[0] ? path : "systemd's socket");
		r = run(event);
		status = r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		carve_log(LOG_INFO, NULL, "stopped; buffers live on");
	}
	/* First, so that nobody finds it and is refused. */
	carve_listen_stop(&place->listener);
	return status;
}

int main(int argc, char **argv)
{
	struct carve_options options;
	struct carve_manager *manager = NULL;
	struct place place = { .listener = { .fd = -1, .lock_fd = -1 } };
	sd_event *event = NULL;
	int r, status = EXIT_FAILURE;

	carve_options_parse(&options, argc, argv);
	if (options.check_config)
		return carve_reload_check(&options);
	carve_log_init(options.verbose);
	carve_memory_prepare();
	r = sd_event_new(&event);
	if (r >= 0)
		r = handle_signals(event);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r >= 0)
		r = carve_manager_new(&manager, event);
	if (r < 0)
		carve_log(LOG_ERR, NULL, "cannot start: %s", strerror(-r));
	else
		status = serve(event, manager, &options, &place);
	carve_manager_free(manager);
	carve_store_done(&place.store);
	/* Behind all that is written to the state, which its lock protects. */
	carve_listen_done(&place.listener);
	sd_event_unref(event);
	if (status == EXIT_FAILURE && getenv("NOTIFY_SOCKET"))
		usleep(FAILED_USEC);
	return status;
}
