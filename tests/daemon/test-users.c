// SPDX-License-Identifier: MIT
/*
 * Who may come in, and who sees what. Needs root, to be several users.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER		65534
#define STRANGER	65533
#define BYTES		(5 * PAGE)

/**
 * struct scene - a buffer that the user OWNER holds
 * @fd: its descriptor, held by the test as well
 * @hold: closing it ends the owner
 */
struct scene {
	struct daemon *daemon;
	pid_t owner;
	int socket;
	int fd;
	int hold;
};

static bool become(uid_t uid)
{
	return setgroups(0, NULL) == 0 && setgid(uid) == 0 && setuid(uid) == 0;
}

static int own_a_buffer(void *data)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct scene *scene = data;
	struct carve_buffer *buffer;
	struct carve *carve;
	char byte;

	CHILD_CHECK(become(OWNER));
	request.bytes = BYTES;
	request.name = "secret";
	CHILD_CHECK(carve_new(&carve, scene->daemon->socket) == 0);
	CHILD_CHECK(carve_alloc(carve, &request, &buffer) == 0);
	CHILD_CHECK(send_fd(scene->socket, carve_buffer_get_fd(buffer)) == 0);
	CHILD_CHECK(read(scene->socket, &byte, 1) == 0);
	carve_buffer_unref(buffer);
	carve_free(carve);
	return 0;
}

static void scene_start(struct scene *scene)
{
	int pair[2];

	if (geteuid() != 0)
		skip_because("several users need root");
	scene->daemon = daemon_start("--simulate", "1M", NULL);
	assert_int_equal(chmod(scene->daemon->socket, 0666), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	scene->socket = pair[0];
	scene->hold = -1;
	scene->owner = child_start(own_a_buffer, scene);
	close(pair[0]);
	scene->hold = pair[1];
	scene->fd = receive_fd(scene->hold);
	assert_true(scene->fd >= 0);
}

static void scene_end(struct scene *scene)
{
	struct carve *carve = client_new(scene->daemon);

	shutdown(scene->hold, SHUT_RDWR);
	close(scene->hold);
	close(scene->fd);
	child_expect(scene->owner, 0);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(scene->daemon);
}

/* The only buffer there is, as @carve's user sees it. */
static int look(struct carve *carve, struct carve_buffer_info *ret)
{
	struct carve_buffers *buffers;

	CHILD_CHECK(carve_buffers_new(carve, &buffers) == 0);
	CHILD_CHECK(carve_buffers_count(buffers) == 1);
	*ret = *carve_buffers_get(buffers, 0);
	carve_buffers_free(buffers);
	CHILD_CHECK(ret->bytes == BYTES);
	return 0;
}

static int look_as_stranger(void *data)
{
	struct scene *scene = data;
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *buffer;
	struct carve *carve;

	CHILD_CHECK(become(STRANGER));
	CHILD_CHECK(carve_new(&carve, scene->daemon->socket) == 0);
	CHILD_CHECK(look(carve, &info) == 0);
	CHILD_CHECK(!(info.flags & CARVE_BUFFER_OWNER_KNOWN));
	CHILD_CHECK(!(info.flags & CARVE_BUFFER_OFFSET_KNOWN));
	CHILD_CHECK(!info.uid && !info.pid && !info.offset && !info.name[0]);

	/* Who holds the descriptor is told what it is, but not where. */
	info = (struct carve_buffer_info)CARVE_BUFFER_INFO_INIT;
	CHILD_CHECK(carve_query(carve, scene->fd, &info) == 0);
	CHILD_CHECK(info.flags & CARVE_BUFFER_OWNER_KNOWN);
	CHILD_CHECK(info.uid == OWNER && info.pid == scene->owner);
	CHILD_CHECK(!strcmp(info.name, "secret"));
	CHILD_CHECK(!(info.flags & CARVE_BUFFER_OFFSET_KNOWN) && !info.offset);

	/* Others' bytes are not its own. */
	request.bytes = MIB;
	CHILD_CHECK(carve_alloc_many(carve, &request, 1, &buffer, &refusal) == -ENOSPC);
	CHILD_CHECK(refusal.live_bytes == BYTES && refusal.own_bytes == 0);
	carve_free(carve);
	return 0;
}

static int look_as_owner(void *data)
{
	struct scene *scene = data;
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *buffer;
	struct carve *carve;

	CHILD_CHECK(become(OWNER));
	CHILD_CHECK(carve_new(&carve, scene->daemon->socket) == 0);
	CHILD_CHECK(look(carve, &info) == 0);
	CHILD_CHECK(info.flags & CARVE_BUFFER_OWNER_KNOWN);
	CHILD_CHECK(info.uid == OWNER && info.pid == scene->owner);
	CHILD_CHECK(!strcmp(info.name, "secret"));
	CHILD_CHECK(!(info.flags & CARVE_BUFFER_OFFSET_KNOWN) && !info.offset);
	request.bytes = MIB;
	CHILD_CHECK(carve_alloc_many(carve, &request, 1, &buffer, &refusal) == -ENOSPC);
	CHILD_CHECK(refusal.own_bytes == BYTES);
	carve_free(carve);
	return 0;
}

static int look_as_root(void *data)
{
	struct scene *scene = data;
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve *carve;

	CHILD_CHECK(carve_new(&carve, scene->daemon->socket) == 0);
	CHILD_CHECK(look(carve, &info) == 0);
	CHILD_CHECK(info.flags & CARVE_BUFFER_OWNER_KNOWN);
	CHILD_CHECK(info.flags & CARVE_BUFFER_OFFSET_KNOWN);
	CHILD_CHECK(info.uid == OWNER && info.pid == scene->owner);
	CHILD_CHECK(!strcmp(info.name, "secret"));
	carve_free(carve);
	return 0;
}

static void test_stranger_sees_sizes(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	child_expect(child_start(look_as_stranger, &scene), 0);
	scene_end(&scene);
}

static void test_owner_sees_its_own(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	child_expect(child_start(look_as_owner, &scene), 0);
	scene_end(&scene);
}

static void test_superuser_sees_all(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene);
	child_expect(child_start(look_as_root, &scene), 0);
	scene_end(&scene);
}

