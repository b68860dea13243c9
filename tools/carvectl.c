// SPDX-License-Identifier: MIT
/*
 * carvectl: look at carved's regions and buffers, and hold buffers. Exit
 * status: 0; 1 for what went wrong; 64 for a mistake on the command line.
 */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "carvectl.h"

#define COUNT_MAX	65536
#define HOLD_MAX_S	1e9
#define NAME_MAX_BYTES	63
#define GUARD_MAX	(1U << 20)

/* libc looks for it, so it may not be hidden as everything else is. */
__attribute__((visibility("default")))
const char *argp_program_version = "carvectl " CARVE_VERSION;

/* Keys of options that have no letter; the letters stay free for later. */
enum {
	SOCKET = 0x100, JSON, BYTES, ALIGN, NAME, REGION, COUNT, FOR,
	LIMIT, GUARD_BEFORE, GUARD_AFTER, TIMEOUT, CLAIM, LAST = CLAIM,
};

/* Commands, as bits, so that an option can say which of them it is for. */
enum { STATUS = 1, LIST = 2, ALLOC = 4, MAP = 8, RESERVE = 16, RESERVATIONS = 32,
       HOLDS = ALLOC | RESERVE, ALL = 63 };

static const struct command {
	const char *name;
	unsigned int bit;
	int (*run)(const struct carvectl *ctl);
} commands[] = {
	{ "status", STATUS, carvectl_status },
	{ "list", LIST, carvectl_list },
	{ "alloc", ALLOC, carvectl_alloc },
	{ "map", MAP, carvectl_map },
	{ "reserve", RESERVE, carvectl_reserve },
	{ "reservations", RESERVATIONS, carvectl_reservations },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct argp_option options[] = {
	{ "socket", SOCKET, "PATH", 0,
	  "The daemon's socket (default: $CARVE_SOCKET, else "
	  CARVE_DEFAULT_SOCKET ")", 1 },
	{ "json", JSON, NULL, 0, "All but map: write JSON", 1 },
	{ "bytes", BYTES, NULL, 0, "Sizes in bytes, exactly", 1 },
	{ "region", REGION, "LABEL", 0,
	  "All but status: this region (default for alloc, reserve and map: the "
	  "daemon's)", 2 },
	{ "align", ALIGN, "SIZE", 0,
	  "alloc, reserve: alignment of the physical address, a power of two", 3 },
	{ "limit", LIMIT, "ADDRESS", 0,
	  "alloc, reserve: physical address to stay below, such as 4G", 3 },
	{ "guard-before", GUARD_BEFORE, "SIZE", 0,
	  "alloc, reserve: guard before each buffer, whole pages up to 1M", 3 },
	{ "guard-after", GUARD_AFTER, "SIZE", 0,
	  "alloc, reserve: guard behind each buffer", 3 },
	{ "name", NAME, "TEXT", 0, "alloc, reserve: shown by list, up to 63 bytes, and by "
	  "reservations, up to 31", 3 },
	{ "claim", CLAIM, "NAME", 0,
	  "reserve: instead of a new one, this one of the configuration", 3 },
	{ "count", COUNT, "N", 0, "alloc: so many buffers, all or none", 3 },
	{ "timeout", TIMEOUT, "SECONDS", 0,
	  "alloc, reserve: wait so long for others to give memory back, or "
	  "'forever' (default: 0)", 3 },
	{ "for", FOR, "SECONDS", 0, "alloc, reserve: hold them so long", 3 },
	{ 0 }
};

static const struct {
	int key;
	unsigned int commands;
} allowed[] = {
	{ SOCKET, ALL }, { JSON, ALL & ~MAP }, { BYTES, ALL },
	{ REGION, ALL & ~STATUS }, { ALIGN, HOLDS },
	{ LIMIT, HOLDS }, { GUARD_BEFORE, HOLDS }, { GUARD_AFTER, HOLDS },
	{ NAME, HOLDS }, { TIMEOUT, HOLDS },
	{ COUNT, ALLOC }, { FOR, HOLDS }, { CLAIM, RESERVE },
};

/* What a reservation of the configuration is, is said there. */
static const int not_for_claims[] = {
	REGION, ALIGN, LIMIT, GUARD_BEFORE, GUARD_AFTER, NAME,
};

/**
 * struct line - the command line while it is read
 * @given: options that were given, as bits of their place behind SOCKET
 */
struct line {
	struct carvectl ctl;
	const struct command *command;
	const char *size;
	unsigned int given;
};

static uint64_t parse_size(struct argp_state *state, const char *what,
			   const char *text)
{
	uint64_t bytes = 0;
	int r = carvectl_parse_size(text, &bytes);

	if (r == -ERANGE)
		argp_error(state, "%s '%s' does not fit into 64 bits", what, text);
	else if (r < 0)
		argp_error(state, "%s '%s' is no size: write a number of bytes, "
			   "or one like 64K, 8M, 1.5GiB", what, text);
	return bytes;
}

/* Whether its pages are whole the library knows. */
static uint32_t parse_guard(struct argp_state *state, const char *what,
			    const char *text)
{
	uint64_t bytes = parse_size(state, what, text);

	if (bytes > GUARD_MAX)
		argp_error(state, "%s may have 1M", what);
	return (uint32_t)bytes;
}

static unsigned int parse_count(struct argp_state *state, const char *text)
{
	char *end;
	long count;

	errno = 0;
	count = strtol(text, &end, 10);
	if (errno || end == text || *end || count < 1 || count > COUNT_MAX)
		argp_error(state, "--count '%s' has to be a number from 1 to %d",
			   text, COUNT_MAX);
	return count;
}

static uint64_t parse_timeout(struct argp_state *state, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (!strcmp(text, "forever"))
		return CARVE_FOREVER;
	if (end == text || *end || !(seconds >= 0 && seconds <= HOLD_MAX_S))
		argp_error(state, "--timeout '%s' has to be a number of seconds "
			   "or 'forever'", text);
	return (uint64_t)(seconds * 1e9);
}

static int64_t parse_hold(struct argp_state *state, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0 && seconds <= HOLD_MAX_S))
		argp_error(state, "--for '%s' has to be a number of seconds", text);
	return seconds * 1000;
}

