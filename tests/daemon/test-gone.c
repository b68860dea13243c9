// SPDX-License-Identifier: MIT
/*
 * Regions that another start of the daemon serves, or does not; in a build made by
 * CRASH=1 also one that dies while it finds that out.
 */
#include "session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const less[] = {
	"--simulate", "16M", "--region", "one", NULL,
};
static const char *const both[] = {
	"--simulate", "16M", "--region", "one", "--region", "two", NULL,
};

static void kill_and_start(struct daemon *daemon, const char *const *arguments)
{
	kill(daemon->pid, SIGKILL);
	daemon_wait(daemon);
	daemon_start_again(daemon, arguments);
}

/* Its device is missing at one start: what was reserved there does not come back. */
static void a_region_that_is_missing_is_told(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", "--region",
					     "two", "--region", "one", NULL);
	struct session session = session_new(daemon), gone;
	char *log;

	(void)state;
	session_reserve(&session, 8 * MIB);
	gone = session_new(daemon);
	session_reserve(&gone, 8 * MIB);
	for (int i = 0; i < 2; i++)
		kill_and_start(daemon, less);
	session_free(&gone);
	log = daemon_read_log(daemon);
	assert_non_null(strstr(log, "region two is not served any more"));
	free(log);
	session_connect_again(&session, daemon);
	assert_int_equal(session_resume(&session), CARVE_WIRE_RESUME_LOST);
	assert_int_equal(session_count_reservations(&session), 0);
	for (int i = 0; i < 2; i++) {
		kill_and_start(daemon, both);
		session_connect_again(&session, daemon);
		/* Told once. */
		assert_int_equal(session_resume(&session), 0);
		assert_int_equal(session_count_reservations(&session), 0);
	}
	session_free(&session);
	daemon_stop(daemon);
}

/* A machine may have had more of them, one after the other, than there can be. */
static void regions_come_and_go(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	char label[CARVE_WIRE_LABEL];
	const char *const other[] = {
		"--simulate", "16M", "--region", label, NULL,
	};
	struct session session;

	(void)state;
	for (int i = 0; i < CARVE_WIRE_REGIONS_MAX + 2; i++) {
		snprintf(label, sizeof(label), "region-%d", i);
		daemon_stop(daemon);
		daemon_start_again(daemon, other);
		session = session_new(daemon);
		session_reserve(&session, 16 * MIB);
		session_free(&session);
	}
	daemon_stop(daemon);
}

#ifdef CARVE_CRASH_POINTS
/* A start that comes to a place of daemon/crash-point.h. */
static void die_at(struct daemon *daemon, const char *const *arguments,
		   const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/file", daemon->dir);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%s\n", name);
	assert_int_equal(fclose(file), 0);
	setenv("CARVE_CRASH_FILE", path, 1);
	daemon_spawn(daemon, arguments, DAEMON_SOCKET);
	assert_int_equal(daemon_wait(daemon), SIGKILL);
	unsetenv("CARVE_CRASH_FILE");
	assert_int_equal(access(path, F_OK), -1);
}

static void killed_while_it_is_lost(void **state)
{
	static const char *const places[] = { "gone-marked", "gone-lost" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct daemon *daemon = daemon_start("--simulate", "16M",
						     "--region", "two",
						     "--region", "one", NULL);
		struct session session = session_new(daemon);

		session_reserve(&session, 8 * MIB);
		kill(daemon->pid, SIGKILL);
		daemon_wait(daemon);
		die_at(daemon, less, places[i]);
		daemon_start_again(daemon, both);
		session_connect_again(&session, daemon);
		assert_int_equal(session_resume(&session),
				 CARVE_WIRE_RESUME_LOST);
		/* What was not dropped yet is not handed out to nobody. */
		assert_int_equal(session_count_reservations(&session), 0);
		session_reserve(&session, 16 * MIB);
		session_free(&session);
		daemon_stop(daemon);
	}
}

static void killed_while_it_is_forgotten(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	char label[CARVE_WIRE_LABEL];
	const char *const other[] = {
		"--simulate", "16M", "--region", label, NULL,
	};
	struct session session;

	(void)state;
	for (int i = 1; i < CARVE_WIRE_REGIONS_MAX; i++) {
		snprintf(label, sizeof(label), "region-%d", i);
		daemon_stop(daemon);
		daemon_start_again(daemon, other);
	}
	kill(daemon->pid, SIGKILL);
	daemon_wait(daemon);
	snprintf(label, sizeof(label), "region-x");
	die_at(daemon, other, "gone-forgotten");
	daemon_start_again(daemon, other);
	session = session_new(daemon);
	session_reserve(&session, 16 * MIB);
	session_free(&session);
	daemon_stop(daemon);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef CARVE_CRASH_POINTS
		DAEMON_TEST(killed_while_it_is_lost),
		DAEMON_TEST(killed_while_it_is_forgotten),
#endif
		DAEMON_TEST(a_region_that_is_missing_is_told),
		DAEMON_TEST(regions_come_and_go),
	};

	return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
