// SPDX-License-Identifier: MIT
/*
 * In which order the scrubber does its jobs, on a device that lets the test go
 * step by step.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "device.h"
#include "scrubber.h"

#define MIB	(1ULL << 20)
#define STEPS	64

/* What was asked of the device, and how far it may go. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t offsets[STEPS];
	size_t begun;
	size_t allowed;
} steps = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.change = PTHREAD_COND_INITIALIZER,
};

static int scrub(struct carve_device *device, uint64_t offset, uint64_t bytes)
{
	size_t step;

	(void)device;
	(void)bytes;
	pthread_mutex_lock(&steps.lock);
	step = steps.begun++;
	steps.offsets[step] = offset;
	pthread_cond_broadcast(&steps.change);
	while (step >= steps.allowed)
		pthread_cond_wait(&steps.change, &steps.lock);
	pthread_mutex_unlock(&steps.lock);
	return 0;
}

static const struct carve_device_ops ops = { .scrub = scrub };
static struct carve_device device = { .ops = &ops };

static void wait_for_step(size_t count)
{
	pthread_mutex_lock(&steps.lock);
	while (steps.begun < count)
		pthread_cond_wait(&steps.change, &steps.lock);
	pthread_mutex_unlock(&steps.lock);
}

static void allow(size_t count)
{
	pthread_mutex_lock(&steps.lock);
	steps.allowed = count;
	pthread_cond_broadcast(&steps.change);
	pthread_mutex_unlock(&steps.lock);
}

static struct carve_scrub_job *take(struct carve_scrubber *scrubber)
{
	struct pollfd pollfd = {
		.fd = carve_scrubber_get_fd(scrubber), .events = POLLIN,
	};

	/* Never read: it stays readable, which is all that is needed here. */
	for (;;) {
		struct carve_scrub_job *job = carve_scrubber_take(scrubber);

		if (job)
			return job;
		poll(&pollfd, 1, 1);
	}
}

static void start(struct carve_scrubber **scrubber)
{
	steps.begun = steps.allowed = 0;
	assert_int_equal(carve_scrubber_new(scrubber, &device), 0);
}

/*
 * A job of three steps is under way and another one waits, when two urgent ones
 * come: they go after the first step, and then the first goes on where it was.
 */
static void urgent_jobs_go_between_two_steps(void **state)
{
	static const uint64_t order[] = { 0, 300, 400, 8, 16, 200 };
	struct carve_scrub_job big = { .offset = 0, .bytes = 20 * MIB };
	struct carve_scrub_job next = { .offset = 200 * MIB, .bytes = MIB };
	struct carve_scrub_job urgent = {
		.offset = 300 * MIB, .bytes = MIB, .owner = 1,
	};
	struct carve_scrub_job second = {
		.offset = 400 * MIB, .bytes = MIB, .owner = 2,
	};
	struct carve_scrubber *scrubber;

	(void)state;
	start(&scrubber);
	carve_scrubber_put(scrubber, &big);
	carve_scrubber_put(scrubber, &next);
	wait_for_step(1);
	carve_scrubber_put(scrubber, &urgent);
	carve_scrubber_put(scrubber, &second);
	allow(STEPS);
	assert_ptr_equal(take(scrubber), &urgent);
	assert_ptr_equal(take(scrubber), &second);
	assert_ptr_equal(take(scrubber), &big);
	assert_ptr_equal(take(scrubber), &next);
	assert_int_equal(steps.begun, sizeof(order) / sizeof(order[0]));
	for (size_t i = 0; i < steps.begun; i++)
		assert_int_equal(steps.offsets[i], order[i] * MIB);
	carve_scrubber_free(scrubber);
}

/* An urgent one is not put off by others of its owner. */
static void urgent_jobs_keep_their_order(void **state)
{
	struct carve_scrub_job jobs[3];
	struct carve_scrubber *scrubber;

	(void)state;
	start(&scrubber);
	for (size_t i = 0; i < 3; i++) {
		jobs[i] = (struct carve_scrub_job){
			.offset = i * 100 * MIB, .bytes = 20 * MIB, .owner = 1,
		};
		carve_scrubber_put(scrubber, &jobs[i]);
	}
	allow(STEPS);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(take(scrubber), &jobs[i]);
		assert_int_equal(jobs[i].result, 0);
	}
	assert_int_equal(steps.begun, 9);
	/* Nothing is left of it; the same job may come again. */
	assert_int_equal(jobs[0].offset, 20 * MIB);
	assert_int_equal(jobs[0].bytes, 0);
	jobs[0].bytes = 20 * MIB;
	carve_scrubber_put(scrubber, &jobs[0]);
	assert_ptr_equal(take(scrubber), &jobs[0]);
	assert_int_equal(steps.begun, 12);
	carve_scrubber_free(scrubber);
}

