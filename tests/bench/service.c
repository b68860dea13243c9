// SPDX-License-Identifier: MIT
/*
 * Measures the real daemon with the real library on a simulated region, and
 * writes a line of JSON for each figure and its goal.
 */
#include "service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FDS_WANTED	200000

noreturn void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

double now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

void samples_add(struct samples *samples, double nsec)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? samples->room * 2 : 1024;
		samples->nsec = realloc(samples->nsec, samples->room *
						       sizeof(*samples->nsec));
		if (!samples->nsec)
			die("out of memory");
	}
	samples->nsec[samples->count++] = nsec;
}

void samples_free(struct samples *samples)
{
	free(samples->nsec);
	*samples = (struct samples){ 0 };
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_at(struct samples *samples, double share)
{
	if (!samples->count)
		die("nothing was measured");
	qsort(samples->nsec, samples->count, sizeof(*samples->nsec), order);
	return samples->nsec[(size_t)((double)(samples->count - 1) * share)];
}

void turns_add(struct turns *turns, int which, struct samples *samples)
{
	samples_add(&turns->p50[which], samples_at(samples, 0.5));
	samples_add(&turns->p99[which], samples_at(samples, 0.99));
	samples->count = 0;
}

double turns_p50(struct turns *turns, int which)
{
	return samples_at(&turns->p50[which], 0.5);
}

double turns_p99(struct turns *turns, int which)
{
	return samples_at(&turns->p99[which], 0.5);
}

void turns_free(struct turns *turns)
{
	for (int i = 0; i < 2; i++) {
		samples_free(&turns->p50[i]);
		samples_free(&turns->p99[i]);
	}
}

void report(const char *name, double ratio, double limit, const char *format,
	    ...)
{
	va_list list;

	printf("{\"name\":\"%s\",\"ratio\":%.3f,", name, ratio);
	if (limit < 0)
		printf("\"limit\":null");
	else
		printf("\"limit\":%.3f", limit);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf("}\n");
	fflush(stdout);
}

/* Thousands of clients and buffers want as many descriptors, here as there. */
static void raise_limit(void)
{
	struct rlimit limit = { FDS_WANTED, FDS_WANTED };

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(void);
	} all[] = {
		{ "floor", measure_floor },
		{ "many", measure_many_in_one },
		{ "clients", measure_clients },
		{ "throughput", measure_throughput },
		{ "live", measure_live },
		{ "memory", measure_memory },
		{ "idle", measure_idle },
		{ "start", measure_start },
		{ "hostile", measure_hostile },
	};

	raise_limit();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (argc < 2 || !strcmp(argv[1], all[i].name))
			all[i].measure();
	return EXIT_SUCCESS;
}
