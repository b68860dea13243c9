// SPDX-License-Identifier: MIT
/*
 * bench-placement [--policy NAME] TRACE...: how much larger than its peak of
 * live bytes a region has to be for a trace to run without a failure.
 */
#include "replay.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICIES_MAX	16

/**
 * struct bench - what was asked for
 * @policies: to run, NULL last
 * @one: a single one, in full
 * @paths: traces, NULL last
 */
struct bench {
	const struct bench_policy *const *policies;
	const struct bench_policy *one[2];
	char **paths;
};

struct sums {
	double sum;
	double max;
	double ns;
	size_t traces;
};

static const struct argp_option options[] = {
	{ "policy", 'p', "NAME", 0,
	  "carve (default), first, best, next, worst, buddy, tlsf; or all, for a table",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct bench *bench = state->input;

	switch (key) {
	case 'p':
		if (strcmp(value, "all") == 0) {
			bench->policies = bench_policies;
			break;
		}
		bench->one[0] = bench_policy_called(value);
		bench->policies = bench->one;
		if (!bench->one[0])
			argp_error(state, "%s: no such policy; --help names them",
				   value);
		break;
	case ARGP_KEY_ARGS:
		bench->paths = state->argv + state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which trace?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void add(struct sums *sums, const struct replay_result *result)
{
	sums->sum += result->overhead;
	sums->ns += result->ns;
	sums->traces++;
	if (result->overhead > sums->max)
		sums->max = result->overhead;
}

static int run_trace(const struct bench *bench, const char *path,
		     struct sums *sums)
{
	struct replay_result result;
	struct replay replay;

	if (replay_read(&replay, path) < 0)
		return 1;
	printf("%-24s %8zu operations  peak %12" PRIu64 "  overhead",
	       name_of(path), replay.count, replay.peak_pages * BENCH_PAGE);
	for (size_t i = 0; bench->policies[i]; i++) {
		if (!replay_measure(&replay, bench->policies[i], &result)) {
			printf("\n");
			fprintf(stderr, "%s: does not run with policy %s in %d times its peak\n",
				path, bench->policies[i]->name,
				REPLAY_FACTOR_MAX);
			replay_done(&replay);
			return 1;
		}
		add(&sums[i], &result);
		printf(" %9.3f", result.overhead);
	}
	if (!bench->policies[1])
		printf("  %9.1f ns", result.ns);
	printf("\n");
	fflush(stdout);
	replay_done(&replay);
	return 0;
}

static void print_heads(const struct bench *bench)
{
	printf("%-72s", "");
	for (size_t i = 0; bench->policies[i]; i++)
		printf(" %9s", bench->policies[i]->name);
	printf("\n");
}

static void print_sums(const struct bench *bench, const struct sums *sums)
{
	for (size_t i = 0; bench->policies[i]; i++) {
		if (bench->policies[1])
			printf("%-8s %7.1f ns ", bench->policies[i]->name,
			       sums[i].ns / (double)sums[i].traces);
		printf("mean %.4f max %.3f\n",
		       sums[i].sum / (double)sums[i].traces, sums[i].max);
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "TRACE...",
		.doc = "Run traces of lines `a ID BYTES ALIGN` and `f ID` in regions of growing size, and print the smallest in which none of their allocations fails, as a multiple of their peak.",
	};
	struct bench bench = { .one = { &bench_carve } };
	struct sums sums[POLICIES_MAX] = { 0 };

	bench.policies = bench.one;
	argp_parse(&argp, argc, argv, 0, NULL, &bench);
	if (bench.policies[1])
		print_heads(&bench);
	for (char **path = bench.paths; *path; path++)
		if (run_trace(&bench, *path, sums))
			return 1;
	print_sums(&bench, sums);
	return 0;
}
