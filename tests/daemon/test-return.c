// SPDX-License-Identifier: MIT
/*
 * Clients whose connection broke when the daemon died: they come back on another
 * one, or do not; and what lies in the way of the daemon's state.
 */
#include "restarting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const arguments[] = { "--simulate", "16M", NULL };

static void assert_log_says(const struct daemon *daemon, const char *words)
{
	char *log = daemon_read_log(daemon);

	if (!strstr(log, words))
		fail_msg("'%s' is not in: %s", words, log);
	free(log);
}

/* ---- without a service manager -------------------------------------------- */

static void kill_and_start(struct daemon *daemon)
{
	kill(daemon->pid, SIGKILL);
	daemon_wait(daemon);
	daemon_start_again(daemon, arguments);
}

static void is_known_again(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	struct session session = session_new(daemon);
	struct carve_wire_watch watch = { .flags = CARVE_WIRE_WATCH_PRESSURE };
	struct carve_wire_pressure pressure;
	struct session holder, waiter;
	uint64_t number = session.client;

	(void)state;
	session_ask(&session, CARVE_MSG_WATCH, &watch, sizeof(watch));
	assert_int_equal(session_receive(&session, CARVE_MSG_WATCH, &watch,
					 sizeof(watch)), 0);
	for (int i = 0; i < 2; i++) {
		kill_and_start(daemon);
		session_connect_again(&session, daemon);
		assert_int_equal(session_resume(&session), 0);
		assert_int_equal(session.client, number);
	}
	holder = session_new(daemon);
	assert_true(holder.client > number);
	session_ask_buffer(&holder, 16 * MIB, 0);
	assert_int_equal(session_receive_buffer(&holder), 0);
	waiter = session_new(daemon);
	session_ask_buffer(&waiter, MIB, CARVE_WIRE_FOREVER);
	assert_int_equal(session_receive(&session, CARVE_MSG_PRESSURE, &pressure,
					 sizeof(pressure)), 0);
	session_free(&waiter);
	session_free(&holder);
	session_free(&session);
	daemon_stop(daemon);
}

/* What was reserved waits for its client, through an orderly end as well. */
static void reservations_wait(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	struct session session = session_new(daemon), other;
	uint64_t number = session_reserve(&session, 16 * MIB), id = session.id;

	(void)state;
	kill_and_start(daemon);
	daemon_stop(daemon);
	daemon_start_again(daemon, arguments);
	other = session_new(daemon);
	session_ask_buffer(&other, PAGE, 0);
	assert_int_equal(session_receive_buffer(&other), -ENOSPC);
	session_connect_again(&session, daemon);
	assert_int_equal(session_resume(&session), 0);
	assert_int_equal(session_reserve_again(&session, 16 * MIB, id), number);
	session_free(&session);
	session_ask_buffer(&other, PAGE, CARVE_WIRE_FOREVER);
	assert_int_equal(session_receive_buffer(&other), 0);
	session_free(&other);
	daemon_stop(daemon);
}

/* A smaller region has no place for it: that is said, not hidden. */
static void lost_reservations_are_told(void **state)
{
	static const char *const smaller[] = { "--simulate", "8M", NULL };
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	struct session session = session_new(daemon);

	(void)state;
	session_reserve(&session, 16 * MIB);
	daemon_stop(daemon);
	daemon_start_again(daemon, smaller);
	session_connect_again(&session, daemon);
	assert_int_equal(session_resume(&session), CARVE_WIRE_RESUME_LOST);
	assert_int_equal(session_count_reservations(&session), 0);
	/* Told once. */
	kill_and_start(daemon);
	session_connect_again(&session, daemon);
	assert_int_equal(session_resume(&session), 0);
	session_free(&session);
	daemon_stop(daemon);
}

static void others_are_refused(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	struct session session = session_new(daemon);
	struct session thief = session;

	(void)state;
	/* While it is connected it is nobody else. */
	thief.fd = -1;
	session_connect_again(&thief, daemon);
	assert_int_equal(session_resume(&thief), CARVE_WIRE_RESUME_LOST);
	assert_int_not_equal(thief.client, session.client);
	session_free(&thief);
	kill_and_start(daemon);
	thief = session;
	thief.secret[0] ^= 0x80;
	thief.fd = -1;
	session_connect_again(&thief, daemon);
	assert_int_equal(session_resume(&thief), CARVE_WIRE_RESUME_LOST);
	session_connect_again(&session, daemon);
	assert_int_equal(session_resume(&session), 0);
	session_free(&thief);
	session_free(&session);
	daemon_stop(daemon);
}

