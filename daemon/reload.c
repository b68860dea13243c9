// SPDX-License-Identifier: MIT
#include "reload.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "config.h"
#include "log.h"
#include "manager.h"
#include "options.h"

/**
 * struct reload - what SIGHUP needs
 */
struct reload {
	struct carve_manager *manager;
	const struct carve_options *options;
};

int carve_reload_first(struct carve_config **ret,
		       const struct carve_options *options)
{
	char mistake[CARVE_CONFIG_MISTAKE];
	int r = carve_config_load(ret, options->config_path, mistake);

	if (r < 0)
		carve_log(LOG_ERR, NULL, "%s", mistake);
	return r;
}

int carve_reload_check(const struct carve_options *options)
{
	char mistake[CARVE_CONFIG_MISTAKE];
	struct carve_config *config;
	int r = carve_config_load(&config, options->config_path, mistake);

	if (r < 0) {
		fprintf(stderr, "carved: %s\n", mistake);
		return r == -ENOMEM ? EXIT_FAILURE : EX_CONFIG;
	}
	carve_config_print(config, stdout);
	carve_config_free(config);
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS :
							EXIT_FAILURE;
}

/* As sd_notify(3) wants it: systemd 253 and later wait for the two. */
static void say_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * 1000000U +
		   (uint64_t)now.tv_nsec / 1000U);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info,
		     void *data)
{
	struct reload *reload = data;
	char mistake[CARVE_CONFIG_MISTAKE];
	struct carve_config *config;

	(void)source;
	(void)info;
	say_reloading();
	if (carve_config_load(&config, reload->options->config_path,
			      mistake) < 0) {
		carve_log(LOG_ERR, NULL, "the configuration stays as it was: %s",
			  mistake);
	} else {
		carve_log(LOG_INFO, NULL, "the configuration was read again: %zu "
			  "rules, %zu reservations", config->rule_count,
			  config->reservation_count);
		carve_manager_configure(reload->manager, config);
	}
	sd_notify(0, "READY=1");
	return 0;
}

static void forget(void *reload)
{
	free(reload);
}

int carve_reload_attach(sd_event *event, struct carve_manager *manager,
			const struct carve_options *options)
{
	struct reload *reload = malloc(sizeof(*reload));
	sd_event_source *source;
	int r;

	if (!reload)
		return -ENOMEM;
	*reload = (struct reload){ .manager = manager, .options = options };
	r = sd_event_add_signal(event, &source, SIGHUP, on_hangup, reload);
	if (r < 0) {
		free(reload);
		return r;
	}
	/* It goes with the loop, and what it needs with it. */
	sd_event_source_set_destroy_callback(source, forget);
	sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return 0;
}
