/* SPDX-License-Identifier: MIT */
/*
 * Waiting for what has to come, on a machine that may stand still as a whole: a
 * kernel was seen to run next to nobody for two minutes. Who waits then finds its
 * time over before anybody else had any. So limits go by a clock that stands still,
 * too: it goes on by the time since the last look at it, but by no more than
 * PATIENT_LOOK_MS. For those who look again and again, as loops do; who looks seldom
 * is the more patient.
 */
#ifndef CARVE_TESTS_PATIENCE_H
#define CARVE_TESTS_PATIENCE_H

#include <poll.h>
#include <stdint.h>
#include <time.h>

#define PATIENT_LOOK_MS 250

/* One clock for each thread, whichever file looks at it. */
_Thread_local int64_t patient_last_ms __attribute__((weak));
_Thread_local int64_t patient_sum_ms __attribute__((weak));

static inline int64_t patient_ms(void)
{
	struct timespec now;
	int64_t now_ms, passed_ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	passed_ms = now_ms - patient_last_ms;
	patient_last_ms = now_ms;
	patient_sum_ms += passed_ms < PATIENT_LOOK_MS ? passed_ms : PATIENT_LOOK_MS;
	return patient_sum_ms;
}

/* poll() by that clock; of nothing, a sleep. @timeout_ms: 0 or more */
static inline int patient_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int64_t left_ms, end_ms = patient_ms() + timeout_ms;
	int r;

	do {
		left_ms = end_ms - patient_ms();
		r = poll(fds, count, left_ms > 100 ? 100 : left_ms > 0 ? (int)left_ms : 0);
	} while (r == 0 && left_ms > 0);
	return r;
}

#endif /* CARVE_TESTS_PATIENCE_H */
