// SPDX-License-Identifier: MIT
/*
 * A buffer's range is nobody else's as long as anything refers to it, comes
 * back when nothing does, and reads as zeros to whoever has it next. Each
 * test fills the region with one buffer, so that any new one needs its range.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGION		"1M"
#define REGION_BYTES	MIB

static struct daemon *start(void)
{
	return daemon_start("--simulate", REGION, NULL);
}

/* The whole region in one buffer, of which only the descriptor is left. */
static int take_all(struct carve *carve)
{
	struct carve_buffer *buffer = client_alloc(carve, REGION_BYTES, "all");
	int fd = dup(carve_buffer_get_fd(buffer));

	assert_true(fd >= 0);
	carve_buffer_unref(buffer);
	return fd;
}

static void assert_taken(struct carve *carve)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;

	request.bytes = PAGE;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -ENOSPC);
	assert_int_equal(client_region(carve).live_bytes, REGION_BYTES);
}

/* Right after the last reference: the allocation waits for the scrubber. */
static void assert_back(struct carve *carve)
{
	carve_buffer_unref(client_alloc(carve, REGION_BYTES, "next"));
	assert_all_clean(carve);
}

static void end(struct daemon *daemon, struct carve *carve)
{
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_descriptor_holds(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	int fd, other;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	fd = take_all(carve);
	assert_taken(carve);
	other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	close(fd);
	assert_taken(carve);
	close(other);
	assert_back(carve);
	end(daemon, carve);
}

static void test_mapping_holds(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	volatile char *map;
	int fd;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	fd = take_all(carve);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	assert_taken(carve);
	*map = 1;
	munmap((void *)map, PAGE);
	assert_back(carve);
	end(daemon, carve);
}

/* Holds what it inherited until the pipe's other end closes. */
static int hold_until_closed(void *data)
{
	int *pipe_fds = data;
	char byte;

	close(pipe_fds[1]);
	return read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1;
}

static void test_other_process_holds(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	int fd, pipe_fds[2];
	pid_t child;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	fd = take_all(carve);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	child = child_start(hold_until_closed, pipe_fds);
	close(pipe_fds[0]);
	close(fd);
	assert_taken(carve);
	close(pipe_fds[1]);
	child_expect(child, 0);
	assert_back(carve);
	end(daemon, carve);
}

static void test_unread_message_holds(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	int fd, pair[2];

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	fd = take_all(carve);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(send_fd(pair[0], fd), 0);
	close(fd);
	close(pair[0]);
	assert_taken(carve);
	/* Taken out of the message it is the same buffer still. */
	fd = receive_fd(pair[1]);
	assert_true(fd >= 0);
	close(pair[1]);
	assert_taken(carve);
	close(fd);
	assert_back(carve);
	end(daemon, carve);
}

static void test_connection_does_not_hold(void **state)
{
	struct daemon *daemon;
	struct carve *carve, *other;
	struct carve_buffer *buffer;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	other = client_new(daemon);
	buffer = client_alloc(carve, REGION_BYTES, "stays");
	carve_free(carve);
	assert_taken(other);
	carve_buffer_unref(buffer);
	assert_back(other);
	end(daemon, other);
}

/* ---- clients that die ---------------------------------------------------- */

struct dying {
	struct daemon *daemon;
	int socket;
};

/* Takes three buffers, forwards the second, and waits to be killed. */
static int forward_and_wait(void *data)
{
	struct dying *dying = data;
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffers[3];
	struct carve *carve;
	void *map;
	int i;

	CHILD_CHECK(carve_new(&carve, dying->daemon->socket) == 0);
	for (i = 0; i < 3; i++) {
		request.bytes = 64 * KIB;
		CHILD_CHECK(carve_alloc(carve, &request, &buffers[i]) == 0);
		CHILD_CHECK(carve_buffer_map(buffers[i], &map) == 0);
		memset(map, 0xa5, 64 * KIB);
	}
	CHILD_CHECK(send_fd(dying->socket, carve_buffer_get_fd(buffers[1])) == 0);
	for (;;)
		pause();
}

static void test_killed_client(void **state)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *forwarded;
	struct daemon *daemon;
	struct dying dying;
	struct carve *carve;
	int pair[2], fd, status;
	unsigned char *map;
	pid_t child;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	dying = (struct dying){ .daemon = daemon, .socket = pair[0] };
	child = child_start(forward_and_wait, &dying);
	close(pair[0]);
	fd = receive_fd(pair[1]);
	close(pair[1]);
	assert_true(fd >= 0);
	assert_int_equal(client_region(carve).live_bytes, 3 * 64 * KIB);

	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_live_becomes(carve, 64 * KIB);
	/* What was forwarded is whole, and still charged to the dead. */
	assert_int_equal(carve_buffer_import(fd, &forwarded), 0);
	assert_int_equal(carve_query(carve, fd, &info), 0);
	assert_int_equal(info.pid, child);
	assert_int_equal(info.bytes, 64 * KIB);
	assert_int_equal(carve_buffer_map(forwarded, (void **)&map), 0);
	assert_int_equal(map[0], 0xa5);
	assert_int_equal(map[64 * KIB - 1], 0xa5);
	carve_buffer_unref(forwarded);
	assert_back(carve);
	end(daemon, carve);
}