/*
 * One owner has three large jobs, and the first is under way, when a second one
 * comes with one of one step, and a third one with three small ones, which make
 * a turn together.
 */
static void owners_take_turns(void **state)
{
	static const uint64_t order[] = {
		0, 400, 500, 510, 520, 8, 16, 100, 108, 116, 200,
	};
	struct carve_scrub_job large[3], small[3];
	struct carve_scrub_job single = {
		.offset = 400 * MIB, .bytes = MIB, .owner = 2,
	};
	struct carve_scrubber *scrubber;

	(void)state;
	start(&scrubber);
	for (size_t i = 0; i < 3; i++) {
		large[i] = (struct carve_scrub_job){
			.offset = i * 100 * MIB, .bytes = 20 * MIB, .owner = 1,
		};
		carve_scrubber_put(scrubber, &large[i]);
	}
	wait_for_step(1);
	carve_scrubber_put(scrubber, &single);
	for (size_t i = 0; i < 3; i++) {
		small[i] = (struct carve_scrub_job){
			.offset = (500 + i * 10) * MIB, .bytes = MIB, .owner = 3,
		};
		carve_scrubber_put(scrubber, &small[i]);
	}
	allow(STEPS);
	assert_ptr_equal(take(scrubber), &single);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(take(scrubber), &small[i]);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(take(scrubber), &large[i]);
	assert_true(steps.begun >= sizeof(order) / sizeof(order[0]));
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_int_equal(steps.offsets[i], order[i] * MIB);
	carve_scrubber_free(scrubber);
}

/* Two with large backlogs: a step each, in the order of each. */
static void backlogs_are_done_together(void **state)
{
	static const uint64_t order[] = {
		0, 200, 8, 208, 100, 300, 108, 308,
	};
	struct carve_scrub_job jobs[4];
	struct carve_scrubber *scrubber;

	(void)state;
	start(&scrubber);
	for (size_t i = 0; i < 4; i++) {
		jobs[i] = (struct carve_scrub_job){
			.offset = i * 100 * MIB, .bytes = 16 * MIB,
			.owner = 1 + i / 2,
		};
		carve_scrubber_put(scrubber, &jobs[i]);
		if (i == 0)
			wait_for_step(1);
	}
	allow(STEPS);
	assert_ptr_equal(take(scrubber), &jobs[0]);
	assert_ptr_equal(take(scrubber), &jobs[2]);
	assert_ptr_equal(take(scrubber), &jobs[1]);
	assert_ptr_equal(take(scrubber), &jobs[3]);
	assert_int_equal(steps.begun, sizeof(order) / sizeof(order[0]));
	for (size_t i = 0; i < steps.begun; i++)
		assert_int_equal(steps.offsets[i], order[i] * MIB);
	carve_scrubber_free(scrubber);
}

static _Atomic bool has_ended;

/* A step now and then: it may be a while until it hears that it is to end. */
static void *allow_slowly(void *data)
{
	(void)data;
	usleep(50000);
	for (size_t step = 1; !has_ended && step < STEPS; step++) {
		allow(step);
		for (int i = 0; i < 1000 && !has_ended; i++)
			usleep(1000);
	}
	return NULL;
}

/* It ends after the step at hand, whatever there is to do. */
static void ends_in_the_middle(void **state)
{
	struct carve_scrub_job big = { .offset = 0, .bytes = 200 * MIB };
	struct carve_scrub_job urgent = { .bytes = MIB, .owner = 1 };
	struct carve_scrubber *scrubber;
	pthread_t thread;

	(void)state;
	start(&scrubber);
	carve_scrubber_put(scrubber, &big);
	wait_for_step(1);
	carve_scrubber_put(scrubber, &urgent);
	has_ended = false;
	assert_int_equal(pthread_create(&thread, NULL, allow_slowly, NULL), 0);
	carve_scrubber_free(scrubber);
	has_ended = true;
	pthread_join(thread, NULL);
	assert_true(steps.begun < 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urgent_jobs_go_between_two_steps),
		cmocka_unit_test(urgent_jobs_keep_their_order),
		cmocka_unit_test(owners_take_turns),
		cmocka_unit_test(backlogs_are_done_together),
		cmocka_unit_test(ends_in_the_middle),
	};

	return cmocka_run_group_tests_name("scrubber", tests, NULL, NULL);
}
