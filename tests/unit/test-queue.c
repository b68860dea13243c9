// SPDX-License-Identifier: MIT
/*
 * Who is answered when, by requests that say what the test wants: nobody behind
 * one that waits for zeroing is served, and yet each is refused in time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "appeal.h"
#include "identity.h"
#include "queue.h"
#include "tree.h"
#include "window.h"

#define MSEC	1000000ULL
#define USEC	1000ULL

/* No queue here has either. */
bool carve_window_expire(struct carve_window *window, uint64_t now_usec)
{
	(void)window;
	(void)now_usec;
	return false;
}

bool carve_window_leave(struct carve_window *window,
			const struct carve_waiter *waiter, bool served)
{
	(void)window;
	(void)waiter;
	(void)served;
	return false;
}

void carve_window_settle(struct carve_window *window, struct carve_queue *queue,
			 uint64_t now_usec)
{
	(void)window;
	(void)queue;
	(void)now_usec;
}

uint64_t carve_window_wakes(const struct carve_window *window,
			    const struct carve_queue *queue, uint64_t now_usec)
{
	(void)window;
	(void)queue;
	(void)now_usec;
	return UINT64_MAX;
}

void carve_appeal_new(struct carve_appeal *appeal, uint64_t now_usec)
{
	(void)appeal;
	(void)now_usec;
}

void carve_appeal_settle(struct carve_appeal *appeal,
			 const struct carve_queue *queue, uint64_t now_usec)
{
	(void)appeal;
	(void)queue;
	(void)now_usec;
}

uint64_t carve_appeal_wakes(const struct carve_appeal *appeal,
			    const struct carve_queue *queue)
{
	(void)appeal;
	(void)queue;
	return UINT64_MAX;
}

/**
 * struct one - a request
 * @would: what it is answered when it is tried
 * @could: what it is told of its outlook
 * @result: what it was answered in the end; 1: nothing yet
 */
struct one {
	struct carve_waiter waiter;
	int would;
	int could;
	int result;
};

static struct one *of(struct carve_waiter *waiter)
{
	return carve_container_of(waiter, struct one, waiter);
}

static int answer(struct carve_waiter *waiter)
{
	return of(waiter)->would;
}

static int outlook(struct carve_waiter *waiter)
{
	return of(waiter)->could;
}

static void done(struct carve_waiter *waiter, int result)
{
	of(waiter)->result = result;
}

static int ask_for(struct carve_queue *queue, struct one *one, int would, int could,
		   uint64_t timeout_nsec, const struct carve_identity *who)
{
	*one = (struct one){
		.waiter = {
			.timeout_nsec = timeout_nsec,
			.answer = answer,
			.outlook = outlook,
			.done = done,
			.who = who,
		},
		.would = would,
		.could = could,
		.result = 1,
	};
	return carve_queue_ask(queue, &one->waiter);
}

static int ask(struct carve_queue *queue, struct one *one, int would, int could,
	       uint64_t timeout_nsec)
{
	return ask_for(queue, one, would, could, timeout_nsec, NULL);
}

static sd_event *start(struct carve_queue *queue)
{
	sd_event *event = NULL;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(carve_queue_init(queue, event), 0);
	return event;
}

static void end(sd_event *event, struct carve_queue *queue)
{
	assert_int_equal(queue->count, 0);
	carve_queue_done(queue);
	sd_event_unref(event);
}

static void run_for(sd_event *event, uint64_t usec)
{
	sd_event_source *timer;

	assert_true(sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, usec,
					       1, NULL, NULL) >= 0);
	/* Without a callback it ends the loop. */
	assert_true(sd_event_loop(event) >= 0);
	sd_event_source_unref(timer);
}

