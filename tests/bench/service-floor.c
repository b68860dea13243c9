// SPDX-License-Identifier: MIT
/*
 * Two processes, one SEQPACKET socketpair, one request answered with one fresh
 * memfd: what no service that hands out descriptors can be faster than.
 */
#include "service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct floor {
	int socket;
	pid_t server;
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void answer(int socket, int fd)
{
	char reply[40] = "";
	union control control = { 0 };
	struct iovec iov = { reply, sizeof(reply) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (sendmsg(socket, &msg, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void serve(int socket)
{
	char request[200];

	while (recv(socket, request, sizeof(request), 0) > 0) {
		int fd = memfd_create("floor", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		if (fd < 0 || ftruncate(fd, getpagesize()) < 0)
			_exit(1);
		answer(socket, fd);
		close(fd);
	}
	_exit(0);
}

struct floor *floor_new(void)
{
	struct floor *floor = malloc(sizeof(*floor));
	int sockets[2];

	if (!floor || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				 sockets) < 0)
		die("no socketpair");
	fflush(NULL);
	floor->server = fork();
	if (floor->server < 0)
		die("no process");
	if (!floor->server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sockets[0]);
		serve(sockets[1]);
	}
	close(sockets[1]);
	floor->socket = sockets[0];
	return floor;
}

void floor_free(struct floor *floor)
{
	close(floor->socket);
	waitpid(floor->server, NULL, 0);
	free(floor);
}

pid_t floor_server(const struct floor *floor)
{
	return floor->server;
}

/* As long as libcarve's own request and reply. */
static int ask(int socket)
{
	char request[176] = "", reply[40];
	union control control;
	struct iovec iov = { reply, sizeof(reply) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (send(socket, request, sizeof(request), MSG_NOSIGNAL) < 0 ||
	    recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != sizeof(reply) ||
	    !CMSG_FIRSTHDR(&msg))
		die("the floor's server does not answer");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

void floor_cycle(struct floor *floor, size_t count, struct samples *samples)
{
	while (count--) {
		double start = now_nsec();

		close(ask(floor->socket));
		if (samples)
			samples_add(samples, now_nsec() - start);
	}
}
