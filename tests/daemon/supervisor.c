// SPDX-License-Identifier: MIT
#include "supervisor-loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fd-store.h"

/**
 * struct supervisor - a test has one at a time
 * @pid: of its process; 0: there is none
 * @control: to it
 */
struct supervisor {
	pid_t pid;
	int control;
};

static struct supervisor the_one;

static struct supervisor_status command(struct supervisor *supervisor,
					const struct supervisor_command *say,
					int *ret_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct supervisor_status status;
	struct iovec part = { &status, sizeof(status) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd pollfd = { .fd = supervisor->control, .events = POLLIN };
	struct cmsghdr *rights;

	assert_int_equal(send(supervisor->control, say, sizeof(*say), MSG_NOSIGNAL),
			 sizeof(*say));
	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	assert_int_equal(recvmsg(supervisor->control, &message, MSG_CMSG_CLOEXEC),
			 sizeof(status));
	rights = CMSG_FIRSTHDR(&message);
	if (ret_fd)
		*ret_fd = -1;
	if (ret_fd && rights)
		memcpy(ret_fd, CMSG_DATA(rights), sizeof(int));
	return status;
}

static struct supervisor_status order(struct supervisor *supervisor,
				      enum supervisor_op op)
{
	struct supervisor_command say = { .op = op };

	return command(supervisor, &say, NULL);
}

static int bound_socket(const char *dir, const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, name);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	return fd;
}

static int notify_socket(const struct daemon *daemon)
{
	int fd = bound_socket(daemon->dir, "notify", SOCK_DGRAM), on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	return fd;
}

/* Where descriptors wait to be passed on; see pass_descriptors(). */
static void allow_descriptors(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 4 * FD_STORE_MAX)
		limit.rlim_cur = 4 * FD_STORE_MAX < limit.rlim_max ?
			4 * FD_STORE_MAX : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 4 * FD_STORE_MAX)
		skip_because("ulimit -n is too low");
}

struct supervisor *supervisor_start(const struct daemon *daemon,
				    const char *const *arguments)
{
	struct supervisor_setup setup = { .daemon = daemon, .arguments = arguments };
	int pair[2];

	assert_int_equal(the_one.pid, 0);
	allow_descriptors();
	snprintf(setup.program, sizeof(setup.program), "%s", daemon_path());
	setup.listener = bound_socket(daemon->dir, "socket", SOCK_SEQPACKET);
	assert_int_equal(listen(setup.listener, 128), 0);
	setup.notify = notify_socket(daemon);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setup.control = pair[1];
	fflush(NULL);
	the_one.pid = fork();
	assert_true(the_one.pid >= 0);
	if (the_one.pid == 0) {
		close(pair[0]);
		supervisor_loop(&setup);
	}
	close(setup.listener);
	close(setup.notify);
	close(pair[1]);
	the_one.control = pair[0];
	return &the_one;
}

struct supervisor_status supervisor_get_status(struct supervisor *supervisor)
{
	return order(supervisor, SUPERVISOR_STATUS);
}

void supervisor_signal(struct supervisor *supervisor, int signal)
{
	struct supervisor_command say = { .op = SUPERVISOR_SIGNAL, .signal = signal };

	command(supervisor, &say, NULL);
}

static void end_and_wait(struct supervisor *supervisor, int signal)
{
	struct supervisor_status before = supervisor_get_status(supervisor), now;
	int64_t end = patient_ms() + PATIENCE * 1000;

	supervisor_signal(supervisor, signal);
	while ((now = supervisor_get_status(supervisor)).starts == before.starts) {
		if (now.pid == 0 || patient_ms() > end)
			fail_msg("no other daemon was started: %u failed, the last with %#x",
				 now.failures, now.failure);
		sleep_ms(1);
	}
}

void supervisor_kill(struct supervisor *supervisor)
{
	end_and_wait(supervisor, SIGKILL);
}

void supervisor_restart(struct supervisor *supervisor)
{
	end_and_wait(supervisor, SIGTERM);
}

void supervisor_wait_ready(struct supervisor *supervisor)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct supervisor_status now;

	while (!(now = supervisor_get_status(supervisor)).ready) {
		if (now.pid == 0 || patient_ms() > end)
			fail_msg("the daemon does not get ready: %u failed, the last with %#x",
				 now.failures, now.failure);
		sleep_ms(1);
	}
}

void supervisor_set_program(struct supervisor *supervisor, const char *path)
{
	struct supervisor_command say = { .op = SUPERVISOR_PROGRAM };

	snprintf(say.text, sizeof(say.text), "%s", path ? path : "");
	command(supervisor, &say, NULL);
}

void supervisor_pause(struct supervisor *supervisor)
{
	order(supervisor, SUPERVISOR_PAUSE);
}

void supervisor_go_on(struct supervisor *supervisor)
{
	order(supervisor, SUPERVISOR_GO_ON);
}

int supervisor_get_stored(struct supervisor *supervisor, const char *name)
{
	struct supervisor_command say = { .op = SUPERVISOR_STORED };
	int fd;

	snprintf(say.text, sizeof(say.text), "%s", name);
	command(supervisor, &say, &fd);
	return fd;
}

void supervisor_drop_stored(struct supervisor *supervisor, const char *name)
{
	struct supervisor_command say = { .op = SUPERVISOR_DROP };

	snprintf(say.text, sizeof(say.text), "%s", name);
	command(supervisor, &say, NULL);
}

void supervisor_freeze(struct supervisor *supervisor)
{
	assert_int_equal(kill(supervisor->pid, SIGSTOP), 0);
}

void supervisor_thaw(struct supervisor *supervisor)
{
	assert_int_equal(kill(supervisor->pid, SIGCONT), 0);
}

void supervisor_rename_stored(struct supervisor *supervisor, const char *name,
			      const char *other)
{
	struct supervisor_command say = { .op = SUPERVISOR_RENAME };

	snprintf(say.text, sizeof(say.text), "%s %s", name, other);
	command(supervisor, &say, NULL);
}

void supervisor_lose(struct supervisor *supervisor, const char *prefix)
{
	struct supervisor_command say = { .op = SUPERVISOR_LOSE };

	snprintf(say.text, sizeof(say.text), "%s", prefix);
	command(supervisor, &say, NULL);
}

static void forget(struct supervisor *supervisor)
{
	close(supervisor->control);
	waitpid(supervisor->pid, NULL, 0);
	supervisor->pid = 0;
}

int supervisor_stop(struct supervisor *supervisor)
{
	struct supervisor_status last = order(supervisor, SUPERVISOR_STOP);

	forget(supervisor);
	return last.failure;
}

void supervisor_cleanup(void)
{
	if (!the_one.pid)
		return;
	/* The daemon goes with it: PR_SET_PDEATHSIG. */
	kill(the_one.pid, SIGKILL);
	forget(&the_one);
}
