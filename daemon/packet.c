// SPDX-License-Identifier: MIT
#include "packet.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol.h"

/*
 * SIOCOUTQ counts what unread packets weigh in kernel memory, hundreds of
 * bytes each. The kernel wakes a writer while the last byte of a packet being
 * freed is still counted (sock_wfree), so a few bytes mean nothing is unread.
 */
#define OUTQ_NOISE_BYTES	64

/* Close all descriptors of a control message but the first one ever seen. */
static void take_fds(struct cmsghdr *cmsg, struct carve_packet *packet)
{
	size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
		if (packet->fd < 0) {
			packet->fd = fd;
		} else {
			close(fd);
			packet->cut = true;
		}
	}
}

static void read_control(struct msghdr *msg, struct carve_packet *packet)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_RIGHTS)
			take_fds(cmsg, packet);
		else
			packet->cut = true;
	}
	/* Not even the first one: that is not the peer's fault. */
	if (msg->msg_flags & MSG_CTRUNC) {
		packet->no_room = packet->fd < 0;
		packet->cut |= !packet->no_room;
	}
	if (packet->cut && packet->fd >= 0) {
		close(packet->fd);
		packet->fd = -1;
	}
}

int carve_packet_receive(int socket, void *buffer, size_t size,
			 struct carve_packet *ret)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(CARVE_PACKET_FDS_IN * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct carve_packet packet = { .fd = -1 };
	ssize_t bytes;

	do {
		bytes = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_TRUNC |
						     MSG_CMSG_CLOEXEC);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return -errno;

	read_control(&msg, &packet);
	if (bytes == 0) {
		/* The end, or an empty packet: no peer of ours sends one. */
		if (packet.fd >= 0)
			close(packet.fd);
		return -EPIPE;
	}
	packet.bytes = (size_t)bytes;
	*ret = packet;
	return 0;
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

bool carve_packet_all_read(int socket)
{
	int bytes;

	if (ioctl(socket, SIOCOUTQ, &bytes) < 0)
		return false;
	return bytes < OUTQ_NOISE_BYTES;
}
