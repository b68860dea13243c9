// SPDX-License-Identifier: MIT
/*
 * Clients that ask and do not read: what that costs the daemon.
 */
#include "raw.h"
#include "as-user.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* An ALLOC for @count pages, each a buffer. */
static void request_pages(int socket, uint32_t count)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item items[CARVE_WIRE_ALLOC_MAX];
	} request = { .alloc.header.type = CARVE_MSG_ALLOC, .alloc.count = count };
	size_t bytes = sizeof(request.alloc) + count * sizeof(request.items[0]);
	uint32_t i;

	for (i = 0; i < count; i++)
		request.items[i].bytes = PAGE;
	request.alloc.header.bytes = (uint32_t)bytes;
	assert_int_equal(raw_send(socket, &request, bytes, -1, 0), 0);
}

/* Processor time of all the daemon's threads, in milliseconds. */
static int64_t cpu_ms(const struct daemon *daemon)
{
	struct timespec used;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(daemon->pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &used), 0);
	return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* A client that has as much unread as it may costs no processor time. */
static void test_paused_client_costs_nothing(void **state)
{
	char packet[CARVE_WIRE_MAX];
	struct daemon *daemon;
	struct carve *carve;
	int64_t before;
	int socket, i;

	(void)state;
	daemon = daemon_start("--simulate", "4M", NULL);
	carve = client_new(daemon);
	socket = raw_client(daemon);
	/* Few and large replies: the socket itself has room for more. */
	for (i = 0; i < 8; i++)
		request_pages(socket, CARVE_WIRE_ALLOC_MAX / 8);
	request_pages(socket, 1);
	assert_live_becomes(carve, CARVE_WIRE_ALLOC_MAX * PAGE);
	/* The status line is brought up to date a second later. */
	sleep_ms(1500);
	before = cpu_ms(daemon);
	sleep_ms(2000);
	assert_in_range(cpu_ms(daemon) - before, 0, 20);
	/* And when it reads, it is served. */
	for (i = 0; i < 9; i++)
		assert_true(raw_receive(socket, packet, sizeof(packet),
					PATIENCE * 1000) > (ssize_t)sizeof(struct carve_wire_header));
	close(socket);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Bytes of replies that wait in @socket. */
static int waiting_bytes(int socket)
{
	int bytes;

	assert_int_equal(ioctl(socket, FIONREAD, &bytes), 0);
	return bytes;
}

/* Send LIST until nothing more is taken, and something is answered. Return: how many. */
static int request_lists(int socket)
{
	struct carve_wire_list list = {
		.header = { .bytes = sizeof(list), .type = CARVE_MSG_LIST },
	};
	int64_t last = now_ms();
	int count = 0;

	while (now_ms() - last < 500 || !waiting_bytes(socket)) {
		if (raw_send(socket, &list, sizeof(list), -1, 0) == 0) {
			count++;
			last = now_ms();
		} else {
			sleep_ms(10);
		}
	}
	return count;
}

/* Replies that nobody reads pin little memory, and none is lost. */
static void test_unread_replies_are_few(void **state)
{
	char packet[CARVE_WIRE_MAX];
	struct carve_buffer *buffers[CARVE_WIRE_LIST_MAX];
	struct daemon *daemon;
	struct carve *carve;
	int socket, count, i;

	(void)state;
	daemon = daemon_start("--simulate", "1M", NULL);
	carve = client_new(daemon);
	for (i = 0; i < CARVE_WIRE_LIST_MAX; i++)
		buffers[i] = client_alloc(carve, PAGE, NULL);
	socket = raw_client(daemon);
	count = request_lists(socket);
	assert_in_range(waiting_bytes(socket), 1, 48 * KIB);
	for (i = 0; i < count; i++)
		assert_int_equal(raw_receive(socket, packet, sizeof(packet),
					     PATIENCE * 1000),
				 sizeof(struct carve_wire_list_reply) +
				 CARVE_WIRE_LIST_MAX * sizeof(struct carve_wire_buffer));
	close(socket);
	for (i = 0; i < CARVE_WIRE_LIST_MAX; i++)
		carve_buffer_unref(buffers[i]);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- what all clients together have unread -------------------------------- */

/* With so many descriptors 85 clients, and 683 unread: 341 of one user. */
#define FDS		1024
#define GREEDY		5
#define HALF		341

static int take_one(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer = NULL;

	(void)scene;
	CHILD_CHECK(take(carve, PAGE, &buffer) == 0);
	carve_buffer_unref(buffer);
	return 0;
}

/* So many come, and no more. */
static void expect_replies(int socket, int count)
{
	char packet[CARVE_WIRE_MAX];

	while (count--)
		assert_true(raw_receive(socket, packet, sizeof(packet),
					PATIENCE * 1000) > 0);
	assert_int_equal(raw_receive(socket, packet, sizeof(packet), 100), -EAGAIN);
}

/* Who leaves half of all unread waits; others do not notice. */
static void test_budget_is_shared(void **state)
{
	struct rlimit before, few;
	int sockets[GREEDY + 1], i, j;
	struct scene scene = { 0 };
	struct carve *carve;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = FDS;
	few.rlim_max = FDS;
	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		skip_because("the limit of descriptors cannot be set");
	scene_start(&scene, "");
	for (i = 0; i <= GREEDY; i++)
		sockets[i] = raw_client(scene.daemon);
	for (i = 0; i < GREEDY; i++)
		for (j = 0; j < 8; j++)
			request_pages(sockets[i], CARVE_WIRE_ALLOC_MAX / 8);
	request_pages(sockets[GREEDY], HALF - GREEDY * CARVE_WIRE_ALLOC_MAX);
	carve = client_new(scene.daemon);
	assert_live_becomes(carve, HALF * PAGE);
	request_pages(sockets[GREEDY], 1);
	sleep_ms(300);
	assert_int_equal(client_region(carve).buffers, HALF);
	do_as(&scene, STRANGER, take_one);
	/* It was only late. */
	expect_replies(sockets[0], 8);
	expect_replies(sockets[GREEDY], 2);
	carve_free(carve);
	for (i = 0; i <= GREEDY; i++)
		close(sockets[i]);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_paused_client_costs_nothing),
		DAEMON_TEST(test_unread_replies_are_few),
		DAEMON_TEST(test_budget_is_shared),
	};

	return cmocka_run_group_tests_name("unread", tests, NULL, NULL);
}
