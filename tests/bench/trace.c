// SPDX-License-Identifier: MIT
#include "trace.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Either a call or, without one, the end of a buffer. */
struct trace_event {
	uint64_t at_ms;
	uint64_t order;
	trace_run run;
	void *what;
	uint64_t id;
};

uint64_t trace_below(struct trace *trace, uint64_t bound)
{
	/* splitmix64: every state is a good one, 0 too. */
	uint64_t z = trace->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % bound;
}

uint64_t trace_between(struct trace *trace, uint64_t low, uint64_t high)
{
	return low + trace_below(trace, high - low + 1);
}

uint64_t trace_exponential(struct trace *trace, uint64_t mean)
{
	double unit = (double)(trace_below(trace, 1 << 30) + 1) / (1 << 30);

	return (uint64_t)(-log(unit) * (double)mean);
}

bool trace_chance(struct trace *trace, unsigned int percent)
{
	return trace_below(trace, 100) < percent;
}

uint64_t trace_alloc(struct trace *trace, uint64_t bytes, uint64_t alignment)
{
	uint64_t id = trace->next_id++;

	fprintf(trace->out, "a %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", id,
		bytes, alignment);
	trace->operations++;
	return id;
}

void trace_free(struct trace *trace, uint64_t id)
{
	fprintf(trace->out, "f %" PRIu64 "\n", id);
	trace->operations++;
}

static bool earlier(const struct trace_event *a, const struct trace_event *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	return a->order < b->order;
}

static void swap(struct trace_event *a, struct trace_event *b)
{
	struct trace_event c = *a;

	*a = *b;
	*b = c;
}

static void push(struct trace *trace, struct trace_event event)
{
	size_t i = trace->event_count++;

	if (i == trace->event_room) {
		trace->event_room = 2 * i + 64;
		trace->events = realloc(trace->events, trace->event_room *
						       sizeof(event));
		if (!trace->events)
			abort();
	}
	event.order = trace->next_order++;
	trace->events[i] = event;
	for (; i && earlier(&trace->events[i], &trace->events[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap(&trace->events[i], &trace->events[(i - 1) / 2]);
}

static struct trace_event pop(struct trace *trace)
{
	struct trace_event *heap = trace->events;
	struct trace_event first = heap[0];
	size_t i = 0, child;

	heap[0] = heap[--trace->event_count];
	while ((child = 2 * i + 1) < trace->event_count) {
		if (child + 1 < trace->event_count &&
		    earlier(&heap[child + 1], &heap[child]))
			child++;
		if (!earlier(&heap[child], &heap[i]))
			break;
		swap(&heap[child], &heap[i]);
		i = child;
	}
	return first;
}

void trace_free_in(struct trace *trace, uint64_t delay_ms, uint64_t id)
{
	push(trace, (struct trace_event){ .at_ms = trace->now_ms + delay_ms,
					  .id = id });
}

void trace_in(struct trace *trace, uint64_t delay_ms, trace_run run,
	      void *what)
{
	push(trace, (struct trace_event){ .at_ms = trace->now_ms + delay_ms,
					  .run = run, .what = what });
}

void trace_go(struct trace *trace, uint64_t operations)
{
	while (trace->event_count && trace->operations < operations) {
		struct trace_event event = pop(trace);

		trace->now_ms = event.at_ms;
		if (event.run)
			event.run(trace, event.what);
		else
			trace_free(trace, event.id);
	}
}
