// SPDX-License-Identifier: MIT
/*
 * A daemon that was started by hand, and whose terminal or pipe is closed.
 */
#include "raw.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_stderr_may_go(void **state)
{
	const char *const arguments[] = { "--simulate", "1M", NULL };
	struct daemon *daemon = daemon_prepare();
	struct carve *carve;
	int reader, socket;

	(void)state;
	assert_int_equal(mkfifo(daemon->log, 0600), 0);
	reader = open(daemon->log, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	daemon_start_again(daemon, arguments);
	close(reader);
	/* It complains about this one, to nobody. */
	socket = raw_connect(daemon);
	assert_int_equal(raw_send(socket, "?", 1, -1, 0), 0);
	raw_expect_hangup(socket);
	carve = client_new(daemon);
	carve_buffer_unref(client_alloc(carve, PAGE, NULL));
	carve_free(carve);
	/* Nothing can be read from it any more. */
	assert_int_equal(unlink(daemon->log), 0);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_stderr_may_go),
	};

	return cmocka_run_group_tests_name("stderr", tests, NULL, NULL);
}
