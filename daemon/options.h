/* SPDX-License-Identifier: MIT */
/*
 * The command line.
 */
#ifndef CARVE_DAEMON_OPTIONS_H
#define CARVE_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/**
 * struct carve_options - what was asked for
 * @socket_path: where to listen, if systemd passes no socket
 * @simulate_bytes: size of simulated regions, 0 for the driver's
 * @regions: @region_count labels in the order given; none for all there are
 * @max_clients: 0 for as many as there are descriptors for
 * @verbose: also log every buffer
 * @config_path: NULL for the usual place
 * @check_config: only say what the configuration is
 */
struct carve_options {
	const char *socket_path;
	uint64_t simulate_bytes;
	const char *regions[CARVE_WIRE_REGIONS_MAX];
	size_t region_count;
	unsigned int max_clients;
	bool verbose;
	const char *config_path;
	bool check_config;
};

/* Ends the process with status 64 and a message if the line is wrong. */
void carve_options_parse(struct carve_options *ret, int argc, char **argv);

#endif /* CARVE_DAEMON_OPTIONS_H */
