// SPDX-License-Identifier: MIT
/*
 * What the rules allow whom: bytes, buffers, and whose memory counts.
 */
#include "as-user.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "raw.h"

/* ---- limits -------------------------------------------------------------- */

static int reach_max_bytes(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *first, *second;
	int64_t end = patient_ms() + PATIENCE * 1000;

	(void)scene;
	CHILD_CHECK(take(carve, 3 * MIB, &first) == 0);
	CHILD_CHECK(take(carve, MIB + 1, &second) == -EDQUOT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_BYTES && refusal.index == 0);
	CHILD_CHECK(refusal.own_bytes == 3 * MIB && refusal.own_limit == 4 * MIB);
	CHILD_CHECK(refusal.wanted_bytes == MIB + PAGE);
	CHILD_CHECK(refusal.region_bytes == 8 * MIB && refusal.live_bytes == 3 * MIB);
	CHILD_CHECK(take(carve, MIB, &second) == 0);
	CHILD_CHECK(take(carve, 1, &second) == -EDQUOT);
	CHILD_CHECK(refusal.own_bytes == 4 * MIB);
	/* Given back it may be had again, at once: nobody waits for zeroing. */
	carve_buffer_unref(first);
	CHILD_CHECK(take(carve, 3 * MIB, &first) == 0);
	CHILD_CHECK(patient_ms() < end);
	return 0;
}

static void test_max_bytes(void **state)
{
	struct carve *carve;
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule owner]\nuid=65533\nmax-bytes=4M\n");
	do_as(&scene, OWNER, reach_max_bytes);
	carve = client_new(scene.daemon);
	assert_all_clean(carve);
	/* Nobody else is limited. */
	do_as(&scene, STRANGER, take_it_all);
	assert_all_clean(carve);
	carve_free(carve);
	scene_end(&scene);
}

static int reach_max_buffers(struct carve *carve, struct scene *scene)
{
	struct carve_request requests[3] = { [0 ... 2] = CARVE_REQUEST_INIT };
	struct carve_buffer *buffers[3];

	(void)scene;
	for (int i = 0; i < 3; i++)
		requests[i].bytes = 1;
	CHILD_CHECK(take(carve, 1, &buffers[0]) == 0);
	CHILD_CHECK(carve_alloc_many(carve, requests, 3, buffers, &refusal) == -EDQUOT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_BUFFERS && refusal.index == 2);
	CHILD_CHECK(refusal.own_limit == 3 && refusal.own_bytes == PAGE);
	/* All or none: the two that would have done are not taken. */
	CHILD_CHECK(carve_alloc_many(carve, requests, 2, buffers, &refusal) == 0);
	CHILD_CHECK(take(carve, 1, &buffers[2]) == -EDQUOT);
	return 0;
}

static void test_max_buffers(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule all]\nmax-buffers=3\n");
	do_as(&scene, OWNER, reach_max_buffers);
	scene_end(&scene);
}

/* A buffer that lives elsewhere is still its requester's. */
static int hand_on(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	CHILD_CHECK(take(carve, 3 * MIB, &buffer) == 0);
	CHILD_CHECK(send_fd(scene->told, carve_buffer_get_fd(buffer)) == 0);
	return 0;
}

static int find_it_charged(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, 2 * MIB, &buffer) == -EDQUOT);
	CHILD_CHECK(refusal.own_bytes == 3 * MIB);
	return 0;
}

static int find_it_gone(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, 4 * MIB, &buffer) == 0);
	return 0;
}

static void test_charged_until_gone(void **state)
{
	struct scene scene;
	int fd;

	(void)state;
	scene_start(&scene, "[rule owner]\nuid=65533\nmax-bytes=4M\n");
	do_as(&scene, OWNER, hand_on);
	fd = receive_fd(scene.child);
	assert_true(fd >= 0);
	/* The process has gone, and its connection: another one of that user. */
	do_as(&scene, OWNER, find_it_charged);
	close(fd);
	do_as(&scene, OWNER, find_it_gone);
	scene_end(&scene);
}

static int hold_a_half(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;
	char byte = 0;

	CHILD_CHECK(take(carve, 2 * MIB, &buffer) == 0);
	CHILD_CHECK(write(scene->told, &byte, 1) == 1);
	CHILD_CHECK(read(scene->told, &byte, 1) == 1);
	return 0;
}

static int find_a_half(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, 2 * MIB + 1, &buffer) == -EDQUOT);
	CHILD_CHECK(refusal.own_bytes == 2 * MIB);
	CHILD_CHECK(take(carve, 2 * MIB, &buffer) == 0);
	return 0;
}

