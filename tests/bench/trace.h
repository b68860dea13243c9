/* SPDX-License-Identifier: MIT */
/*
 * What trace generators are made of: a random number sequence, a clock of
 * their own, and the two lines that a trace consists of. A kind and a seed
 * give the same trace on every machine.
 */
#ifndef CARVE_TESTS_BENCH_TRACE_H
#define CARVE_TESTS_BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct trace_event;

/**
 * struct trace - one being written
 * @out: where to
 * @random: state of the sequence
 * @now_ms: the clock that events go by
 * @operations: lines written
 * @next_id: buffers so far
 * @next_order: events of one time run in the order they were made
 * @events: a heap, the earliest first
 * @event_count: how many
 * @event_room: how many there is room for
 */
struct trace {
	FILE *out;
	uint64_t random;
	uint64_t now_ms;
	uint64_t operations;
	uint64_t next_id;
	uint64_t next_order;
	struct trace_event *events;
	size_t event_count;
	size_t event_room;
};

/* Called when the clock has got there; @what is the caller's. */
typedef void (*trace_run)(struct trace *trace, void *what);

/* 0 to @bound - 1 */
uint64_t trace_below(struct trace *trace, uint64_t bound);

/* @low to @high, both included */
uint64_t trace_between(struct trace *trace, uint64_t low, uint64_t high);

/* Times with this mean: mostly short ones, a few long ones. */
uint64_t trace_exponential(struct trace *trace, uint64_t mean);

/* True @percent times in a hundred. */
bool trace_chance(struct trace *trace, unsigned int percent);

/* Allocate. Return: the buffer's number. */
uint64_t trace_alloc(struct trace *trace, uint64_t bytes, uint64_t alignment);

/* Free now. */
void trace_free(struct trace *trace, uint64_t id);

/* Free @delay_ms from now. */
void trace_free_in(struct trace *trace, uint64_t delay_ms, uint64_t id);

/* Call @run @delay_ms from now. */
void trace_in(struct trace *trace, uint64_t delay_ms, trace_run run,
	      void *what);

/* Run events until @operations lines are written or nothing is left to run. */
void trace_go(struct trace *trace, uint64_t operations);

/**
 * struct trace_kind - a generator
 * @name: what it is called on the command line
 * @tuning: policies were compared on it while they were made; the other kinds
 *	are for judging the one that came out
 * @about: one line
 * @write: writes a whole trace
 */
struct trace_kind {
	const char *name;
	bool tuning;
	const char *about;
	void (*write)(struct trace *trace);
};

/* Each list ends with a kind without a name. */
extern const struct trace_kind trace_kinds_video[];
extern const struct trace_kind trace_kinds_mixed[];
extern const struct trace_kind trace_kinds_other[];

#endif /* CARVE_TESTS_BENCH_TRACE_H */
