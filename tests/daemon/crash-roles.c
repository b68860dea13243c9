// SPDX-License-Identifier: MIT
/* Clients that allocate, wait, yield and look around. */
#include "crash-load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define MANY		4

/* Between two stands, and of so many pages at most. */
#define CYCLES		64
#define CYCLE_PAGES	16

/*
 * After a deadline the daemon may still have to be started and to wait for others;
 * by crash_ms().
 */
#define LATE_MS		(PATIENCE / 2 * 1000)

/* Nobody holds anything longer than a moment: "for ever" ends. */
#define EVER_MS		(PATIENCE * 1000)

/* ---- room for all -------------------------------------------------------- */

void crash_churn(struct crash_self *self)
{
	struct carve_request requests[MANY];
	struct carve_buffer *buffers[MANY];
	char names[MANY][32];
	unsigned int i, n = 1 + crash_below(self, MANY);
	int r, place;

	while ((unsigned int)CRASH_HELD - 4 < n)
		n--;
	for (i = 0; i < n; i++) {
		crash_name(self, names[i], sizeof(names[i]));
		requests[i] = (struct carve_request)CARVE_REQUEST_INIT;
		requests[i].bytes = PAGE * (1 + crash_below(self, 32));
		requests[i].name = names[i];
		requests[i].timeout_nsec = crash_below(self, 2) ? 0 : 2000 * MSEC;
	}
	r = CRASH_CALL(self, "allocate",
		       carve_alloc_many(self->carve, requests, n, buffers, NULL));
	if (r < 0)
		crash_fail(self, "allocate", r);
	for (i = 0; r == 0 && i < n; i++) {
		place = crash_place(self);
		if (place < 0) {
			place = crash_any(self);
			crash_drop(self, place);
		}
		crash_keep(self, place, CRASH_ROOMY, buffers[i], names[i]);
	}
	while (crash_below(self, 8) && (place = crash_any(self)) >= 0)
		crash_drop(self, place);
}

void crash_cycle(struct crash_self *self)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	int r;

	request.name = "cycle";
	for (unsigned int i = 0; i < CYCLES; i++) {
		request.bytes = PAGE * (1 + crash_below(self, CYCLE_PAGES));
		r = CRASH_CALL(self, "cycle", carve_alloc(self->carve, &request, &buffer));
		if (r < 0) {
			crash_fail(self, "cycle", r);
			return;
		}
		carve_buffer_unref(buffer);
		atomic_fetch_add(&self->worker->cycles, 1);
	}
}

void crash_look_around(struct crash_self *self)
{
	struct carve_regions *regions = NULL;
	struct carve_buffers *buffers = NULL;
	struct carve_reservations *reservations = NULL;
	int r;

	r = CRASH_CALL(self, "list regions", carve_regions_new(self->carve, &regions));
	if (r < 0)
		crash_fail(self, "list regions", r);
	else if (carve_regions_count(regions) != CRASH_REGIONS)
		crash_fail(self, "list regions", 0);
	r = CRASH_CALL(self, "list buffers", carve_buffers_new(self->carve, &buffers));
	if (r < 0)
		crash_fail(self, "list buffers", r);
	r = CRASH_CALL(self, "list reservations",
		       carve_reservations_new(self->carve, &reservations));
	if (r < 0)
		crash_fail(self, "list reservations", r);
	carve_regions_free(regions);
	carve_buffers_free(buffers);
	carve_reservations_free(reservations);
	sleep_ms((int)crash_below(self, 4));
}

/* ---- not enough room ----------------------------------------------------- */

static struct carve *to_cancel;

static void on_alarm(int signal)
{
	(void)signal;
	carve_cancel(to_cancel);
}