static void test_two_of_one_user(void **state)
{
	struct scene scene;
	char byte;
	pid_t other;

	(void)state;
	scene_start(&scene, "[rule owner]\nuid=65533\nmax-bytes=4M\n");
	other = start_as(&scene, OWNER, hold_a_half);
	read_soon(scene.child, &byte, 1);
	do_as(&scene, OWNER, find_a_half);
	assert_int_equal(write(scene.child, &byte, 1), 1);
	child_expect(other, 0);
	scene_end(&scene);
}

static int expect_one_mib(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, MIB + 1, &buffer) == -EDQUOT);
	CHILD_CHECK(refusal.own_limit == MIB);
	return 0;
}

static int expect_two_mib(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, 2 * MIB + 1, &buffer) == -EDQUOT);
	CHILD_CHECK(refusal.own_limit == 2 * MIB);
	return 0;
}

static void test_which_rule(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule others]\nmax-bytes=3M\n"
		    "[rule video]\ngid=65531\nmax-bytes=2M\n"
		    "[rule owner]\nuid=65533\nmax-bytes=1M\n");
	scene.group = GROUP;
	do_as(&scene, STRANGER, expect_two_mib);
	/* By uid goes before by gid, wherever it stands. */
	do_as(&scene, OWNER, expect_one_mib);
	/* By the first group, too. */
	scene.group = 0;
	do_as(&scene, GROUP, expect_two_mib);
	scene_end(&scene);
}

/* ---- by whoever connected ------------------------------------------------ */

static int leave_a_connection(void *data)
{
	struct scene *scene = data;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	CHILD_CHECK(setgroups(0, NULL) == 0);
	CHILD_CHECK(setgid(OWNER) == 0 && setuid(OWNER) == 0);
	strcpy(address.sun_path, scene->daemon->socket);
	CHILD_CHECK(connect(scene->told, (struct sockaddr *)&address,
			    sizeof(address)) == 0);
	return 0;
}

/* It has ended before the daemon looks, and somebody else goes on with it. */
static void test_connected_by_one_that_is_gone(void **state)
{
	struct carve_wire_hello hello = {
		.header = { .bytes = sizeof(hello), .type = CARVE_MSG_HELLO },
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	union {
		struct carve_wire_header header;
		char room[CARVE_WIRE_MAX];
	} reply;
	struct scene scene;
	int before;

	(void)state;
	scene_start(&scene, "[rule owner]\nuid=65533\nmax-bytes=1M\n");
	before = scene.told;
	scene.told = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(kill(scene.daemon->pid, SIGSTOP), 0);
	child_expect(child_start(leave_a_connection, &scene), 0);
	assert_int_equal(kill(scene.daemon->pid, SIGCONT), 0);
	assert_int_equal(raw_send(scene.told, &hello, sizeof(hello), -1, 0), 0);
	assert_int_equal(raw_receive(scene.told, &reply, sizeof(reply), PATIENCE * 1000),
			 sizeof(struct carve_wire_hello_reply));
	assert_int_equal(raw_request_buffer(scene.told, MIB + 1, 0), 0);
	assert_true(raw_receive(scene.told, &reply, sizeof(reply), PATIENCE * 1000) > 0);
	assert_int_equal(reply.header.status, -EDQUOT);
	assert_int_equal(raw_request_buffer(scene.told, MIB, 0), 0);
	assert_true(raw_receive(scene.told, &reply, sizeof(reply), PATIENCE * 1000) > 0);
	assert_int_equal(reply.header.status, 0);
	close(scene.told);
	scene.told = before;
	scene_end(&scene);
}

/* ---- waiting for oneself ------------------------------------------------- */

static int wait_beyond_limits(struct carve *carve, struct scene *scene)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *first, *second;

	(void)scene;
	CHILD_CHECK(take(carve, 3 * MIB, &first) == 0);
	request.bytes = 2 * MIB;
	request.timeout_nsec = 100000000;
	refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	CHILD_CHECK(carve_alloc_many(carve, &request, 1, &second, &refusal) == -ETIMEDOUT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_BYTES);
	CHILD_CHECK(refusal.own_bytes == 3 * MIB && refusal.own_limit == 4 * MIB);
	/* What it could never have, it does not wait for. */
	request.bytes = 5 * MIB;
	request.timeout_nsec = CARVE_FOREVER;
	CHILD_CHECK(carve_alloc_many(carve, &request, 1, &second, &refusal) == -EDQUOT);
	CHILD_CHECK(refusal.own_bytes == 3 * MIB && refusal.own_limit == 4 * MIB);
	return 0;
}

static void test_waiting_beyond_limits(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule owner]\nuid=65533\nmax-bytes=4M\n");
	do_as(&scene, OWNER, wait_beyond_limits);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_max_bytes),
		DAEMON_TEST(test_max_buffers),
		DAEMON_TEST(test_charged_until_gone),
		DAEMON_TEST(test_two_of_one_user),
		DAEMON_TEST(test_which_rule),
		DAEMON_TEST(test_connected_by_one_that_is_gone),
		DAEMON_TEST(test_waiting_beyond_limits),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
