// SPDX-License-Identifier: MIT
/*
 * Descriptors whose last close() waits: a TCP socket that lingers over data
 * nobody takes. A client may send them in any packet; nobody else may wait.
 */
#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_SECONDS	(4 * PATIENCE)

/* At a time, and so often: more than the daemon takes of a user. */
#define QUERIES		10
#define TURNS		10

/*
 * Far less than one of them lingers; far more than a machine takes that is busy or
 * stands still.
 */
#define SOON_MS		(PATIENCE * 1000 * 3 / 2)

/**
 * struct scene - the daemon, and who must not notice
 * @listener: where the sockets are connected to, and nobody reads
 */
struct scene {
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
	int listener;
};

static void scene_start(struct scene *scene)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	scene->daemon = daemon_start("--simulate", "1M", NULL);
	scene->carve = client_new(scene->daemon);
	scene->fds = daemon_fds(scene->daemon);
	scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(scene->listener >= 0);
	assert_int_equal(bind(scene->listener, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	assert_int_equal(listen(scene->listener, 512), 0);
}

/* Others are served, come in and leave as if nothing were. */
static void assert_nobody_waits(const struct scene *scene)
{
	int64_t begin = now_ms();

	carve_free(client_new(scene->daemon));
	carve_buffer_unref(client_alloc(scene->carve, PAGE, NULL));
	client_region(scene->carve);
	assert_in_range(now_ms() - begin, 0, SOON_MS);
}

static void scene_end(struct scene *scene)
{
	/* Who does not know them any more does not hold them for long. */
	close(scene->listener);
	assert_fds_become(scene->daemon, scene->fds);
	assert_all_clean(scene->carve);
	carve_free(scene->carve);
	daemon_stop(scene->daemon);
}

/* A socket with data under way that its other end will never take. */
static int lingering_socket(const struct scene *scene)
{
	struct linger linger = { .l_onoff = 1, .l_linger = LINGER_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const char zeros[65536];
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(scene->listener,
				     (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	while (send(fd, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
				    sizeof(linger)), 0);
	return fd;
}

/*
 * The packet has the only reference from then on. The daemon is frozen meanwhile, or
 * the last one to close the socket, and to linger, might be the test.
 */
static void send_frozen(const struct scene *scene, int socket,
			const void *packet, size_t bytes)
{
	int fd = lingering_socket(scene);

	assert_int_equal(raw_send(socket, packet, bytes, fd, 1), 0);
	close(fd);
}

/* Being frozen does not end a close() that begins later. */
static void send_lingering(const struct scene *scene, int socket,
			   const void *packet, size_t bytes)
{
	daemon_freeze(scene->daemon);
	send_frozen(scene, socket, packet, bytes);
	daemon_thaw(scene->daemon);
}

static const struct carve_wire_header query = {
	.bytes = sizeof(query), .type = CARVE_MSG_QUERY,
};

static void test_in_a_wrong_packet(void **state)
{
	struct scene scene;
	int socket;

	(void)state;
	scene_start(&scene);
	socket = raw_connect(scene.daemon);
	send_lingering(&scene, socket, "x", 1);
	assert_nobody_waits(&scene);
	raw_expect_hangup(socket);
	scene_end(&scene);
}

/* More than the wire allows, each another socket. */
static void test_many_in_one_packet(void **state)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(20 * sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { (void *)&query, sizeof(query) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct scene scene;
	int fds[20], socket, i;

	(void)state;
	scene_start(&scene);
	for (i = 0; i < 20; i++)
		fds[i] = lingering_socket(&scene);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	socket = raw_client(scene.daemon);
	daemon_freeze(scene.daemon);
	assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), sizeof(query));
	for (i = 0; i < 20; i++)
		close(fds[i]);
	daemon_thaw(scene.daemon);
	assert_nobody_waits(&scene);
	raw_expect_hangup(socket);
	scene_end(&scene);
}

/* In packets that the daemon never reads, since it hung up before. */
static void test_behind_a_wrong_packet(void **state)
{
	struct scene scene;
	int socket, i;

	(void)state;
	scene_start(&scene);
	socket = raw_connect(scene.daemon);
	daemon_freeze(scene.daemon);
	assert_int_equal(raw_send(socket, "x", 1, -1, 0), 0);
	for (i = 0; i < 8; i++)
		send_frozen(&scene, socket, &query, sizeof(query));
	daemon_thaw(scene.daemon);
	raw_expect_hangup(socket);
	assert_nobody_waits(&scene);
	scene_end(&scene);
}

/*
 * In good questions, until there is no room for more. Being frozen ends the one close()
 * that lingers just then, so several are sent at a time.
 */
static void test_in_queries(void **state)
{
	struct carve_wire_header reply;
	struct scene scene;
	int socket, turn, i, busy = 0;

	(void)state;
	scene_start(&scene);
	socket = raw_client(scene.daemon);
	for (turn = 0; turn < TURNS; turn++) {
		daemon_freeze(scene.daemon);
		for (i = 0; i < QUERIES; i++)
			send_frozen(&scene, socket, &query, sizeof(query));
		daemon_thaw(scene.daemon);
		for (i = 0; i < QUERIES; i++) {
			assert_int_equal(raw_receive(socket, &reply, sizeof(reply),
						     SOON_MS), sizeof(reply));
			assert_true(reply.status == -ENOENT || reply.status == -EBUSY);
			busy += reply.status == -EBUSY;
		}
	}
	assert_true(busy > 0);
	assert_nobody_waits(&scene);
	close(socket);
	assert_nobody_waits(&scene);
	scene_end(&scene);
}

/* The end does not wait either. */
static void test_at_the_end(void **state)
{
	struct carve_wire_header reply;
	struct scene scene;
	int64_t begin;
	int socket;

	(void)state;
	scene_start(&scene);
	socket = raw_client(scene.daemon);
	send_lingering(&scene, socket, &query, sizeof(query));
	assert_int_equal(raw_receive(socket, &reply, sizeof(reply), SOON_MS),
			 sizeof(reply));
	begin = now_ms();
	daemon_stop(scene.daemon);
	assert_in_range(now_ms() - begin, 0, SOON_MS);
	close(socket);
	close(scene.listener);
	carve_free(scene.carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_in_a_wrong_packet),
		DAEMON_TEST(test_many_in_one_packet),
		DAEMON_TEST(test_behind_a_wrong_packet),
		DAEMON_TEST(test_in_queries),
		DAEMON_TEST(test_at_the_end),
	};

	return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
