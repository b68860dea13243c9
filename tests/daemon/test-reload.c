// SPDX-License-Identifier: MIT
/*
 * The configuration in a daemon's life: at its start, at SIGHUP, and when it is
 * only looked at.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "reserving.h"
#include "waiter.h"

static const char *const simulate[] = { "--simulate", "8M", NULL };

static struct daemon *start_with(const char *rules)
{
	struct daemon *daemon = daemon_prepare();

	daemon_configure(daemon, rules);
	daemon_start_again(daemon, simulate);
	return daemon;
}

static void assert_log_has(const struct daemon *daemon, const char *words)
{
	char *log = daemon_read_log(daemon);

	if (!strstr(log, words))
		fail_msg("'%s' is not in: %s", words, log);
	free(log);
}

static void wait_for_report(struct daemon *daemon, const char *words)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	char text[1024] = "";

	while (!strstr(text, words)) {
		daemon_next_report(daemon, text, sizeof(text), 100);
		if (patient_ms() > end)
			fail_msg("no %s", words);
	}
}

/* What systemctl reload does: the service manager hears of begin and end. */
static void reload(struct daemon *daemon, const char *rules)
{
	daemon_configure(daemon, rules);
	assert_int_equal(kill(daemon->pid, SIGHUP), 0);
	wait_for_report(daemon, "RELOADING=1\nMONOTONIC_USEC=");
	wait_for_report(daemon, "READY=1");
}

static int take(struct carve *carve, uint64_t bytes, struct carve_buffer **ret)
{
	struct carve_request request = CARVE_REQUEST_INIT;

	request.bytes = bytes;
	return carve_alloc(carve, &request, ret);
}

/* ---- at start ------------------------------------------------------------ */

static void assert_ends(struct daemon *daemon, int expected, const char *words)
{
	int status = daemon_wait(daemon);

	assert_log_has(daemon, words);
	assert_log_clean(daemon);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	assert_int_equal(access(daemon->socket, F_OK), -1);
}

static void test_mistake_at_start(void **state)
{
	struct daemon *daemon = daemon_prepare();
	char words[256], *log;

	(void)state;
	daemon_configure(daemon, "[rule a]\nuid=0\nmax-bytes=lots\n");
	daemon_spawn(daemon, simulate, DAEMON_SOCKET);
	snprintf(words, sizeof(words), "%s:3: max-bytes= needs bytes", daemon->config);
	assert_ends(daemon, EX_CONFIG, words);
	log = daemon_read_log(daemon);
	assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
	free(log);
}

static void test_missing_at_start(void **state)
{
	struct daemon *daemon = daemon_prepare();

	(void)state;
	assert_int_equal(unlink(daemon->config), 0);
	daemon_spawn(daemon, simulate, DAEMON_SOCKET);
	assert_ends(daemon, EX_CONFIG, "carved.conf: No such file");
}

static void test_check_config(void **state)
{
	static const char *const arguments[] = { "--check-config", NULL };
	struct daemon *daemon = daemon_prepare();
	char words[256];

	(void)state;
	daemon_configure(daemon, "[rule late]\nunit=a.service\npriority=7\n"
			 "[rule early]\nuid=0\nmax-bytes=1M\n");
	daemon_spawn(daemon, arguments, DAEMON_SOCKET);
	snprintf(words, sizeof(words), "# %s:4\n[rule early]\nuid=0\n"
		 "max-bytes=1048576\npriority=0\n\n# %s:1\n[rule late]\n"
		 "unit=a.service\npriority=7\n", daemon->config, daemon->config);
	assert_ends(daemon, 0, words);
	daemon_configure(daemon, "priority=7\n");
	daemon_spawn(daemon, arguments, DAEMON_SOCKET);
	snprintf(words, sizeof(words), "%s:1: priority= stands in no section",
		 daemon->config);
	assert_ends(daemon, EX_CONFIG, words);
}

/* It may be for another machine, or a slip of the pen: said, and no error. */
static void test_regions_that_are_not_served(void **state)
{
	struct daemon *daemon = start_with("[region mian]\nkeep-for-priority=1:1M\n");
	char words[256];

	(void)state;
	snprintf(words, sizeof(words), "%s:1: no region mian is served", daemon->config);
	assert_log_has(daemon, words);
	reload(daemon, "[region main]\nkeep-for-priority=1:8M\n");
	assert_log_has(daemon, "all of it is kept for requests of priority 1");
	daemon_stop(daemon);
}

/* ---- at SIGHUP ----------------------------------------------------------- */

