// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carve.h"
#include "name.h"

/* The C library looks for it by name. */
__attribute__((visibility("default")))
const char *argp_program_version = "carved " CARVE_VERSION;

enum {
	OPTION_SOCKET = 's',
	OPTION_REGION = 'r',
	OPTION_VERBOSE = 'v',
	OPTION_SIMULATE = 0x100,
	OPTION_MAX_CLIENTS,
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
	{ "verbose", OPTION_VERBOSE, NULL, 0,
	  "Also log every buffer that is given out and released", 0 },
	{ 0 },
};

/* Whole pages, with a unit of 1024. */
static void parse_size(struct argp_state *state, const char *text,
		       uint64_t *ret)
{
	static const char units[] = "KMG";
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long bytes;
	unsigned int shift = 0;
	char *end = NULL;

	errno = 0;
	bytes = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
	if (end && *end && strchr(units, *end))
		shift = 10 * (unsigned int)(strchr(units, *end++) - units + 1);
	if (!end || *end || errno || bytes > (UINT64_MAX >> 1) >> shift)
		argp_error(state, "--simulate needs a size such as 256M, not "
			   "'%s'", text);
	bytes <<= shift;
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
	size_t bytes = strlen(label);

	if (!bytes || bytes >= CARVE_WIRE_LABEL || strchr(label, '/') ||
	    label[0] == '.' || !carve_name_is_printable(label))
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
