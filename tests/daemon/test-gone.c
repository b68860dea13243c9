// SPDX-License-Identifier: MIT
/* Regions that another start of the daemon serves, or does not. */
#include "session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void kill_and_start(struct daemon *daemon, const char *const *arguments)
{
	kill(daemon->pid, SIGKILL);
	daemon_wait(daemon);
	daemon_start_again(daemon, arguments);
}

/* Its device is missing at one start: what was reserved there does not come back. */
static void a_region_that_is_missing_is_told(void **state)
{
	static const char *const less[] = {
		"--simulate", "16M", "--region", "one", NULL,
	};
	static const char *const both[] = {
		"--simulate", "16M", "--region", "one", "--region", "two", NULL,
	};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(a_region_that_is_missing_is_told),
		DAEMON_TEST(regions_come_and_go),
	};

	return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
