// SPDX-License-Identifier: MIT
#include "raw.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

union raw_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(RAW_FDS_MAX * sizeof(int))];
};

int raw_connect(const struct daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 2 * PATIENCE };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	/* What does not come is told, and not waited for. */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
				    sizeof(patience)), 0);
	strcpy(address.sun_path, daemon->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

int raw_client(const struct daemon *daemon)
{
	struct carve_wire_hello hello = {
		.header = { .bytes = sizeof(hello), .type = CARVE_MSG_HELLO },
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	struct carve_wire_hello_reply reply;
	int fd = raw_connect(daemon);

	assert_int_equal(raw_send(fd, &hello, sizeof(hello), -1, 0), 0);
	assert_int_equal(raw_receive(fd, &reply, sizeof(reply), PATIENCE * 1000),
			 sizeof(reply));
	assert_int_equal(reply.header.status, 0);
	return fd;
}

int raw_send(int socket, const void *packet, size_t bytes, int fd, size_t count)
{
	union raw_control control;
	struct iovec iov = { (void *)packet, bytes };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t i;

	if (count) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		for (i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fd,
			       sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int raw_request_buffer(int socket, uint64_t bytes, uint64_t alignment)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item item;
	} request = {
		.alloc.header = { .bytes = sizeof(request), .type = CARVE_MSG_ALLOC },
		.alloc.count = 1,
		.item = { .bytes = bytes, .alignment = alignment },
	};

	return raw_send(socket, &request, sizeof(request), -1, 0);
}

ssize_t raw_receive(int socket, void *packet, size_t bytes, int timeout_ms)
{
	struct pollfd pollfd = { .fd = socket, .events = POLLIN };
	union raw_control control;
	struct iovec iov = { packet, bytes };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *part;
	size_t i;
	ssize_t n;
	int fd;

	if (patient_poll(&pollfd, 1, timeout_ms) != 1)
		return -EAGAIN;
	n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : 0;
	for (part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
		for (i = 0; i < (part->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			close(fd);
		}
	}
	return n;
}

void raw_expect_hangup(int socket)
{
	char packet[CARVE_WIRE_MAX];

	assert_int_equal(raw_receive(socket, packet, sizeof(packet), PATIENCE * 1000), 0);
	close(socket);
}
