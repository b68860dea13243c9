// SPDX-License-Identifier: MIT
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../scratch.h"
#include "supervisor.h"

#define ARGUMENTS_MAX 16

/* Tests may run two daemons at a time; @pid 0 is a free place. */
static struct daemon daemons[4];

static struct daemon *find_place(void)
{
	size_t i;

	for (i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++)
		if (!daemons[i].pid)
			return &daemons[i];
	fail_msg("too many daemons in one test");
	return NULL;
}

static int notify_socket(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	return fd;
}

void daemon_configure(const struct daemon *daemon, const char *text)
{
	int fd = open(daemon->config, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t bytes = strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
}

struct daemon *daemon_prepare(void)
{
	struct daemon *daemon = find_place();
	/* Beside the structure, or gcc 14 fears that the strings overlap. */
	char dir[sizeof(daemon->dir)];

	*daemon = (struct daemon){ .notify = -1, .user = geteuid() };
	snprintf(dir, sizeof(dir), "%s/carve-test.XXXXXX", scratch_folder());
	assert_non_null(mkdtemp(dir));
	strcpy(daemon->dir, dir);
	daemon->pid = -1;
	/* Clients of other users have to get to the socket. */
	assert_int_equal(chmod(daemon->dir, 0755), 0);
	snprintf(daemon->socket, sizeof(daemon->socket), "%s/socket", dir);
	snprintf(daemon->log, sizeof(daemon->log), "%s/log", dir);
	snprintf(daemon->config, sizeof(daemon->config), "%s/carved.conf", dir);
	daemon->notify = notify_socket(dir);
	daemon_configure(daemon, "");
	return daemon;
}

/* build/X/tests/daemon/test-y belongs to build/X/daemon/carved. */
const char *daemon_path(void)
{
	static char path[512];
	const char *given = getenv("CARVED");
	ssize_t n;
	char *cut;
	int i;

	if (given)
		return given;
	n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	if (n < 0)
		return "carved";
	path[n] = '\0';
	for (i = 0; i < 3; i++) {
		cut = strrchr(path, '/');
		if (cut)
			*cut = '\0';
	}
	strcat(path, "/daemon/carved");
	return path;
}

/* As systemd does it: descriptor 3, and who is meant. */
static void pass_socket(int fd)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	if (fd == 3 ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, 3) < 0)
		_exit(99);
}

