// SPDX-License-Identifier: MIT
/*
 * What clients of a daemon under test do, and other processes.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

/* ---- the daemon from outside --------------------------------------------- */

char *daemon_read_log(const struct daemon *daemon)
{
	FILE *file = fopen(daemon->log, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		fclose(file);
	return text;
}

void assert_log_clean(const struct daemon *daemon)
{
	static const char *const marks[] = {
		"Sanitizer", "runtime error:", "Assertion", "core dumped",
	};
	char *log = daemon_read_log(daemon);
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strstr(log, marks[i]))
			fail_msg("the daemon's log: %s", log);
	free(log);
}

static unsigned int count_fds(const struct daemon *daemon)
{
	char path[64];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/*
 * Once it is at rest: it may just be closing what it said "ready" through, or
 * a connection that has ended.
 */
unsigned int daemon_fds(const struct daemon *daemon)
{
	unsigned int count = count_fds(daemon), before;

	do {
		before = count;
		sleep_ms(50);
		count = count_fds(daemon);
	} while (count != before);
	return count;
}

void assert_fds_become(const struct daemon *daemon, unsigned int count)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	unsigned int now;

	while ((now = count_fds(daemon)) != count) {
		if (patient_ms() > end)
			fail_msg("the daemon has %u descriptors, and had %u", now, count);
		sleep_ms(5);
	}
}

void daemon_freeze(const struct daemon *daemon)
{
	int status;

	assert_int_equal(kill(daemon->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(daemon->pid, &status, WUNTRACED), daemon->pid);
	if (!WIFSTOPPED(status))
		fail_msg("the daemon ended (status %#x) instead of stopping", status);
}

void daemon_thaw(const struct daemon *daemon)
{
	assert_int_equal(kill(daemon->pid, SIGCONT), 0);
}

/* ---- clients ------------------------------------------------------------- */

struct carve *client_new(const struct daemon *daemon)
{
	struct carve *carve = NULL;
	int r = carve_new(&carve, daemon->socket);

	if (r < 0)
		fail_msg("no connection: %s", strerror(-r));
	return carve;
}

struct carve_buffer *client_alloc(struct carve *carve, uint64_t bytes,
				  const char *name)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer = NULL;
	int r;

	request.bytes = bytes;
	request.name = name;
	r = carve_alloc(carve, &request, &buffer);
	if (r < 0)
		fail_msg("no buffer of %llu bytes: %s", (unsigned long long)bytes,
			 strerror(-r));
	return buffer;
}

struct carve_region_info client_region(struct carve *carve)
{
	struct carve_regions *regions = NULL;
	struct carve_region_info info;

	assert_int_equal(carve_regions_new(carve, &regions), 0);
	assert_true(carve_regions_count(regions) >= 1);
	info = *carve_regions_get(regions, 0);
	carve_regions_free(regions);
	assert_int_equal(info.free_bytes + info.dirty_bytes + info.live_bytes +
			 info.reserved_bytes, info.bytes);
	return info;
}

void assert_all_clean(struct carve *carve)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct carve_region_info info;
	struct carve_buffers *buffers = NULL;

	for (;;) {
		info = client_region(carve);
		if (info.free_bytes == info.bytes)
			break;
		if (patient_ms() > end)
			fail_msg("of %llu bytes %llu stay live and %llu dirty",
				 (unsigned long long)info.bytes,
				 (unsigned long long)info.live_bytes,
				 (unsigned long long)info.dirty_bytes);
		sleep_ms(2);
	}
	assert_int_equal(info.largest_bytes, info.bytes);
	assert_int_equal(info.buffers, 0);
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	assert_int_equal(carve_buffers_count(buffers), 0);
	carve_buffers_free(buffers);
}

void assert_live_becomes(struct carve *carve, uint64_t bytes)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct carve_region_info info;

	for (;;) {
		info = client_region(carve);
		if (info.live_bytes == bytes && info.dirty_bytes == 0)
			return;
		if (patient_ms() > end)
			fail_msg("%llu bytes are live, not %llu, and %llu dirty",
				 (unsigned long long)info.live_bytes,
				 (unsigned long long)bytes,
				 (unsigned long long)info.dirty_bytes);
		sleep_ms(2);
	}
}

/* ---- other processes ----------------------------------------------------- */

pid_t child_start(int (*body)(void *data), void *data)
{
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* A test that fails leaves nobody behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(data));
	}
	return child;
}

void child_expect(pid_t child, int status)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	int got;
	pid_t r;

	while ((r = waitpid(child, &got, WNOHANG)) == 0 && patient_ms() < end)
		sleep_ms(2);
	assert_int_equal(r, child);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
}

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int send_fd(int socket, int fd)
{
	union fd_control control = { .space = { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static bool is_readable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return patient_poll(&pollfd, 1, PATIENCE * 1000) == 1;
}

void read_soon(int fd, void *data, size_t bytes)
{
	if (!is_readable(fd))
		fail_msg("nothing is said within %d s", PATIENCE);
	assert_int_equal(read(fd, data, bytes), bytes);
}

int receive_fd(int socket)
{
	union fd_control control = { .space = { 0 } };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (!is_readable(socket) ||
	    recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 ||
	    control.header.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}
