// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report.h"

static double between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) +
	       (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

int report_init(struct report *report, const char *path)
{
	*report = (struct report) { 0 };
	clock_gettime(CLOCK_MONOTONIC, &report->start);
	report->last = report->start;
	if (!path)
		return 0;
	report->file = fopen(path, "we");
	if (!report->file)
		return -errno;
	/* Whoever follows the file sees whole lines, at once. */
	setvbuf(report->file, NULL, _IOLBF, 0);
	return 0;
}

void report_done(struct report *report)
{
	if (report->file)
		fclose(report->file);
	report->file = NULL;
}

double report_seconds(const struct report *report)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return between(&report->start, &now);
}

static void write_counters(struct report *report, const char *event,
			   const char *detail)
{
	if (!report->file)
		return;
	fprintf(report->file,
		"{\"event\":\"%s\",\"seconds\":%.3f,\"frames\":%" PRIu64
		",\"cut\":%" PRIu64 ",\"loops\":%" PRIu64
		",\"allocations\":%" PRIu64 ",\"failures\":%" PRIu64
		",\"dropped\":%" PRIu64 ",\"late\":%" PRIu64 "%s}\n",
		event, report_seconds(report), report->frames, report->cut,
		report->loops, report->allocations, report->failures, report->dropped,
		report->late, detail);
}

static void print_counters(struct report *report)
{
	if (report->quiet)
		return;
	printf("%7.1f s  %6" PRIu64 " frames  %4" PRIu64 " loops  %5" PRIu64
	       " buffers allocated  %" PRIu64 " failures\n",
	       report_seconds(report), report->frames, report->loops,
	       report->allocations, report->failures);
	fflush(stdout);
}

void report_tick(struct report *report)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (between(&report->last, &now) < 1.0)
		return;
	report->last = now;
	write_counters(report, "playing", "");
	print_counters(report);
}

void report_failure(struct report *report, const char *what, int error)
{
	char detail[256];

	report->failures++;
	snprintf(detail, sizeof(detail), ",\"what\":\"%s\",\"errno\":%d,\"error\":\"%s\"",
		 what, -error, strerrorname_np(-error) ? strerrorname_np(-error) : "");
	write_counters(report, "failure", detail);
}

void report_end(struct report *report, const char *reason)
{
	char detail[256];

	snprintf(detail, sizeof(detail), ",\"reason\":\"%s\"", reason);
	write_counters(report, "end", detail);
	print_counters(report);
}
