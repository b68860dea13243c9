// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carve.h"
#include "config.h"
#include "config-value.h"

/* The C library looks for it by name. */
__attribute__((visibility("default")))
const char *argp_program_version = "carved " CARVE_VERSION;

enum {
	OPTION_SOCKET = 's',
	OPTION_REGION = 'r',
	OPTION_CONFIG = 'c',
	OPTION_VERBOSE = 'v',
	OPTION_SIMULATE = 0x100,
	OPTION_MAX_CLIENTS,
	OPTION_CHECK_CONFIG,
};

static const struct argp_option table[] = {
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "Listen here instead of at " CARVE_DEFAULT_SOCKET, 0 },
	{ "region", OPTION_REGION, "NAME", 0,
	  "Serve this region; may be given again. The first one is the default "
	  "region. Without it all regions in /dev/carve are served, and the "
	  "default is \"main\" or the first by name", 0 },
	{ "simulate", OPTION_SIMULATE, "SIZE", 0,
	  "Do without the driver: simulate a region of SIZE bytes (K, M and G "
	  "are understood). Its buffers are not physically contiguous", 0 },
	{ "max-clients", OPTION_MAX_CLIENTS, "NUMBER", 0,
	  "Refuse more connections than this at a time", 0 },
	{ "config", OPTION_CONFIG, "FILE", 0,
	  "Read this configuration, and what is in the folder FILE.d, instead "
	  "of " CARVE_CONFIG_PATH, 0 },
	{ "check-config", OPTION_CHECK_CONFIG, NULL, 0,
	  "Read the configuration, say what is in force or what is wrong with "
	  "it, and end", 0 },
	{ "verbose", OPTION_VERBOSE, NULL, 0,
	  "Also log every buffer that is given out and released", 0 },
	{ 0 },
};

/* Whole pages, with a unit of 1024. */
static void parse_size(struct argp_state *state, const char *text,
		       uint64_t *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t bytes = 0;

	if (carve_value_size(text, &bytes) < 0)
		argp_error(state, "--simulate needs a size such as 256M, not "
			   "'%s'", text);
	if (!bytes || bytes % page)
		argp_error(state, "--simulate needs whole pages of %llu bytes "
			   "and at least one, not '%s'",
			   (unsigned long long)page, text);
	*ret = bytes;
}

static void parse_number(struct argp_state *state, const char *text,
			 unsigned int *ret)
{
	unsigned long number;
	char *end = NULL;

	errno = 0;
	number = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : 0;
	if (!end || *end || errno || !number || number > 1000000)
		argp_error(state, "--max-clients needs a number from 1 to "
			   "1000000, not '%s'", text);
	*ret = (unsigned int)number;
}

/* A label is a file's name in /dev/carve, and shown to people. */
static void parse_region(struct argp_state *state, const char *label,
			 struct carve_options *options)
{
	if (!carve_value_is_label(label))
		argp_error(state, "--region needs the name of a region, which "
			   "has 1 to %d bytes and no '/'",
			   CARVE_WIRE_LABEL - 1);
	for (size_t i = 0; i < options->region_count; i++)
		if (!strcmp(options->regions[i], label))
			argp_error(state, "--region %s is given twice", label);
	if (options->region_count == CARVE_WIRE_REGIONS_MAX)
		argp_error(state, "more than %d regions",
			   CARVE_WIRE_REGIONS_MAX);
	options->regions[options->region_count++] = label;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct carve_options *options = state->input;

	switch (key) {
	case OPTION_SOCKET:
		options->socket_path = arg;
		return 0;
	case OPTION_REGION:
		parse_region(state, arg, options);
		return 0;
	case OPTION_SIMULATE:
		parse_size(state, arg, &options->simulate_bytes);
		return 0;
	case OPTION_MAX_CLIENTS:
		parse_number(state, arg, &options->max_clients);
		return 0;
	case OPTION_CONFIG:
		options->config_path = arg;
		return 0;
	case OPTION_CHECK_CONFIG:
		options->check_config = true;
		return 0;
	case OPTION_VERBOSE:
		options->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is no option, and nothing else is "
			   "expected", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void carve_options_parse(struct carve_options *ret, int argc, char **argv)
{
	static const struct argp argp = {
		.options = table,
		.parser = parse,
		.doc = "Hands out the memory of Carve's regions to video "
		       "programs.",
	};
	struct carve_options options = { .socket_path = CARVE_DEFAULT_SOCKET };

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	*ret = options;
}
