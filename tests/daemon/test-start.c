// SPDX-License-Identifier: MIT
/*
 * How the daemon starts and ends: what it is given wrongly, what lies in its
 * way, and what it tells the service manager.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static const char *const simulate[] = { "--simulate", "1M", NULL };

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* It ends at once, with this status, and says this in one line. */
static void assert_refuses(struct daemon *daemon, int exit_status, const char *words)
{
	int status = daemon_wait(daemon);
	char *log = daemon_read_log(daemon);

	if (!strstr(log, words))
		fail_msg("'%s' is not in: %s", words, log);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != exit_status)
		fail_msg("status %#x, not %d: %s", status, exit_status, log);
	assert_log_clean(daemon);
	/* A wrong command line has a second one that names --help. */
	assert_int_equal(count_lines(log), exit_status == EX_USAGE ? 2 : 1);
	free(log);
	assert_int_equal(unlink(daemon->log), 0);
}

static void refuse_line(struct daemon *daemon, const char *option,
			const char *value, const char *words)
{
	const char *const arguments[] = { option, value, NULL };

	daemon_spawn(daemon, arguments, DAEMON_SOCKET);
	assert_refuses(daemon, EX_USAGE, words);
	assert_int_equal(access(daemon->socket, F_OK), -1);
}

static void test_wrong_command_line(void **state)
{
	struct daemon *daemon = daemon_prepare();
	static const char *const sizes[] = {
		"0", "3", "-1", "", "K", "1X", "1MM", "4097", " 1M", "0x1000",
		"99999999999999999999", "9223372036854775808", "9007199254740992G",
	};
	size_t i;

	(void)state;
	refuse_line(daemon, "--no-such-option", NULL, "--no-such-option");
	refuse_line(daemon, "--simulate", NULL, "--simulate");
	refuse_line(daemon, "stray", NULL, "stray");
	refuse_line(daemon, "--region", "a/b", "--region");
	refuse_line(daemon, "--region", "", "--region");
	refuse_line(daemon, "--max-clients", "0", "--max-clients");
	refuse_line(daemon, "--max-clients", "many", "--max-clients");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		refuse_line(daemon, "--simulate", sizes[i], "--simulate needs");
}

static void test_no_driver(void **state)
{
	struct daemon *daemon;

	(void)state;
	if (access("/dev/carve", F_OK) == 0)
		skip_because("this machine has a region");
	daemon = daemon_prepare();
	daemon_spawn(daemon, NULL, DAEMON_SOCKET);
	assert_refuses(daemon, EX_CONFIG, "there is no region in /dev/carve");
	assert_int_equal(access(daemon->socket, F_OK), -1);
}

/* ---- the socket's place -------------------------------------------------- */

static int listen_at(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void test_served_by_a_live_daemon(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "1M", NULL);
	struct daemon *second = daemon_prepare();
	struct carve *carve = client_new(daemon);

	(void)state;
	strcpy(second->socket, daemon->socket);
	daemon_spawn(second, simulate, DAEMON_SOCKET);
	assert_refuses(second, EX_CONFIG, "already served");
	/* The first one did not notice, and is still found. */
	carve_buffer_unref(client_alloc(carve, MIB, NULL));
	carve_free(carve);
	carve_free(client_new(daemon));
	daemon_stop(daemon);
}

/* Somebody is just starting here, and has no socket yet. */
static void test_locked(void **state)
{
	struct daemon *daemon = daemon_prepare();
	char path[80];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s.lock", daemon->socket);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	daemon_spawn(daemon, simulate, DAEMON_SOCKET);
	assert_refuses(daemon, EX_CONFIG, "already served");
	close(fd);
	/* The file itself says nothing: its owner may have died. */
	daemon_start_again(daemon, simulate);
	daemon_stop(daemon);
}

static void test_left_over_socket(void **state)
{
	struct daemon *daemon = daemon_prepare();

	(void)state;
	close(listen_at(daemon->socket, SOCK_SEQPACKET));
	daemon_start_again(daemon, simulate);
	carve_free(client_new(daemon));
	daemon_stop(daemon);
}

static void test_somebody_elses_socket(void **state)
{
	struct daemon *daemon = daemon_prepare();
	int fd = listen_at(daemon->socket, SOCK_STREAM);

	(void)state;
	daemon_spawn(daemon, simulate, DAEMON_SOCKET);
	assert_refuses(daemon, EX_CONFIG, "not carved");
	assert_int_equal(access(daemon->socket, F_OK), 0);
	close(fd);
}

static void test_a_file_in_its_place(void **state)
{
	struct daemon *daemon = daemon_prepare();
	struct stat st;
	int fd;

	(void)state;
	fd = open(daemon->socket, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	daemon_spawn(daemon, simulate, DAEMON_SOCKET);
	assert_refuses(daemon, EX_CONFIG, "no socket");
	assert_int_equal(stat(daemon->socket, &st), 0);
	assert_int_equal(st.st_size, 8);
}

static void test_no_such_folder(void **state)
{
	struct daemon *daemon = daemon_prepare();

	(void)state;
	snprintf(daemon->socket, sizeof(daemon->socket), "%s/no/socket", daemon->dir);
	daemon_spawn(daemon, simulate, DAEMON_SOCKET);
	assert_refuses(daemon, EX_CONFIG, "No such file or directory");
}

static void test_path_too_long(void **state)
{
	char path[200];
	const char *const arguments[] = { "--simulate", "1M", "--socket", path, NULL };
	struct daemon *daemon = daemon_prepare();

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	daemon_spawn(daemon, arguments, DAEMON_NO_SOCKET);
	assert_refuses(daemon, EX_CONFIG, "--socket");
}

static pid_t wait_for_any(int *ret_status)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	pid_t ended;

	while ((ended = waitpid(-1, ret_status, WNOHANG)) == 0) {
		if (patient_ms() > end)
			fail_msg("two daemons serve one socket");
		sleep_ms(2);
	}
	assert_true(ended > 0);
	return ended;
}

