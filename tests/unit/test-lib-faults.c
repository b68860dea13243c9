// SPDX-License-Identifier: MIT
/* A system that fails in the middle of a call, and fork() at any time. */
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the next recvmsg() of this thread answers; 0 for what the kernel does. */
static _Thread_local int receive_error;

/* Takes the place of the C library's, for the library under test, too. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (receive_error) {
		errno = receive_error;
		receive_error = 0;
		return -1;
	}
	return syscall(SYS_recvmsg, fd, msg, flags);
}

/*
 * The reply may still come: nothing else may be taken for it, so it is asked for
 * again, on another socket.
 */
static void a_lost_reply_is_asked_for_again(void **state)
{
	static const int errors[] = { ENOMEM, EBADF, ENOBUFS };
	struct carve_regions *regions = NULL;
	struct carve *carve;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct peer peer = { 0 };

		carve = peer_connect(&peer);
		receive_error = errors[i];
		assert_int_equal(carve_regions_new(carve, &regions), 0);
		carve_regions_free(regions);
		assert_int_equal(peer.hellos, 2);
		assert_int_equal(peer.resumes, 1);
		assert_int_equal(peer.requests, 2);
		assert_null(carve_free(carve));
		peer_stop(&peer);
	}
}

static void answer_late(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	(void)answer;
	usleep(200000);
}

static void *ask(void *data)
{
	struct carve_regions *regions;
	intptr_t r = carve_regions_new(data, &regions);

	if (r == 0)
		carve_regions_free(regions);
	return (void *)r;
}

/* While another thread of the parent is in a round trip, with its lock held. */
static void a_child_may_free_what_it_may_not_use(void **state)
{
	struct peer peer = { .spoil = answer_late };
	struct carve *carve = peer_connect(&peer);
	pthread_t thread;
	int status;
	pid_t child;
	void *r;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ask, carve), 0);
	while (!peer.requests)
		usleep(1000);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(10);
		_exit(carve_free(carve) == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_join(thread, &r), 0);
	assert_int_equal((intptr_t)r, 0);
	/* The connection is the parent's alone again, and works. */
	assert_int_equal((intptr_t)ask(carve), 0);
	assert_null(carve_free(carve));
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_reply_is_asked_for_again),
		cmocka_unit_test(a_child_may_free_what_it_may_not_use),
	};

	return cmocka_run_group_tests_name("lib-faults", tests, NULL, NULL);
}
