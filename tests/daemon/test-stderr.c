// SPDX-License-Identifier: MIT
/*
 * A daemon that was started by hand, and whose terminal or pipe is closed.
 */
#include "raw.h"

#include <fcntl.h>
#include <string.h>
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

/* What was said until there was no more room for it. Return: bytes. */
static size_t empty_pipe(int reader, const char *words, bool *ret_found)
{
	static char text[1 << 20];
	size_t used = 0;
	ssize_t n;

	while ((n = read(reader, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	*ret_found = strstr(text, words) != NULL;
	return used;
}

/* Who reads its log has stopped: what is said then is lost, and nothing else. */
static void test_stderr_that_nobody_reads(void **state)
{
	const char *const arguments[] = { "--simulate", "1M", "--verbose", NULL };
	static const char words[] = " entries were lost";
	struct daemon *daemon = daemon_prepare();
	struct carve *carve;
	bool found;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(daemon->log, 0600), 0);
	reader = open(daemon->log, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	daemon_start_again(daemon, arguments);
	carve = client_new(daemon);
	/* Two lines each, in all far more than a pipe takes. */
	for (int i = 0; i < 2000; i++)
		carve_buffer_unref(client_alloc(carve, PAGE, NULL));
	/* It says nothing more while the pipe is being emptied. */
	assert_all_clean(carve);
	assert_true(empty_pipe(reader, words, &found) > 4096);
	assert_false(found);
	carve_buffer_unref(client_alloc(carve, PAGE, NULL));
	assert_all_clean(carve);
	assert_true(empty_pipe(reader, words, &found) > 0);
	assert_true(found);
	carve_free(carve);
	close(reader);
	assert_int_equal(unlink(daemon->log), 0);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_stderr_may_go),
		DAEMON_TEST(test_stderr_that_nobody_reads),
	};

	return cmocka_run_group_tests_name("stderr", tests, NULL, NULL);
}