/*
 * Of two that start at once, one serves and one says why not. Both have found
 * the socket of a dead one: the loser must not remove the winner's.
 */
static void test_two_at_once(void **state)
{
	struct daemon *daemons[2];
	struct daemon *loser, *winner;
	int round, status;
	pid_t ended;

	(void)state;
	for (round = 0; round < 10; round++) {
		daemons[0] = daemon_prepare();
		close(listen_at(daemons[0]->socket, SOCK_SEQPACKET));
		daemons[1] = daemon_prepare();
		strcpy(daemons[1]->socket, daemons[0]->socket);
		daemon_spawn(daemons[0], simulate, DAEMON_SOCKET);
		daemon_spawn(daemons[1], simulate, DAEMON_SOCKET);
		ended = wait_for_any(&status);
		loser = daemons[ended == daemons[1]->pid];
		winner = daemons[ended != daemons[1]->pid];
		loser->pid = -1;
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG);
		daemon_wait_ready(winner);
		carve_free(client_new(winner));
		daemon_stop(winner);
		daemon_cleanup(NULL);
	}
}

/* ---- the service manager ------------------------------------------------- */

static void test_socket_activation(void **state)
{
	struct daemon *daemon = daemon_prepare();
	int fd = listen_at(daemon->socket, SOCK_SEQPACKET);
	struct carve *carve;

	(void)state;
	daemon_spawn(daemon, simulate, fd);
	daemon_wait_ready(daemon);
	carve = client_new(daemon);
	carve_buffer_unref(client_alloc(carve, MIB, NULL));
	carve_free(carve);
	assert_int_equal(kill(daemon->pid, SIGTERM), 0);
	assert_int_equal(daemon_wait(daemon), 0);
	assert_log_clean(daemon);
	/* The socket is the service manager's: it stays, and works again. */
	assert_int_equal(access(daemon->socket, F_OK), 0);
	daemon_spawn(daemon, simulate, fd);
	carve = client_new(daemon);
	carve_buffer_unref(client_alloc(carve, MIB, NULL));
	carve_free(carve);
	assert_int_equal(kill(daemon->pid, SIGTERM), 0);
	assert_int_equal(daemon_wait(daemon), 0);
	close(fd);
}

static void test_activation_with_the_wrong_socket(void **state)
{
	struct daemon *daemon = daemon_prepare();
	int fd = listen_at(daemon->socket, SOCK_STREAM);

	(void)state;
	daemon_spawn(daemon, simulate, fd);
	assert_refuses(daemon, EX_CONFIG, "ListenSequentialPacket=");
	close(fd);
}

static void wait_for_status(struct daemon *daemon, const char *words)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	char text[1024];

	while (!strstr(daemon->status, words)) {
		daemon_next_report(daemon, text, sizeof(text), 100);
		if (patient_ms() > end)
			fail_msg("'%s' is not in the status '%s'", words, daemon->status);
	}
}

static void test_status(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve_buffer *buffer;
	struct carve *carve;
	char *log;

	(void)state;
	wait_for_status(daemon, "simulated: not physically contiguous");
	carve = client_new(daemon);
	buffer = client_alloc(carve, 3 * MIB, NULL);
	wait_for_status(daemon, "1 client, 1 buffer, 3 MiB of 8 MiB");
	carve_buffer_unref(buffer);
	carve_free(carve);
	wait_for_status(daemon, "0 clients, 0 buffers, 0 MiB of 8 MiB");
	log = daemon_read_log(daemon);
	assert_non_null(strstr(log, "simulated: not physically contiguous"));
	free(log);
	daemon_stop(daemon);
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

static void test_watchdog(void **state)
{
	struct daemon *daemon;

	(void)state;
	assert_int_equal(setenv("WATCHDOG_USEC", "400000", 1), 0);
	daemon = daemon_start("--simulate", "1M", NULL);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	wait_for_report(daemon, "WATCHDOG=1");
	wait_for_report(daemon, "WATCHDOG=1");
	daemon_stop(daemon);
}

static void test_signals_end_it(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct daemon *daemon;
	struct carve *carve;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < 2; i++) {
		daemon = daemon_start("--simulate", "1M", NULL);
		carve = client_new(daemon);
		assert_int_equal(kill(daemon->pid, signals[i]), 0);
		assert_int_equal(daemon_wait(daemon), 0);
		wait_for_report(daemon, "STOPPING=1");
		assert_log_clean(daemon);
		assert_int_equal(access(daemon->socket, F_OK), -1);
		r = carve_new(&(struct carve *){ NULL }, daemon->socket);
		assert_int_equal(r, -ENOENT);
		carve_free(carve);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_wrong_command_line),
		DAEMON_TEST(test_no_driver),
		DAEMON_TEST(test_served_by_a_live_daemon),
		DAEMON_TEST(test_locked),
		DAEMON_TEST(test_left_over_socket),
		DAEMON_TEST(test_somebody_elses_socket),
		DAEMON_TEST(test_a_file_in_its_place),
		DAEMON_TEST(test_no_such_folder),
		DAEMON_TEST(test_path_too_long),
		DAEMON_TEST(test_two_at_once),
		DAEMON_TEST(test_socket_activation),
		DAEMON_TEST(test_activation_with_the_wrong_socket),
		DAEMON_TEST(test_status),
		DAEMON_TEST(test_watchdog),
		DAEMON_TEST(test_signals_end_it),
	};

	return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
