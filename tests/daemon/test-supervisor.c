// SPDX-License-Identifier: MIT
/*
 * The supervisor keeps its own promises, before anybody relies on them. Under it
 * runs the daemon, or this program itself, which then looks at what it is given.
 */
#include "supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

static void starts_again_however_it_ends(void **state)
{
	struct daemon *daemon = daemon_prepare();
	const char *const arguments[] = { "--simulate", "16M", NULL };
	struct supervisor *supervisor = supervisor_start(daemon, arguments);
	struct supervisor_status now;
	struct carve *carve;
	int i, status;

	(void)state;
	for (i = 0; i < 4; i++) {
		supervisor_wait_ready(supervisor);
		carve = client_new(daemon);
		carve_buffer_unref(client_alloc(carve, MIB, "x"));
		carve_free(carve);
		if (i % 2)
			supervisor_restart(supervisor);
		else
			supervisor_kill(supervisor);
	}
	supervisor_wait_ready(supervisor);
	now = supervisor_get_status(supervisor);
	assert_int_equal(now.starts, 5);
	assert_int_equal(now.failures, 0);
	status = supervisor_stop(supervisor);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_log_clean(daemon);
}

/* ---- the store ----------------------------------------------------------- */

static void put(int fd, const char *report)
{
	if (sd_pid_notify_with_fds(0, 0, report, &fd, 1) <= 0)
		exit(1);
}

static void start_first(void)
{
	int note = memfd_create("note", MFD_CLOEXEC);
	int gone = memfd_create("gone", MFD_CLOEXEC), pair[2];

	if (note < 0 || gone < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
					       0, pair) < 0)
		exit(1);
	put(note, "FDSTORE=1\nFDNAME=note");
	put(note, "FDSTORE=1\nFDNAME=again");
	put(gone, "FDSTORE=1\nFDNAME=gone");
	put(pair[0], "FDSTORE=1\nFDNAME=half");
	sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=gone");
	if (write(note, "first", 5) != 5)
		exit(1);
	sd_notify(0, "READY=1");
	/* Sent, and dead: it counts. The other end of "half" dies, too. */
	put(gone, "FDSTORE=1\nFDNAME=late");
	raise(SIGKILL);
}

/*
 * The other end of "half" died with the last daemon: it may be gone, or be seen to
 * have ended. Return: the status of a daemon that was not given what it should be.
 */
static int start_next(char **names, int count)
{
	char text[8] = "";
	int i = 1;

	if (strcmp(names[0], "carved.socket") || strcmp(names[i++], "note"))
		return 2;
	if (pread(SD_LISTEN_FDS_START + 1, text, 5, 0) != 5 || strcmp(text, "first"))
		return 3;
	if (count == 4 && (strcmp(names[i++], "half") ||
			   recv(SD_LISTEN_FDS_START + 2, text, 1, MSG_DONTWAIT) != 0))
		return 4;
	if (strcmp(names[i], "late"))
		return 5;
	sd_notify(0, "READY=1");
	pause();
	return 0;
}

static int act_as_daemon(void)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names);

	if (count == 1)
		start_first();
	return count == 3 || count == 4 ? start_next(names, count) : 10 + count;
}

static void keeps_descriptors(void **state)
{
	struct daemon *daemon = daemon_prepare();
	struct supervisor *supervisor;
	struct supervisor_status now;
	int64_t end = patient_ms() + PATIENCE * 1000;
	int fd;

	(void)state;
	setenv("CARVED", "/proc/self/exe", 1);
	supervisor = supervisor_start(daemon, NULL);
	unsetenv("CARVED");
	do {
		sleep_ms(1);
		now = supervisor_get_status(supervisor);
		assert_int_equal(now.failures ? now.failure : 0, 0);
		assert_true(patient_ms() < end);
	} while (now.starts < 2 || !now.ready);
	/* "half" has hung up. */
	while (supervisor_get_status(supervisor).stored != 2)
		assert_true(patient_ms() < end);
	supervisor_pause(supervisor);
	fd = supervisor_get_stored(supervisor, "half");
	assert_int_equal(fd, -1);
	fd = supervisor_get_stored(supervisor, "note");
	assert_true(fd >= 0);
	close(fd);
	supervisor_stop(supervisor);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(starts_again_however_it_ends),
		DAEMON_TEST(keeps_descriptors),
	};

	(void)argv;
	if (argc > 1)
		return act_as_daemon();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
