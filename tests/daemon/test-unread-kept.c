// SPDX-License-Identifier: MIT
/*
 * What clients had not read when the daemon died counts against the next one's
 * descriptors, too; but no more than it was, and no longer than it is so.
 */
#include "as-user.h"
#include "restarting.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * With so many descriptors there may be 683 unread, 341 of one user, and each client
 * counts for 64 as long as it may not have read: CROWD is more than there may be, and
 * QUIET as many as leave room for the user.
 */
#define FDS	"1024"
#define CROWD	12
#define QUIET	5

/* Is there an answer? Waits until there is, if it @has to be. */
static bool has_answer(const struct session *session, bool has_to_be)
{
	struct pollfd pollfd = { .fd = session->fd, .events = POLLIN };

	return patient_poll(&pollfd, 1, has_to_be ? PATIENCE * 1000 : 100) == 1;
}

#define PATH_BYTES	64

static void program_path(const struct daemon *daemon, char *path)
{
	snprintf(path, PATH_BYTES, "%s/few", daemon->dir);
}

/* A daemon with few descriptors. */
static void write_program(const char *path)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nulimit -n " FDS " && exec \"%s\" \"$@\"\n",
		daemon_path());
	assert_int_equal(fchmod(fileno(file), 0755), 0);
	assert_int_equal(fclose(file), 0);
}

/* One with a crowd whose members were each sent a buffer, which nobody reads. */
static struct restarting start(struct session *crowd)
{
	static const char *const arguments[] = { "--simulate", "8M", NULL };
	struct restarting scene = restarting_start(arguments);
	char path[PATH_BYTES];

	program_path(scene.daemon, path);
	write_program(path);
	supervisor_set_program(scene.supervisor, path);
	supervisor_restart(scene.supervisor);
	supervisor_wait_ready(scene.supervisor);
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = session_new(scene.daemon);
		session_ask_buffer(&crowd[i], PAGE, 0);
		assert_true(has_answer(&crowd[i], true));
	}
	supervisor_kill(scene.supervisor);
	supervisor_wait_ready(scene.supervisor);
	return scene;
}

static void end(struct restarting *scene, struct session *crowd)
{
	char path[PATH_BYTES];

	program_path(scene->daemon, path);
	unlink(path);
	for (int i = 0; i < CROWD; i++)
		session_free(&crowd[i]);
	restarting_end(scene);
}

/* Who has nothing to ask reads its reply, and may leave EPOCH there for days. */
static void epoch_alone_is_nothing(void **state)
{
	struct session crowd[CROWD], other;
	struct restarting scene = start(crowd);

	(void)state;
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(session_receive_buffer(&crowd[i]), 0);
	other = session_new(scene.daemon);
	session_ask_buffer(&other, PAGE, 0);
	assert_int_equal(session_receive_buffer(&other), 0);
	close(other.buffer);
	/* Nor is it for the one after this. */
	supervisor_kill(scene.supervisor);
	session_go_on(&other);
	session_ask_buffer(&other, PAGE, 0);
	assert_int_equal(session_receive_buffer(&other), 0);
	session_free(&other);
	end(&scene, crowd);
}

static int take_one(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer = NULL;

	(void)scene;
	CHILD_CHECK(take(carve, PAGE, &buffer) == 0);
	carve_buffer_unref(buffer);
	return 0;
}

/* It may be half of what there is, and is no more; so others have the other half. */
static void one_user_has_half(void **state)
{
	struct session crowd[CROWD], other;
	struct restarting scene;
	struct scene users;
	int i;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	scene = start(crowd);
	users = (struct scene){ .daemon = scene.daemon };
	do_as(&users, STRANGER, take_one);
	other = session_new(scene.daemon);
	session_ask_buffer(&other, PAGE, 0);
	/* Each that has read leaves its part to those that have not. */
	for (i = 0; i < CROWD - QUIET; i++) {
		assert_false(has_answer(&other, false));
		assert_int_equal(session_receive_buffer(&crowd[i]), 0);
	}
	assert_int_equal(session_receive_buffer(&other), 0);
	do_as(&users, STRANGER, take_one);
	/* The others may read late. */
	for (; i < CROWD; i++) {
		assert_int_equal(session_receive_buffer(&crowd[i]), 0);
		session_go_on(&crowd[i]);
		session_ask_buffer(&crowd[i], PAGE, 0);
		assert_int_equal(session_receive_buffer(&crowd[i]), 0);
	}
	session_free(&other);
	end(&scene, crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(epoch_alone_is_nothing),
		DAEMON_TEST(one_user_has_half),
	};

	return cmocka_run_group_tests_name("unread-kept", tests, NULL, NULL);
}
