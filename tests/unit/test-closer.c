// SPDX-License-Identifier: MIT
/*
 * How much may wait to be closed: what a thread is closing counts as well as what
 * stands in line for it. No descriptor here is one.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "closer.h"

#define FIRST_FAKE	1000000

/* As in closer.c: what a thread takes at a time, and how many threads there are. */
#define BATCH		64
#define THREADS		4

/**
 * struct gate - where close() waits
 * @entered: threads that have come to it, and those that were let go on
 * @closed: descriptors that have gone through
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	unsigned int entered;
	unsigned int closed;
} gate = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

/* Takes the place of the C library's, for the closer, too. */
int close(int fd)
{
	if (fd < FIRST_FAKE)
		return (int)syscall(SYS_close, fd);
	pthread_mutex_lock(&gate.lock);
	gate.entered++;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.closed++;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
	return 0;
}

static struct carve_closer *start(void)
{
	struct carve_closer *closer;

	gate.open = false;
	gate.entered = gate.closed = 0;
	assert_int_equal(carve_closer_new(&closer), 0);
	return closer;
}

static void put(struct carve_closer *closer, uid_t uid, size_t count)
{
	int fds[CARVE_CLOSER_USER_MAX];

	for (size_t i = 0; i < count; i++)
		fds[i] = FIRST_FAKE + (int)i;
	carve_closer_put(closer, uid, fds, count);
}

/* So many threads are in close(), each with all it has taken. */
static void await_entered(unsigned int count)
{
	pthread_mutex_lock(&gate.lock);
	while (gate.entered < count)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

/* All that was put goes through. */
static void end(struct carve_closer *closer, unsigned int count)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	while (gate.closed < count)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	assert_null(carve_closer_free(closer));
}

static void what_is_being_closed_counts_for_its_user(void **state)
{
	struct carve_closer *closer = start();

	(void)state;
	put(closer, 1, BATCH);
	await_entered(1);
	/* Nothing stands in line. */
	assert_true(carve_closer_has_room(closer, 1,
					  CARVE_CLOSER_USER_MAX - BATCH));
	assert_false(carve_closer_has_room(closer, 1,
					   CARVE_CLOSER_USER_MAX - BATCH + 1));
	assert_true(carve_closer_has_room(closer, 2, CARVE_CLOSER_USER_MAX));
	assert_false(carve_closer_has_room(closer, 2, CARVE_CLOSER_USER_MAX + 1));
	/* What is in line does, too. */
	put(closer, 1, CARVE_CLOSER_USER_MAX - BATCH);
	assert_false(carve_closer_has_room(closer, 1, 1));
	end(closer, CARVE_CLOSER_USER_MAX);
}

static void what_is_being_closed_counts_for_all(void **state)
{
	struct carve_closer *closer = start();
	const size_t more = (CARVE_CLOSER_MAX - THREADS * BATCH) / THREADS;

	(void)state;
	for (uid_t uid = 1; uid <= THREADS; uid++) {
		put(closer, uid, BATCH);
		await_entered(uid);
	}
	assert_true(carve_closer_has_room(closer, 9, CARVE_CLOSER_USER_MAX));
	for (uid_t uid = 1; uid < THREADS; uid++)
		put(closer, uid, more);
	assert_true(carve_closer_has_room(closer, 9, more));
	assert_false(carve_closer_has_room(closer, 9, more + 1));
	put(closer, THREADS, more);
	assert_false(carve_closer_has_room(closer, 9, 1));
	end(closer, CARVE_CLOSER_MAX);
}

/* And it ends: there is room again. */
static void what_was_closed_does_not(void **state)
{
	struct carve_closer *closer = start();

	(void)state;
	put(closer, 1, CARVE_CLOSER_USER_MAX);
	assert_false(carve_closer_has_room(closer, 1, 1));
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
	while (!carve_closer_has_room(closer, 1, CARVE_CLOSER_USER_MAX))
		sched_yield();
	end(closer, CARVE_CLOSER_USER_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_being_closed_counts_for_its_user),
		cmocka_unit_test(what_is_being_closed_counts_for_all),
		cmocka_unit_test(what_was_closed_does_not),
	};

	return cmocka_run_group_tests_name("closer", tests, NULL, NULL);
}
