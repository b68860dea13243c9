// SPDX-License-Identifier: MIT
#include "waiter.h"

#include <string.h>
#include <time.h>

static void *run(void *data)
{
	struct waiter *waiter = data;
	struct carve_request requests[CARVE_ALLOC_MAX];
	int64_t start = now_ms();
	size_t i;

	for (i = 0; i < waiter->count; i++)
		requests[i] = waiter->request;
	waiter->result = carve_alloc_many(waiter->carve, requests, waiter->count,
					  waiter->buffers, &waiter->refusal);
	waiter->took_ms = now_ms() - start;
	waiter->finished = true;
	return NULL;
}

void waiter_run(struct waiter *waiter, const struct daemon *daemon)
{
	waiter->carve = client_new(daemon);
	waiter->result = 1;
	waiter->finished = false;
	waiter->refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	memset(waiter->buffers, 0, sizeof(waiter->buffers));
	assert_int_equal(pthread_create(&waiter->thread, NULL, run, waiter), 0);
}

void waiter_start(struct waiter *waiter, const struct daemon *daemon,
		  uint64_t bytes, uint64_t timeout_nsec)
{
	waiter->request = (struct carve_request)CARVE_REQUEST_INIT;
	waiter->request.bytes = bytes;
	waiter->request.timeout_nsec = timeout_nsec;
	waiter->count = 1;
	waiter_run(waiter, daemon);
}

void *join_soon(pthread_t thread)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct timespec next;
	void *result;

	do {
		clock_gettime(CLOCK_REALTIME, &next);
		next.tv_nsec += 100000000;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		if (pthread_timedjoin_np(thread, &result, &next) == 0)
			return result;
	} while (patient_ms() < end);
	fail_msg("a thread does not end within %d s", PATIENCE);
	return NULL;
}

int waiter_join(struct waiter *waiter)
{
	join_soon(waiter->thread);
	waiter->carve = carve_free(waiter->carve);
	return waiter->result;
}

void waiter_expect(struct waiter *waiter, int result)
{
	size_t i;

	assert_int_equal(waiter_join(waiter), result);
	for (i = 0; i < waiter->count; i++)
		waiter->buffers[i] = carve_buffer_unref(waiter->buffers[i]);
}

void assert_waiting_becomes(struct carve *carve, uint32_t count)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	uint32_t now;

	while ((now = client_region(carve).waiting) != count) {
		if (patient_ms() > end)
			fail_msg("%u requests wait, and not %u", now, count);
		sleep_ms(2);
	}
}
