// SPDX-License-Identifier: MIT
#include "packet.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard.h"
#include "protocol.h"

/*
 * SIOCOUTQ counts what unread packets weigh in kernel memory, hundreds of
 * bytes each. The kernel wakes a writer while the last byte of a packet being
 * freed is still counted (sock_wfree), so a few bytes mean nothing is unread.
 */
#define OUTQ_NOISE_BYTES	64

static void read_control(struct msghdr *msg, struct carve_packet *packet)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);

		/* One alone: the kernel puts all descriptors into it. */
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_RIGHTS && !packet->fd_count &&
		    bytes <= sizeof(packet->fds)) {
			memcpy(packet->fds, CMSG_DATA(cmsg), bytes);
			packet->fd_count = bytes / sizeof(int);
		} else {
			packet->cut = true;
		}
	}
	/* Not even the first one: that is not the peer's fault. */
	if (msg->msg_flags & MSG_CTRUNC) {
		packet->no_room = !packet->fd_count;
		packet->cut |= !packet->no_room;
	}
}

static ssize_t receive(int socket, struct msghdr *msg)
{
	ssize_t bytes;

	do {
		bytes = recvmsg(socket, msg, MSG_DONTWAIT | MSG_TRUNC |
						     MSG_CMSG_CLOEXEC);
	} while (bytes < 0 && errno == EINTR);
	return bytes < 0 ? -errno : bytes;
}

int carve_packet_receive(int socket, void *buffer, size_t size, bool want_fds,
			 struct carve_packet *ret)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(CARVE_PACKET_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t bytes;

	ret->fd_count = 0;
	ret->cut = ret->no_room = false;
	if (want_fds) {
		/* For all there can be: none is dropped in there. */
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		bytes = receive(socket, &msg);
	} else {
		carve_guard_begin();
		bytes = receive(socket, &msg);
		carve_guard_end();
	}
	if (bytes < 0)
		return (int)bytes;

	read_control(&msg, ret);
	ret->bytes = (size_t)bytes;
	/* The end, or an empty packet: no peer of ours sends one. */
	return bytes ? 0 : -EPIPE;
}

int carve_packet_send(int socket, const void *data, size_t bytes,
		      const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(CARVE_WIRE_ALLOC_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)data, .iov_len = bytes };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	for (;;) {
		if (sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

size_t carve_packet_weight(size_t bytes)
{
	static const char zeros[CARVE_WIRE_MAX];
	size_t weight = 0;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	if (carve_packet_send(pair[0], zeros, bytes, NULL, 0) == 0)
		weight = carve_packet_unread(pair[0]);
	close(pair[0]);
	close(pair[1]);
	return weight;
}

size_t carve_packet_unread(int socket)
{
	int bytes;

	return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? SIZE_MAX : (size_t)bytes;
}

bool carve_packet_all_read(int socket)
{
	return carve_packet_unread(socket) < OUTQ_NOISE_BYTES;
}
