/* SPDX-License-Identifier: MIT */
/*
 * A request on a thread and a connection of its own, for what waits.
 */
#ifndef CARVE_TESTS_WAITER_H
#define CARVE_TESTS_WAITER_H

#include <pthread.h>

#include "fixture.h"

/**
 * struct waiter - one request under way
 * @carve: its connection
 * @request: what is asked for; no names that do not live long enough
 * @count: of equal ones
 * @result, @buffers, @refusal: what carve_alloc_many() answered
 * @took_ms: how long that took
 */
struct waiter {
	struct carve *carve;
	struct carve_request request;
	size_t count;
	int result;
	struct carve_buffer *buffers[CARVE_ALLOC_MAX];
	struct carve_refusal refusal;
	int64_t took_ms;
	_Atomic bool finished;
	pthread_t thread;
};

/* Ask, and do not wait. */
void waiter_start(struct waiter *waiter, const struct daemon *daemon,
		  uint64_t bytes, uint64_t timeout_nsec);

/* The same for more than its size; @waiter->request and count are filled in. */
void waiter_run(struct waiter *waiter, const struct daemon *daemon);

/* Wait for the end of a thread, with patience. Return: what it returned. */
void *join_soon(pthread_t thread);

/* Take in the answer and hang up; buffers stay. Return: the result. */
int waiter_join(struct waiter *waiter);

/* waiter_join(), which has to give this; buffers that came are dropped. */
void waiter_expect(struct waiter *waiter, int result);

/* Wait until that many requests wait in the first region. */
void assert_waiting_becomes(struct carve *carve, uint32_t count);

#define MSEC	1000000ULL

#endif /* CARVE_TESTS_WAITER_H */