static void set_alarm(struct crash_self *self, unsigned int usec)
{
	struct itimerval timer = { .it_value.tv_usec = (suseconds_t)usec };

	to_cancel = self->carve;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void judge(struct crash_self *self, int r, uint64_t timeout, bool cancels,
		  int64_t took_ms, int64_t ran_ms)
{
	int64_t least = timeout == CARVE_FOREVER ? EVER_MS : (int64_t)(timeout / MSEC);
	char late[96];

	snprintf(late, sizeof(late), "wait: %lld ms, %lld of them running, for a timeout of %lld ms",
		 (long long)took_ms, (long long)ran_ms, (long long)least);
	if (r == -ETIMEDOUT && timeout != CARVE_FOREVER && timeout && took_ms + 1 < least)
		crash_fail(self, late, r);
	else if (ran_ms > (timeout == CARVE_FOREVER ? EVER_MS : least + LATE_MS))
		crash_fail(self, late, r);
	else if (r == 0 || (r == -ECANCELED && cancels) ||
		 (r == -ENOSPC && timeout == 0) ||
		 (r == -ETIMEDOUT && timeout && timeout != CARVE_FOREVER))
		return;
	else
		crash_fail(self, "wait", r);
}

void crash_wait(struct crash_self *self)
{
	static const uint64_t timeouts[] = {
		0, 1, 5 * MSEC, 50 * MSEC, 500 * MSEC, CARVE_FOREVER, CARVE_FOREVER,
	};
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	bool cancels = crash_below(self, 4) == 0;
	int64_t start = now_ms(), ran = crash_ms(self->world);
	char name[32];
	int r;

	crash_name(self, name, sizeof(name));
	request.bytes = (24 + crash_below(self, 24)) * MIB;
	request.name = name;
	request.region = crash_labels[CRASH_TIGHT];
	request.timeout_nsec = timeouts[crash_below(self, 7)];
	if (cancels)
		set_alarm(self, 1 + crash_below(self, 40000));
	r = CRASH_CALL(self, "wait", carve_alloc(self->carve, &request, &buffer));
	if (cancels)
		set_alarm(self, 0);
	judge(self, r, request.timeout_nsec, cancels, now_ms() - start,
	      crash_ms(self->world) - ran);
	if (r < 0)
		return;
	crash_keep(self, 0, CRASH_TIGHT, buffer, name);
	sleep_ms((int)crash_below(self, 15));
	crash_drop(self, 0);
}

/* ---- being asked --------------------------------------------------------- */

static void on_pressure(const struct carve_pressure *pressure, void *data)
{
	struct crash_self *self = data;

	if (strcmp(pressure->region, crash_labels[CRASH_TIGHT]))
		crash_fail(self, "asked for a region nobody waits for", 0);
	atomic_fetch_add(&self->world->appeals, 1);
	crash_drop(self, 0);
}

static void have_some(struct crash_self *self)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	char name[32];
	int r;

	crash_name(self, name, sizeof(name));
	request.bytes = 30 * MIB;
	request.name = name;
	request.region = crash_labels[CRASH_TIGHT];
	request.timeout_nsec = 20 * MSEC;
	r = CRASH_CALL(self, "have", carve_alloc(self->carve, &request, &buffer));
	if (r == 0)
		crash_keep(self, 0, CRASH_TIGHT, buffer, name);
	else if (r != -ETIMEDOUT)
		crash_fail(self, "have", r);
}

static void watch(struct crash_self *self, carve_pressure_fn fn)
{
	int r = CRASH_CALL(self, "watch", carve_watch_pressure(self->carve, fn, self));

	if (r < 0)
		crash_fail(self, "watch", r);
}

/* What is asked for only now and then has to come: whoever waits depends on it. */
void crash_yield(struct crash_self *self)
{
	struct pollfd poll_for = { .events = POLLIN };
	int64_t end = now_ms() + 300;
	int r;

	/* Not to be told, and to be told again, now and then. */
	if (crash_below(self, 4) == 0)
		watch(self, NULL);
	watch(self, on_pressure);
	have_some(self);
	poll_for.fd = carve_get_fd(self->carve);
	while (self->worker->held[0].id && now_ms() < end && !self->world->pause) {
		poll(&poll_for, 1, 20);
		r = CRASH_CALL(self, "dispatch", carve_dispatch(self->carve));
		if (r < 0)
			crash_fail(self, "dispatch", r);
	}
	crash_drop(self, 0);
}
