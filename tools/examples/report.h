/* SPDX-License-Identifier: MIT */
/*
 * What the player tells: a line for people about every second, and the same
 * as JSON lines for programs.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

/**
 * struct report - counters and where they go
 * @file: JSON lines, or NULL
 * @quiet: print no lines for people
 * @frames: frames the device has shown and given back
 * @cut: frames that were still waiting when the device was stopped
 * @loops: times the film ran to its end
 * @allocations: buffers that carved gave us
 * @failures: allocations refused, calls that failed, frames that came back
 *	damaged
 * @dropped, @late: as the device counts them, see struct video_output
 * @start: when playing began, CLOCK_MONOTONIC
 * @last: when the last line was written
 */
struct report {
	FILE *file;
	int quiet;
	uint64_t frames;
	uint64_t cut;
	uint64_t loops;
	uint64_t allocations;
	uint64_t failures;
	uint64_t dropped;
	uint64_t late;
	struct timespec start;
	struct timespec last;
};

/**
 * report_init() - start counting
 * @report: to be filled in; report_done()
 * @path: where JSON lines go; NULL for nowhere
 *
 * Return: 0; what open() answers.
 */
int report_init(struct report *report, const char *path);

/** report_done() - close the file */
void report_done(struct report *report);

/** report_seconds() - time since report_init() */
double report_seconds(const struct report *report);

/** report_tick() - write a line if the last is a second old */
void report_tick(struct report *report);

/**
 * report_failure() - count and tell one failure
 * @report: the counters
 * @what: the step that failed, no quotes in it
 * @error: negative errno
 */
void report_failure(struct report *report, const char *what, int error);

/** report_end() - the last line; @reason has no quotes in it */
void report_end(struct report *report, const char *reason);

#endif /* REPORT_H */