/* Who is connected already has the new rules, what was granted stays. */
static void test_reload(void **state)
{
	struct daemon *daemon = start_with("[rule all]\nmax-bytes=4M\n");
	struct carve *carve = client_new(daemon);
	struct carve_buffer *first, *second;

	(void)state;
	assert_int_equal(take(carve, 4 * MIB, &first), 0);
	assert_int_equal(take(carve, 1, &second), -EDQUOT);
	reload(daemon, "[rule all]\nmax-bytes=6M\n");
	assert_int_equal(take(carve, 2 * MIB, &second), 0);
	carve_buffer_unref(second);
	reload(daemon, "[rule all]\nmax-bytes=1M\n");
	assert_live_becomes(carve, 4 * MIB);
	assert_int_equal(take(carve, 1, &second), -EDQUOT);
	carve_buffer_unref(first);
	assert_int_equal(take(carve, MIB, &first), 0);
	carve_buffer_unref(first);
	reload(daemon, "");
	assert_int_equal(take(carve, 8 * MIB, &first), 0);
	carve_buffer_unref(first);
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_reload_with_a_mistake(void **state)
{
	struct daemon *daemon = start_with("[rule all]\nmax-bytes=4M\n");
	struct carve *carve = client_new(daemon);
	struct carve_buffer *buffer;
	char words[256];

	(void)state;
	/* What is right in it does not count either. */
	reload(daemon, "[rule all]\nmax-bytes=8M\n[rule b]\nuid=nobody-here\n");
	snprintf(words, sizeof(words), "stays as it was: %s:4: uid= needs",
		 daemon->config);
	assert_log_has(daemon, words);
	assert_int_equal(take(carve, 4 * MIB + 1, &buffer), -EDQUOT);
	assert_int_equal(unlink(daemon->config), 0);
	assert_int_equal(kill(daemon->pid, SIGHUP), 0);
	wait_for_report(daemon, "RELOADING=1");
	wait_for_report(daemon, "READY=1");
	assert_log_has(daemon, "stays as it was: cannot read");
	assert_int_equal(take(carve, 4 * MIB + 1, &buffer), -EDQUOT);
	/* Those who come now, too. */
	carve_free(carve);
	carve = client_new(daemon);
	assert_int_equal(take(carve, 4 * MIB + 1, &buffer), -EDQUOT);
	assert_int_equal(take(carve, 4 * MIB, &buffer), 0);
	carve_buffer_unref(buffer);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Memory that is kept no longer is there for those who wait for it. */
static void test_reload_serves_who_waits(void **state)
{
	struct daemon *daemon = start_with("[region main]\nkeep-for-priority=1:6M\n");
	struct carve_buffer *buffer;
	struct waiter waiter = { 0 };
	struct carve *carve = client_new(daemon);

	(void)state;
	assert_int_equal(take(carve, MIB, &buffer), 0);
	waiter_start(&waiter, daemon, 2 * MIB, CARVE_FOREVER);
	assert_waiting_becomes(carve, 1);
	reload(daemon, "[region main]\nkeep-for-priority=1:5M\n");
	waiter_expect(&waiter, 0);
	assert_waiting_becomes(carve, 0);
	carve_buffer_unref(buffer);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Again and again, while clients come, ask and go: nothing is left behind. */
static void test_many_reloads(void **state)
{
	static const char *const rules[] = {
		"[rule a]\nmax-bytes=4M\n[region main]\nkeep-for-priority=1:1M\n",
		"[rule a]\nmax-bytes=\n",
		"[rule b]\npriority=50\n[reservation r]\nuid=65533\nclass=1x1\n",
	};
	struct daemon *daemon = start_with("");
	unsigned int fds = 0;

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct carve *carve = client_new(daemon);

		reload(daemon, rules[i % 3]);
		carve_buffer_unref(client_alloc(carve, MIB, NULL));
		if (i % 3 == 2)
			assert_reserved_becomes(carve, PAGE);
		else
			assert_all_clean(carve);
		carve_free(carve);
		/* The first ones make room that stays. */
		if (i == 2)
			fds = daemon_fds(daemon);
	}
	assert_fds_become(daemon, fds);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_mistake_at_start),
		DAEMON_TEST(test_missing_at_start),
		DAEMON_TEST(test_check_config),
		DAEMON_TEST(test_regions_that_are_not_served),
		DAEMON_TEST(test_reload),
		DAEMON_TEST(test_reload_with_a_mistake),
		DAEMON_TEST(test_reload_serves_who_waits),
		DAEMON_TEST(test_many_reloads),
	};

	return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
