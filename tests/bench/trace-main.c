// SPDX-License-Identifier: MIT
/*
 * trace KIND SEED: write a trace to standard output.
 * trace --list [tuning|validation]: the kinds there are.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct trace_kind *const lists[] = {
	trace_kinds_video, trace_kinds_mixed, trace_kinds_other,
};

static void list(const char *set)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (const struct trace_kind *kind = lists[i]; kind->name;
		     kind++) {
			const char *of = kind->tuning ? "tuning" : "validation";

			if (!set)
				printf("%-12s %-10s %s\n", kind->name, of,
				       kind->about);
			else if (strcmp(set, of) == 0)
				printf("%s\n", kind->name);
		}
}

static const struct trace_kind *kind_called(const char *name)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (const struct trace_kind *kind = lists[i]; kind->name;
		     kind++)
			if (strcmp(kind->name, name) == 0)
				return kind;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct trace_kind *kind;
	struct trace trace = { .out = stdout };
	char *end;

	if (argc >= 2 && argc <= 3 && strcmp(argv[1], "--list") == 0) {
		list(argv[2]);
		return 0;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: %s KIND SEED | --list [SET]\n",
			argv[0]);
		return 2;
	}
	kind = kind_called(argv[1]);
	if (!kind) {
		fprintf(stderr, "%s: no such kind; --list names them\n",
			argv[1]);
		return 2;
	}
	trace.random = strtoull(argv[2], &end, 10);
	if (end == argv[2] || *end) {
		fprintf(stderr, "%s: not a seed, which is a whole number\n",
			argv[2]);
		return 2;
	}
	printf("# %s, seed %" PRIu64 ": %s\n", kind->name, trace.random,
	       kind->about);
	kind->write(&trace);
	free(trace.events);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
