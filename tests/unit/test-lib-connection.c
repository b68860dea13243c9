// SPDX-License-Identifier: MIT
/* Connecting, losing the connection, signals and threads. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../scratch.h"

static int try_new(const char *path)
{
	unsigned int fds = count_fds();
	struct carve *carve = NULL;
	int r = carve_new(&carve, path);

	assert_null(carve);
	assert_int_equal(count_fds(), fds);
	return r;
}

static void no_daemon_is_told_apart(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char dir[40], path[200];
	int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(dir, sizeof(dir), "%s/carve-test-XXXXXX", scratch_folder());
	assert_non_null(mkdtemp(dir));
	assert_int_equal(carve_new(NULL, NULL), -EINVAL);
	assert_int_equal(try_new(""), -EINVAL);

	snprintf(path, sizeof(path), "%s/%0150d", dir, 0);
	assert_int_equal(try_new(path), -ENAMETOOLONG);
	snprintf(path, sizeof(path), "%s/nobody", dir);
	assert_int_equal(try_new(path), -ENOENT);

	/* A plain file; a socket left over; a socket of another kind. */
	assert_int_equal(try_new("/etc/passwd"), -ECONNREFUSED);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(stream, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	assert_int_equal(try_new(path), -EPROTO);
	assert_int_equal(listen(stream, 1), 0);
	assert_int_equal(try_new(path), -EPROTO);
	close(stream);
	assert_int_equal(try_new(path), -ECONNREFUSED);
	unlink(path);
	rmdir(dir);
}

static void the_environment_names_the_socket(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = NULL;

	(void)state;
	peer_start(&peer);
	setenv("CARVE_SOCKET", peer.path, 1);
	assert_int_equal(carve_new(&carve, NULL), 0);
	assert_int_equal(peer.last.hello.version_min, CARVE_WIRE_VERSION);
	assert_int_equal(peer.last.hello.version_max, CARVE_WIRE_VERSION);
	assert_null(carve_free(carve));

	/* An explicit path wins; once the peer's thread has nothing to close. */
	peer_stop(&peer);
	assert_int_equal(try_new(peer.path), -ENOENT);
	assert_int_equal(try_new("/etc/passwd"), -ECONNREFUSED);
	setenv("CARVE_SOCKET", "/etc/passwd", 1);
	assert_int_equal(try_new(NULL), -ECONNREFUSED);
	unsetenv("CARVE_SOCKET");
	assert_null(carve_free(NULL));
}

static void descriptors_do_not_survive_exec(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct peer peer = { 0 };
	struct carve_buffer *buffer;
	struct carve *carve;
	bool inherited[64];

	(void)state;
	for (int fd = 0; fd < 64; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) != -1;
	carve = peer_connect(&peer);
	request.bytes = 1;
	assert_int_equal(carve_alloc(carve, &request, &buffer), 0);
	for (int fd = 0; fd < 64; fd++)
		if (!inherited[fd] && fcntl(fd, F_GETFD) != -1)
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	carve_buffer_unref(buffer);
	carve_free(carve);
	peer_stop(&peer);
}

/* Answer the greeting and go; whoever asks afterwards talks to nobody. */
static void greet_and_go(struct peer *peer, struct peer_answer *answer)
{
	send(peer->socket, answer->message.raw, answer->length, MSG_NOSIGNAL);
	answer->hang_up = true;
}

static void a_daemon_that_has_gone_raises_no_signal(void **state)
{
	struct peer peer = { .spoil = greet_and_go, .spoil_hello = true };
	struct carve *carve = peer_connect(&peer);
	struct carve_regions *regions = NULL;

	(void)state;
	peer_stop(&peer);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(carve_regions_new(carve, &regions), -ECONNRESET);
	assert_int_equal(carve_regions_new(carve, &regions), -ECONNRESET);
	assert_null(regions);
	carve_free(carve);
}

/*
 * Answer the greeting, then the request without reading it, and go: closing a
 * socket with something unread resets the connection, behind the answer.
 */
static void answer_and_reset(struct peer *peer, struct peer_answer *answer)
{
	struct pollfd pollfd = { .fd = peer->socket, .events = POLLIN };
	struct carve_wire_query_reply reply = {
		.header.bytes = sizeof(reply),
		.header.type = CARVE_MSG_QUERY,
		.header.id = answer->message.header.id + 1,
		.buffer = { .bytes = PEER_PAGE, .region = "last words" },
	};

	send(peer->socket, answer->message.raw, answer->length, MSG_NOSIGNAL);
	poll(&pollfd, 1, -1);
	send(peer->socket, &reply, sizeof(reply), MSG_NOSIGNAL);
	answer->hang_up = true;
}

