// SPDX-License-Identifier: MIT
/*
 * The process of the supervisor: one daemon, the store, and a test that gives
 * commands.
 */
#include "supervisor-loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd-store.h"

#define FAILURES_MAX	20
#define ARGUMENTS_MAX	16
#define FIRST_FD	3

/**
 * struct loop
 * @deaths: signalfd() for SIGCHLD
 * @pauses: no daemon is wanted
 * @stops: this is the end
 */
struct loop {
	struct supervisor_setup setup;
	struct supervisor_status status;
	struct fd_store store;
	char program[512];
	int deaths;
	int last_status;
	bool pauses;
	bool stops;
};

/* ---- the daemon ---------------------------------------------------------- */

static void set_number(const char *name, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	if (setenv(name, text, 1) < 0)
		_exit(99);
}

/* As systemd passes them: from 3 on, the socket first, with their names. */
static void pass_descriptors(const struct loop *loop)
{
	static char names[FD_STORE_MAX * 32];
	unsigned int count = loop->store.count, i;
	size_t fill;
	int fd;

	/* Out of the way of the places they go to. */
	for (i = 0; i <= count; i++) {
		fd = i ? loop->store.entries[i - 1].fd : loop->setup.listener;
		fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD + 2 * FD_STORE_MAX + (int)i);
		if (fd != FIRST_FD + 2 * FD_STORE_MAX + (int)i)
			_exit(99);
	}
	fill = (size_t)snprintf(names, sizeof(names), "carved.socket");
	for (i = 0; i <= count; i++) {
		if (dup2(FIRST_FD + 2 * FD_STORE_MAX + (int)i, FIRST_FD + (int)i) < 0)
			_exit(99);
		if (i)
			fill += (size_t)snprintf(names + fill, sizeof(names) - fill,
						 ":%s", loop->store.entries[i - 1].name);
		if (fill >= sizeof(names))
			_exit(99);
	}
	if (setenv("LISTEN_FDNAMES", names, 1) < 0)
		_exit(99);
	set_number("LISTEN_FDS", count + 1);
	set_number("LISTEN_PID", (unsigned int)getpid());
}

static void exec_daemon(const struct loop *loop)
{
	const struct daemon *daemon = loop->setup.daemon;
	const char *argv[ARGUMENTS_MAX + 4] = {
		loop->program, "--config", daemon->config,
	};
	const char *const *more = loop->setup.arguments;
	char notify[64];
	sigset_t none;
	int i, log;

	for (i = 0; more && more[i] && i < ARGUMENTS_MAX; i++)
		argv[i + 3] = more[i];
	log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	snprintf(notify, sizeof(notify), "%s/notify", daemon->dir);
	if (log < 0 || dup2(log, STDERR_FILENO) < 0 ||
	    dup2(log, STDOUT_FILENO) < 0 || setenv("NOTIFY_SOCKET", notify, 1) < 0)
		_exit(99);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("ASAN_OPTIONS", "detect_leaks=1:exitcode=97", 0);
	setenv("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=98", 0);
	pass_descriptors(loop);
	execv(argv[0], (char **)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(99);
}

static void start_daemon(struct loop *loop)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(99);
	if (pid == 0)
		exec_daemon(loop);
	loop->status.pid = pid;
	loop->status.ready = false;
	loop->status.starts++;
}

static void note_end(struct loop *loop, int status)
{
	/* What it said counts, though it is dead. */
	fd_store_read(&loop->store, loop->status.pid);
	loop->status.pid = 0;
	loop->status.ready = false;
	loop->last_status = status;
	if (WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0)
		return;
	loop->status.failures++;
	loop->status.failure = status;
}

static void reap(struct loop *loop)
{
	struct signalfd_siginfo info;
	int status;

	while (read(loop->deaths, &info, sizeof(info)) > 0)
		;
	if (!loop->status.pid ||
	    waitpid(loop->status.pid, &status, WNOHANG) != loop->status.pid)
		return;
	note_end(loop, status);
	if (!loop->pauses && !loop->stops && loop->status.failures < FAILURES_MAX)
		start_daemon(loop);
}

/* ---- commands ------------------------------------------------------------ */

static void kill_and_wait(struct loop *loop, int signal)
{
	int status;

	if (!loop->status.pid)
		return;
	kill(loop->status.pid, signal);
	if (waitpid(loop->status.pid, &status, 0) == loop->status.pid)
		note_end(loop, status);
}

static void obey(struct loop *loop, const struct supervisor_command *command)
{
	switch (command->op) {
	case SUPERVISOR_SIGNAL:
		if (loop->status.pid)
			kill(loop->status.pid, command->signal);
		break;
	case SUPERVISOR_PROGRAM:
		strcpy(loop->program, command->text[0] ? command->text :
						       loop->setup.program);
		break;
	case SUPERVISOR_PAUSE:
		loop->pauses = true;
		kill_and_wait(loop, SIGKILL);
		break;
	case SUPERVISOR_GO_ON:
		loop->pauses = false;
		if (!loop->status.pid)
			start_daemon(loop);
		break;
	case SUPERVISOR_STOP:
		loop->stops = true;
		kill_and_wait(loop, SIGTERM);
		/* Its own status, in place of the number of a failure. */
		loop->status.failure = loop->last_status;
		break;
	case SUPERVISOR_DROP:
		fd_store_drop(&loop->store, command->text);
		break;
	case SUPERVISOR_RENAME:
		fd_store_rename(&loop->store, command->text);
		break;
	case SUPERVISOR_LOSE:
		fd_store_lose(&loop->store, command->text);
		break;
	case SUPERVISOR_STATUS:
	case SUPERVISOR_STORED:
		break;
	}
}

static void answer(struct loop *loop)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct supervisor_command command;
	struct iovec part = { &loop->status, sizeof(loop->status) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fd = -1;

	if (recv(loop->setup.control, &command, sizeof(command), 0) !=
	    sizeof(command))
		_exit(0);
	obey(loop, &command);
	loop->status.stored = loop->store.count;
	loop->status.refused = loop->store.refused;
	loop->status.kept = loop->store.kept;
	if (command.op == SUPERVISOR_STORED)
		fd = fd_store_find(&loop->store, command.text);
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	}
	if (sendmsg(loop->setup.control, &message, MSG_NOSIGNAL) < 0)
		_exit(0);
}

/* ---- the loop ------------------------------------------------------------ */

static void turn(struct loop *loop)
{
	static struct pollfd polls[3 + FD_STORE_MAX];
	size_t count;

	polls[0] = (struct pollfd){ .fd = loop->store.notify, .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = loop->deaths, .events = POLLIN };
	polls[2] = (struct pollfd){ .fd = loop->setup.control, .events = POLLIN };
	count = fd_store_poll(&loop->store, polls + 3);
	if (poll(polls, 3 + count, -1) < 0 && errno != EINTR)
		_exit(99);
	/* Before the store changes under what poll() said of it. */
	fd_store_drop_ended(&loop->store, polls + 3);
	if (fd_store_read(&loop->store, loop->status.pid))
		loop->status.ready = true;
	reap(loop);
	if (polls[2].revents)
		answer(loop);
}

void supervisor_loop(const struct supervisor_setup *setup)
{
	static struct loop loop;
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	loop.setup = *setup;
	loop.store.notify = setup->notify;
	strcpy(loop.program, setup->program);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	loop.deaths = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop.deaths < 0)
		_exit(99);
	start_daemon(&loop);
	while (!loop.stops)
		turn(&loop);
	_exit(0);
}