/* ---- the door ------------------------------------------------------------ */

static int knock(void *data)
{
	struct daemon *daemon = data;
	struct carve *carve;
	int r;

	CHILD_CHECK(become(STRANGER));
	r = carve_new(&carve, daemon->socket);
	CHILD_CHECK(r == -EACCES);
	return 0;
}

static void test_only_the_group_may_connect(void **state)
{
	struct daemon *daemon;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "1M", NULL);
	assert_int_equal(stat(daemon->socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	child_expect(child_start(knock, daemon), 0);
	daemon_stop(daemon);
}

/* A daemon that is nobody in particular works the same. */
static void test_unprivileged_daemon(void **state)
{
	const char *const arguments[] = { "--simulate", "1M", NULL };
	struct carve_buffers *buffers;
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	if (geteuid() != 0)
		skip_because("the other tests have done it already");
	daemon = daemon_prepare();
	assert_int_equal(chown(daemon->dir, OWNER, OWNER), 0);
	daemon->user = OWNER;
	daemon_start_again(daemon, arguments);
	carve = client_new(daemon);
	buffer = client_alloc(carve, MIB, NULL);
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	assert_int_equal(carve_buffers_count(buffers), 1);
	carve_buffers_free(buffers);
	carve_buffer_unref(buffer);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_stranger_sees_sizes),
		DAEMON_TEST(test_owner_sees_its_own),
		DAEMON_TEST(test_superuser_sees_all),
		DAEMON_TEST(test_only_the_group_may_connect),
		DAEMON_TEST(test_unprivileged_daemon),
	};

	return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