static void the_last_answer_is_read_before_the_reset_is_told(void **state)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct peer peer = { .spoil = answer_and_reset, .spoil_hello = true };

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct carve *carve = peer_connect(&peer);
		int r = carve_query(carve, 0, &info);

		assert_int_equal(r, 0);
		assert_string_equal(info.region, "last words");
		assert_int_equal(peer.hellos, i + 1);
		carve_free(carve);
		peer_stop(&peer);
	}
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void signals_interrupt_nothing(void **state)
{
	/* No SA_RESTART: every call that can be interrupted is. */
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct itimerval timer = { { 0, 200 }, { 0, 200 } }, stop = { 0 };
	struct carve_request request = CARVE_REQUEST_INIT;
	struct peer peer = { .buffers = 200 };
	struct carve *carve = NULL;
	struct carve_buffer *buffer;
	struct carve_buffers *buffers;
	int round, r = 0;

	(void)state;
	peer_start(&peer);
	request.bytes = 1;
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (round = 0; round < 2000 && r == 0; round++) {
		if (round % 100 == 0) {
			carve_free(carve);
			r = carve_new(&carve, peer.path);
		}
		if (r == 0)
			r = carve_alloc(carve, &request, &buffer);
		if (r == 0) {
			carve_buffer_unref(buffer);
			r = carve_buffers_new(carve, &buffers);
		}
		if (r == 0)
			carve_buffers_free(buffers);
	}
	setitimer(ITIMER_REAL, &stop, NULL);
	sigaction(SIGALRM, &before, NULL);
	if (r)
		fail_msg("round %d: %s", round, strerror(-r));
	carve_free(carve);
	peer_stop(&peer);
}

static void *allocate_and_look(void *data)
{
	struct carve *carve = data;
	struct carve_request requests[3] = {
		CARVE_REQUEST_INIT, CARVE_REQUEST_INIT, CARVE_REQUEST_INIT,
	};
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *buffers[3];
	struct carve_regions *regions;

	for (int i = 0; i < 500; i++) {
		for (int k = 0; k < 3; k++)
			requests[k].bytes = (i % 7 + k + 1) * PEER_PAGE;
		if (carve_alloc_many(carve, requests, 3, buffers, NULL) < 0)
			return "alloc";
		if (carve_query(carve, carve_buffer_get_fd(buffers[1]), &info) < 0)
			return "query";
		if (carve_regions_new(carve, &regions) < 0)
			return "regions";
		carve_regions_free(regions);
		for (int k = 0; k < 3; k++) {
			if (carve_buffer_get_bytes(buffers[k]) != requests[k].bytes)
				return "somebody else's buffer";
			carve_buffer_unref(buffers[k]);
		}
	}
	return NULL;
}

static void many_threads_share_a_connection(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						allocate_and_look, carve), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		if (failed)
			fail_msg("%s", (char *)failed);
	}
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

/* Not instrumented: ASan takes the stack of a cancelled thread for damaged. */
__attribute__((no_sanitize_address))
static void *ask_until_cancelled(void *data)
{
	for (;;) {
		struct carve_regions *regions;

		if (carve_regions_new(data, &regions) < 0)
			return "regions";
		carve_regions_free(regions);
		pthread_testcancel();
	}
}

/* A canceller finds its thread between round trips, with nothing left behind. */
static void a_cancelled_thread_leaves_the_connection_usable(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	struct carve_regions *regions;
	pthread_t thread;
	void *ended;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pthread_create(&thread, NULL,
						ask_until_cancelled, carve), 0);
		usleep(100 + i * 7);
		pthread_cancel(thread);
		pthread_join(thread, &ended);
		assert_ptr_equal(ended, PTHREAD_CANCELED);
		assert_int_equal(carve_regions_new(carve, &regions), 0);
		carve_regions_free(regions);
	}
	carve_free(carve);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_daemon_is_told_apart),
		cmocka_unit_test(the_environment_names_the_socket),
		cmocka_unit_test(descriptors_do_not_survive_exec),
		cmocka_unit_test(a_daemon_that_has_gone_raises_no_signal),
		cmocka_unit_test(the_last_answer_is_read_before_the_reset_is_told),
		cmocka_unit_test(signals_interrupt_nothing),
		cmocka_unit_test(many_threads_share_a_connection),
		cmocka_unit_test(a_cancelled_thread_leaves_the_connection_usable),
	};

	carve_patience_nsec = 50 * PEER_MSEC;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