/* One that lacks memory in use is not kept by one that is about to be served. */
static void a_deadline_is_kept_behind_zeroing(void **state)
{
	struct one zeroing, lacks, behind;
	struct carve_queue queue;
	sd_event *event = start(&queue);

	(void)state;
	assert_int_equal(ask(&queue, &zeroing, -EINPROGRESS, -EINPROGRESS, 0),
			 -EINPROGRESS);
	assert_int_equal(ask(&queue, &lacks, -ENOSPC, -ENOSPC, 20 * MSEC),
			 -EINPROGRESS);
	/* This one lacks nothing else, so it waits in any case. */
	assert_int_equal(ask(&queue, &behind, 0, -EINPROGRESS, 20 * MSEC),
			 -EINPROGRESS);
	assert_true(lacks.waiter.lacks);
	assert_false(behind.waiter.lacks);
	run_for(event, 60 * MSEC / USEC);
	assert_int_equal(zeroing.result, 1);
	assert_int_equal(lacks.result, -ETIMEDOUT);
	assert_int_equal(behind.result, 1);
	zeroing.would = 0;
	carve_queue_serve(&queue);
	assert_int_equal(zeroing.result, 0);
	assert_int_equal(behind.result, 0);
	end(event, &queue);
}

/* Without a timeout it is refused at once. */
static void nobody_waits_for_a_refusal(void **state)
{
	struct one zeroing, lacks, beyond, behind;
	struct carve_queue queue;
	sd_event *event = start(&queue);

	(void)state;
	ask(&queue, &zeroing, -EINPROGRESS, -EINPROGRESS, 0);
	assert_int_equal(ask(&queue, &lacks, -ENOSPC, -ENOSPC, 0), -ENOSPC);
	assert_int_equal(ask(&queue, &beyond, -EDQUOT, -EDQUOT, 0), -EDQUOT);
	assert_int_equal(ask(&queue, &behind, 0, -EINPROGRESS, 0), -EINPROGRESS);
	assert_int_equal(queue.count, 2);
	zeroing.would = 0;
	carve_queue_serve(&queue);
	assert_int_equal(behind.result, 0);
	end(event, &queue);
}

/* What has changed until its deadline counts. */
static void the_outlook_may_become_better(void **state)
{
	struct one zeroing, late;
	struct carve_queue queue;
	sd_event *event = start(&queue);

	(void)state;
	ask(&queue, &zeroing, -EINPROGRESS, -EINPROGRESS, 0);
	ask(&queue, &late, -ENOSPC, -ENOSPC, 20 * MSEC);
	late.could = -EINPROGRESS;
	run_for(event, 60 * MSEC / USEC);
	assert_int_equal(late.result, 1);
	assert_false(late.waiter.lacks);
	/* It is too late for anything but zeroing. */
	late.could = -ENOSPC;
	carve_queue_serve(&queue);
	assert_int_equal(late.result, -ETIMEDOUT);
	carve_queue_cancel(&zeroing.waiter);
	end(event, &queue);
}

/*
 * After a restart all come to a queue that serves nobody yet; when it does, who does
 * not want to wait is refused at once here, too.
 */
static void nobody_waits_for_a_refusal_behind_the_hold(void **state)
{
	static const struct carve_identity somebody = { .uid = 1 };
	struct one zeroing, lacks, beyond, behind;
	struct carve_queue queue;
	sd_event *event = start(&queue);

	(void)state;
	queue.held = true;
	assert_int_equal(ask_for(&queue, &zeroing, -EINPROGRESS, -EINPROGRESS,
				 20 * MSEC, &somebody), -EINPROGRESS);
	ask_for(&queue, &lacks, -ENOSPC, -ENOSPC, 0, &somebody);
	ask_for(&queue, &beyond, -EDQUOT, -EDQUOT, 0, &somebody);
	ask_for(&queue, &behind, 0, -EINPROGRESS, 0, &somebody);
	assert_int_equal(queue.count, 4);
	queue.held = false;
	carve_queue_serve(&queue);
	assert_int_equal(lacks.result, -ENOSPC);
	assert_int_equal(beyond.result, -EDQUOT);
	assert_int_equal(behind.result, 1);
	/* Somebody of higher priority took what it would have had. */
	behind.could = -ENOSPC;
	carve_queue_serve(&queue);
	assert_int_equal(behind.result, -ENOSPC);
	assert_int_equal(zeroing.result, 1);
	zeroing.would = 0;
	carve_queue_serve(&queue);
	assert_int_equal(zeroing.result, 0);
	end(event, &queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadline_is_kept_behind_zeroing),
		cmocka_unit_test(nobody_waits_for_a_refusal),
		cmocka_unit_test(the_outlook_may_become_better),
		cmocka_unit_test(nobody_waits_for_a_refusal_behind_the_hold),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