static int allocate_forever(void *data)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct daemon *daemon = data;
	struct carve_buffer *buffer;
	struct carve *carve;

	CHILD_CHECK(carve_new(&carve, daemon->socket) == 0);
	request.bytes = PAGE;
	for (;;) {
		CHILD_CHECK(carve_alloc(carve, &request, &buffer) == 0);
		carve_buffer_unref(buffer);
	}
}

/* At whatever moment: nothing of it stays. */
static void test_killed_at_any_moment(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
	pid_t child;
	int i;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	fds = daemon_fds(daemon);
	for (i = 0; i < 100; i++) {
		child = child_start(allocate_forever, daemon);
		usleep((useconds_t)(i * 97 % 4000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	assert_all_clean(carve);
	assert_fds_become(daemon, fds);
	end(daemon, carve);
}

/* ---- what the next owner sees -------------------------------------------- */

static int fill_all(void *data)
{
	struct daemon *daemon = data;
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct carve *carve;
	void *map;

	request.bytes = REGION_BYTES;
	CHILD_CHECK(carve_new(&carve, daemon->socket) == 0);
	CHILD_CHECK(carve_alloc(carve, &request, &buffer) == 0);
	CHILD_CHECK(carve_buffer_map(buffer, &map) == 0);
	memset(map, 0xa5, REGION_BYTES);
	return 0;
}

static void test_next_owner_sees_zeros(void **state)
{
	static const char zeros[REGION_BYTES];
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;
	void *map;
	int i;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	for (i = 0; i < 10; i++) {
		/* Another process had it, then this one did. */
		child_expect(child_start(fill_all, daemon), 0);
		buffer = client_alloc(carve, REGION_BYTES, "next");
		assert_int_equal(carve_buffer_map(buffer, &map), 0);
		assert_memory_equal(map, zeros, REGION_BYTES);
		memset(map, 0x5a, REGION_BYTES);
		carve_buffer_unref(buffer);
		buffer = client_alloc(carve, REGION_BYTES, "again");
		assert_int_equal(carve_buffer_map(buffer, &map), 0);
		assert_memory_equal(map, zeros, REGION_BYTES);
		carve_buffer_unref(buffer);
	}
	assert_all_clean(carve);
	end(daemon, carve);
}

/* ---- the daemon goes ----------------------------------------------------- */

static void test_buffers_outlive_the_daemon(void **state)
{
	const char *const arguments[] = { "--simulate", REGION, NULL };
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_request request = CARVE_REQUEST_INIT;
	uint64_t patience = carve_patience_nsec;
	struct carve_buffer *buffer, *refused;
	struct daemon *daemon;
	struct carve *carve;
	unsigned char *map;
	int r;

	(void)state;
	daemon = start();
	carve = client_new(daemon);
	buffer = client_alloc(carve, REGION_BYTES, "stays");
	assert_int_equal(carve_buffer_map(buffer, (void **)&map), 0);
	map[0] = 1;
	assert_int_equal(kill(daemon->pid, SIGKILL), 0);
	daemon_wait(daemon);
	map[REGION_BYTES - 1] = 2;
	request.bytes = PAGE;
	carve_patience_nsec = 100000000;
	r = carve_alloc(carve, &request, &refused);
	carve_patience_nsec = patience;
	assert_int_equal(r, -ECONNRESET);
	carve_free(carve);

	/* The dead daemon's socket is in the way and must not be. */
	assert_int_equal(access(daemon->socket, F_OK), 0);
	daemon_start_again(daemon, arguments);
	carve = client_new(daemon);
	assert_int_equal(map[0], 1);
	assert_int_equal(map[REGION_BYTES - 1], 2);
	/* A simulation starts empty: the new one knows nothing of it. */
	assert_int_equal(carve_query(carve, carve_buffer_get_fd(buffer), &info), -ENOENT);
	carve_buffer_unref(buffer);
	assert_all_clean(carve);
	end(daemon, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_descriptor_holds),
		DAEMON_TEST(test_mapping_holds),
		DAEMON_TEST(test_other_process_holds),
		DAEMON_TEST(test_unread_message_holds),
		DAEMON_TEST(test_connection_does_not_hold),
		DAEMON_TEST(test_killed_client),
		DAEMON_TEST(test_killed_at_any_moment),
		DAEMON_TEST(test_next_owner_sees_zeros),
		DAEMON_TEST(test_buffers_outlive_the_daemon),
	};

	return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