static void parse_word(struct argp_state *state, struct line *line,
		       const char *word)
{
	if (line->command && line->command->bit == RESERVE) {
		int r = carvectl_add_class(&line->ctl, word);

		if (r == -E2BIG)
			argp_error(state, "there may be %d classes",
				   CARVE_CLASSES_MAX);
		else if (r < 0)
			argp_error(state, "'%s' is no class: write COUNTxSIZE, "
				   "such as 6x3M, with a count of 1 to %d", word,
				   CARVE_SLOTS_MAX);
		return;
	}
	if (line->command) {
		if (line->command->bit != ALLOC || line->size)
			argp_error(state, "'%s' is too much", word);
		line->size = word;
		line->ctl.bytes = parse_size(state, "SIZE", word);
		if (!line->ctl.bytes)
			argp_error(state, "SIZE has to be above 0");
		return;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, word))
			line->command = &commands[i];
	if (!line->command)
		argp_error(state, "'%s' is no command: status, list, alloc, "
			   "reserve, reservations and map are", word);
}

static bool is_given(const struct line *line, int key)
{
	return line->given & 1U << (key - SOCKET);
}

static const char *name_of(int key)
{
	size_t i = 0;

	while (options[i].key != key)
		i++;
	return options[i].name;
}

static void check_claim(struct argp_state *state, const struct line *line)
{
	if (line->ctl.class_count)
		argp_error(state, "a claim has no COUNTxSIZE: the configuration "
			   "says what is reserved");
	for (size_t i = 0; i < sizeof(not_for_claims) / sizeof(int); i++)
		if (is_given(line, not_for_claims[i]))
			argp_error(state, "--claim does not go with --%s",
				   name_of(not_for_claims[i]));
}