static void resume_has_its_place(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	struct session session = session_new(daemon);
	struct carve_wire_resume resume = {
		.epoch = session.epoch, .client = session.client,
	};

	(void)state;
	session_expect_served(&session);
	session_ask(&session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	raw_expect_hangup(session.fd);
	session = session_new(daemon);
	resume.epoch++;
	session_ask(&session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	raw_expect_hangup(session.fd);
	session = session_new(daemon);
	resume.epoch--;
	resume.client = 0;
	session_ask(&session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	raw_expect_hangup(session.fd);
	session.fd = raw_connect(daemon);
	session_ask(&session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	raw_expect_hangup(session.fd);
	daemon_stop(daemon);
}

/* Whatever lies there is left alone, and the daemon serves without. */
static void state_is_no_link(void **state)
{
	struct daemon *daemon = daemon_prepare();
	char path[80], target[80];
	struct stat there;

	(void)state;
	snprintf(path, sizeof(path), "%s.state", daemon->socket);
	snprintf(target, sizeof(target), "%s/file", daemon->dir);
	close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	assert_int_equal(symlink(target, path), 0);
	daemon_start_again(daemon, arguments);
	carve_free(client_new(daemon));
	assert_log_says(daemon, "nothing is kept for another start");
	daemon_stop(daemon);
	assert_int_equal(stat(target, &there), 0);
	assert_int_equal(there.st_size, 0);
	assert_int_equal(unlink(path), 0);
	/* A hard link to somebody's file is no better. */
	assert_int_equal(link(target, path), 0);
	daemon_start_again(daemon, arguments);
	daemon_stop(daemon);
	assert_int_equal(stat(target, &there), 0);
	assert_int_equal(there.st_size, 0);
	assert_int_equal(unlink(path), 0);
	daemon_start_again(daemon, arguments);
	daemon_stop(daemon);
	assert_int_equal(stat(path, &there), 0);
	assert_int_equal(there.st_mode, S_IFREG | 0600);
	assert_int_not_equal(there.st_size, 0);
}

/* ---- connections that were not kept --------------------------------------- */

/**
 * struct scene - a daemon that was killed, and has lost the connection of a client
 *	that has reserved all of the region
 */
struct scene {
	struct daemon *daemon;
	struct supervisor *supervisor;
	struct session session;
	uid_t uid;
};

static void lose(struct scene *scene)
{
	char name[40];

	snprintf(name, sizeof(name), "client-%llu",
		 (unsigned long long)scene->session.client);
	supervisor_pause(scene->supervisor);
	supervisor_drop_stored(scene->supervisor, name);
}

static struct scene start(void)
{
	struct restarting restarting = restarting_start(arguments);

	return (struct scene){
		.daemon = restarting.daemon,
		.supervisor = restarting.supervisor,
	};
}

static void end(struct scene *scene)
{
	struct restarting restarting = { scene->daemon, scene->supervisor };

	restarting_end(&restarting);
}

static void reservations_are_found_again(void **state)
{
	struct scene scene = start();
	struct session other;
	uint64_t number, id;

	(void)state;
	scene.session = session_new(scene.daemon);
	number = session_reserve(&scene.session, 16 * MIB);
	id = scene.session.id;
	lose(&scene);
	supervisor_go_on(scene.supervisor);
	/* It lives, so nobody else has any of it. */
	other = session_new(scene.daemon);
	session_ask_buffer(&other, PAGE, 0);
	assert_int_equal(session_receive_buffer(&other), -ENOSPC);
	session_connect_again(&scene.session, scene.daemon);
	assert_int_equal(session_resume(&scene.session), 0);
	assert_int_equal(session_reserve_again(&scene.session, 16 * MIB, id), number);
	/* Its new connection is kept under the old number. */
	supervisor_kill(scene.supervisor);
	session_go_on(&scene.session);
	assert_int_equal(session_reserve_again(&scene.session, 16 * MIB, id), number);
	session_free(&scene.session);
	session_free(&other);
	end(&scene);
}

static int resume_as(void *data)
{
	struct scene *scene = data;

	CHILD_CHECK(setuid(scene->uid) == 0);
	session_connect_again(&scene->session, scene->daemon);
	CHILD_CHECK(session_resume(&scene->session) == CARVE_WIRE_RESUME_LOST);
	return 0;
}

static void another_user_is_refused(void **state)
{
	struct scene scene = start();

	(void)state;
	if (geteuid() != 0) {
		end(&scene);
		skip_because("needs root, to be another user");
	}
	scene.session = session_new(scene.daemon);
	session_reserve(&scene.session, 16 * MIB);
	assert_int_equal(chmod(scene.daemon->socket, 0666), 0);
	lose(&scene);
	supervisor_go_on(scene.supervisor);
	supervisor_wait_ready(scene.supervisor);
	scene.uid = 65533;
	child_expect(child_start(resume_as, &scene), 0);
	session_connect_again(&scene.session, scene.daemon);
	assert_int_equal(session_resume(&scene.session), 0);
	assert_int_equal(session_count_reservations(&scene.session), 1);
	session_free(&scene.session);
	end(&scene);
}

/* Greets, reserves, tells its number and waits for its end. */
static int reserve_and_tell(void *data)
{
	struct scene *scene = data;
	struct session session = session_new(scene->daemon);
	char byte;

	session_reserve(&session, 16 * MIB);
	CHILD_CHECK(write(scene->session.fd, &session.client,
			  sizeof(session.client)) == sizeof(session.client));
	CHILD_CHECK(read(scene->session.buffer, &byte, 1) == 0);
	return 0;
}

/* Return: the process; it ends when @ret_hold is closed. */
static pid_t reserve_in_child(struct scene *scene, int *ret_hold)
{
	int told[2], hold[2];
	pid_t child;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	scene->session.fd = told[1];
	scene->session.buffer = hold[0];
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(hold[1]);
		_exit(reserve_and_tell(scene));
	}
	read_soon(told[0], &scene->session.client, sizeof(scene->session.client));
	close(told[0]);
	close(told[1]);
	close(hold[0]);
	*ret_hold = hold[1];
	return child;
}

/* Nobody can tell a process that has died from one whose child will come. */
static void the_dead_have_their_grace(void **state)
{
	struct scene scene = {
		.daemon = daemon_start("--simulate", "16M", NULL),
	};
	struct session none = session_new(scene.daemon), other;
	int64_t begin, patient;
	int hold;
	pid_t child = reserve_in_child(&scene, &hold);

	(void)state;
	kill(scene.daemon->pid, SIGKILL);
	daemon_wait(scene.daemon);
	close(hold);
	child_expect(child, 0);
	begin = now_ms();
	patient = patient_ms();
	daemon_start_again(scene.daemon, arguments);
	other = session_new(scene.daemon);
	session_ask_buffer(&other, PAGE, CARVE_WIRE_FOREVER);
	assert_int_equal(session_receive_buffer(&other), 0);
	assert_true(now_ms() - begin >= 29000);
	assert_true(patient_ms() - patient < PATIENCE * 1000 / 2);
	assert_log_says(scene.daemon, "has not come back after a restart");
	/* Nor is who has nothing kept in mind any longer, although it lives. */
	session_connect_again(&none, scene.daemon);
	assert_int_equal(session_resume(&none), CARVE_WIRE_RESUME_LOST);
	session_free(&none);
	session_free(&other);
	daemon_stop(scene.daemon);
}

static void of_the_dead_nothing_stays(void **state)
{
	struct scene scene = start();
	struct session other;
	int hold;
	pid_t child = reserve_in_child(&scene, &hold);

	(void)state;
	lose(&scene);
	close(hold);
	child_expect(child, 0);
	supervisor_go_on(scene.supervisor);
	other = session_new(scene.daemon);
	session_ask_buffer(&other, 16 * MIB, 0);
	assert_int_equal(session_receive_buffer(&other), 0);
	assert_log_says(scene.daemon, "has not come back after a restart");
	session_free(&other);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(is_known_again),
		DAEMON_TEST(reservations_wait),
		DAEMON_TEST(lost_reservations_are_told),
		DAEMON_TEST(others_are_refused),
		DAEMON_TEST(resume_has_its_place),
		DAEMON_TEST(state_is_no_link),
		DAEMON_TEST(reservations_are_found_again),
		DAEMON_TEST(another_user_is_refused),
		DAEMON_TEST(the_dead_have_their_grace),
		DAEMON_TEST(of_the_dead_nothing_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