static void exec_daemon(const struct daemon *daemon, const char *const *arguments,
			int listen_fd)
{
	/* Not the configuration of the machine at hand. */
	const char *argv[ARGUMENTS_MAX + 6] = { daemon_path(), "--config", daemon->config };
	char notify[64];
	int i, n = 3, log;

	if (listen_fd == DAEMON_SOCKET) {
		argv[n++] = "--socket";
		argv[n++] = daemon->socket;
	}
	for (i = 0; arguments && arguments[i] && i < ARGUMENTS_MAX; i++)
		argv[n++] = arguments[i];
	log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	snprintf(notify, sizeof(notify), "%s/notify", daemon->dir);
	if (log < 0 || dup2(log, STDERR_FILENO) < 0 ||
	    dup2(log, STDOUT_FILENO) < 0 || setenv("NOTIFY_SOCKET", notify, 1) < 0)
		_exit(99);
	if (daemon->user != geteuid() &&
	    (setgroups(0, NULL) < 0 || setgid(daemon->user) < 0 ||
	     setuid(daemon->user) < 0))
		_exit(99);
	/* A test that is killed leaves no daemon behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (listen_fd >= 0)
		pass_socket(listen_fd);
	/* What leaks says so; what overflows a signed number, too. */
	setenv("ASAN_OPTIONS", "detect_leaks=1:exitcode=97", 0);
	setenv("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=98", 0);
	execv(argv[0], (char **)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(99);
}

void daemon_spawn(struct daemon *daemon, const char *const *arguments,
		  int listen_fd)
{
	fflush(NULL);
	daemon->pid = fork();
	assert_true(daemon->pid >= 0);
	if (daemon->pid == 0)
		exec_daemon(daemon, arguments, listen_fd);
}

bool daemon_next_report(struct daemon *daemon, char *text, size_t size,
			int timeout_ms)
{
	struct pollfd pollfd = { .fd = daemon->notify, .events = POLLIN };
	const char *status;
	ssize_t n;

	if (patient_poll(&pollfd, 1, timeout_ms) != 1)
		return false;
	n = recv(daemon->notify, text, size - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	status = strstr(text, "STATUS=");
	if (status && (status == text || status[-1] == '\n'))
		snprintf(daemon->status, sizeof(daemon->status), "%.*s",
			 (int)strcspn(status + 7, "\n"), status + 7);
	return true;
}

void daemon_wait_ready(struct daemon *daemon)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	char text[1024], *log;
	int status;

	while (patient_ms() < end) {
		if (daemon_next_report(daemon, text, sizeof(text), 100) &&
		    strstr(text, "READY=1"))
			return;
		if (waitpid(daemon->pid, &status, WNOHANG) == daemon->pid) {
			daemon->pid = -1;
			log = daemon_read_log(daemon);
			fail_msg("the daemon ended (status %#x) instead of getting ready: %s",
				 status, log);
		}
	}
	fail_msg("the daemon is not ready after %d s", PATIENCE);
}

void daemon_start_again(struct daemon *daemon, const char *const *arguments)
{
	daemon_spawn(daemon, arguments, DAEMON_SOCKET);
	daemon_wait_ready(daemon);
}

struct daemon *daemon_start(const char *argument, ...)
{
	struct daemon *daemon = daemon_prepare();
	const char *arguments[ARGUMENTS_MAX + 1] = { NULL };
	va_list list;
	int i;

	va_start(list, argument);
	for (i = 0; i < ARGUMENTS_MAX && argument; i++) {
		arguments[i] = argument;
		argument = va_arg(list, const char *);
	}
	va_end(list);
	daemon_start_again(daemon, arguments);
	return daemon;
}

int daemon_wait(struct daemon *daemon)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	int status;
	pid_t r;

	do {
		r = waitpid(daemon->pid, &status, WNOHANG);
		assert_true(r >= 0);
		if (r == 0)
			sleep_ms(2);
	} while (r == 0 && patient_ms() < end);
	if (r == 0)
		fail_msg("the daemon does not end within %d s", PATIENCE);
	daemon->pid = -1;
	return status;
}

void daemon_stop(struct daemon *daemon)
{
	int status;

	assert_int_equal(kill(daemon->pid, SIGTERM), 0);
	status = daemon_wait(daemon);
	assert_log_clean(daemon);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the daemon ended with status %#x: %s", status,
			 daemon_read_log(daemon));
	if (access(daemon->socket, F_OK) == 0)
		fail_msg("the daemon left its socket behind");
}

static void remove_folder(const struct daemon *daemon)
{
	char path[128];
	const char *const names[] = { "socket", "socket.lock", "socket.state", "socket.state", "notify", "log", "file", "carved.conf" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", daemon->dir, names[i]);
		unlink(path);
	}
	if (rmdir(daemon->dir) < 0)
		print_message("# left in %s: %s\n", daemon->dir, strerror(errno));
}

int daemon_cleanup(void **state)
{
	struct daemon *daemon;
	size_t i;

	(void)state;
	supervisor_cleanup();
	for (i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
		daemon = &daemons[i];
		if (!daemon->pid)
			continue;
		if (daemon->pid > 0) {
			kill(daemon->pid, SIGKILL);
			waitpid(daemon->pid, NULL, 0);
		}
		if (daemon->notify >= 0)
			close(daemon->notify);
		remove_folder(daemon);
		daemon->pid = 0;
	}
	return 0;
}