/* What can only be said once everything was read. */
static void check_line(struct argp_state *state, const struct line *line)
{
	if (!line->command)
		argp_error(state, "say what to do: status, list, alloc SIZE, reserve "
			   "COUNTxSIZE..., reservations or map");
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (is_given(line, allowed[i].key) &&
		    !(allowed[i].commands & line->command->bit))
			argp_error(state, "%s does not go with --%s",
				   line->command->name,
				   name_of(allowed[i].key));
	if (line->command->bit == ALLOC && !line->size)
		argp_error(state, "alloc needs a SIZE");
	if (line->ctl.claim)
		check_claim(state, line);
	else if (line->command->bit == RESERVE && !line->ctl.class_count)
		argp_error(state, "reserve needs a COUNTxSIZE, or --claim NAME");
	if (line->ctl.name && strlen(line->ctl.name) > NAME_MAX_BYTES)
		argp_error(state, "--name may have %d bytes", NAME_MAX_BYTES);
	if (line->ctl.alignment & (line->ctl.alignment - 1))
		argp_error(state, "--align has to be a power of two");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct line *line = state->input;

	if (key >= SOCKET && key <= LAST)
		line->given |= 1U << (key - SOCKET);
	switch (key) {
	case SOCKET:
		line->ctl.socket_path = argument;
		return 0;
	case JSON:
		line->ctl.json = true;
		return 0;
	case BYTES:
		line->ctl.exact = true;
		return 0;
	case REGION:
		line->ctl.region = argument;
		return 0;
	case ALIGN:
		line->ctl.alignment = parse_size(state, "--align", argument);
		return 0;
	case LIMIT:
		line->ctl.limit = parse_size(state, "--limit", argument);
		return 0;
	case GUARD_BEFORE:
		line->ctl.guard_before = parse_guard(state, "--guard-before",
						     argument);
		return 0;
	case GUARD_AFTER:
		line->ctl.guard_after = parse_guard(state, "--guard-after",
						    argument);
		return 0;
	case NAME:
		line->ctl.name = argument;
		return 0;
	case CLAIM:
		line->ctl.claim = argument;
		return 0;
	case COUNT:
		line->ctl.count = parse_count(state, argument);
		return 0;
	case TIMEOUT:
		line->ctl.timeout_nsec = parse_timeout(state, argument);
		return 0;
	case FOR:
		line->ctl.hold_ms = parse_hold(state, argument);
		return 0;
	case ARGP_KEY_ARG:
		parse_word(state, line, argument);
		return 0;
	case ARGP_KEY_END:
		check_line(state, line);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "status\nlist\nalloc SIZE\nreserve COUNTxSIZE...\n"
		    "reserve --claim NAME\nreservations\nmap",
	.doc = "Look at the contiguous memory that carved hands out.\v"
	       "status shows the regions and how full they are, list the "
	       "buffers and who holds them. alloc holds buffers until it is "
	       "interrupted, reserve sets memory aside for so many, and "
	       "reservations shows what is set aside. map draws a region as SVG (superuser only, since "
	       "it shows where buffers lie).\n\n"
	       "SIZE is a number of bytes, or one with a binary unit: 64K, 8M, "
	       "1.5GiB.",
};

int main(int argc, char **argv)
{
	struct line line = { .ctl = { .count = 1, .hold_ms = -1 } };
	int r;

	/* Messages begin with the name, not with the path it was found at. */
	argv[0] = program_invocation_short_name;
	setlocale(LC_CTYPE, "");
	argp_parse(&argp, argc, argv, 0, NULL, &line);

	r = carve_new(&line.ctl.carve, line.ctl.socket_path);
	if (r < 0)
		return carvectl_fail_connect(&line.ctl, r);
	r = line.command->run(&line.ctl);
	carve_free(line.ctl.carve);

	if (fflush(stdout) != 0 || ferror(stdout))
		return carvectl_fail("cannot write: %s", strerror(errno));
	return r;
}
