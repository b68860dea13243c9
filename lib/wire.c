// SPDX-License-Identifier: MIT
/*
 * Messages on the socket. The peer is not trusted: whatever does not look
 * exactly as protocol.h says ends in -EPROTO, with every descriptor closed.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

#define ERRNO_MAX	4095	/* as in the kernel */

/* No padding anywhere: what is compared and copied is exactly what is declared. */
_Static_assert(sizeof(struct carve_wire_header) == 16, "wire");
_Static_assert(sizeof(struct carve_wire_hello) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_hello_reply) == 56, "wire");
_Static_assert(sizeof(struct carve_wire_epoch) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_resume) == 48, "wire");
_Static_assert(sizeof(struct carve_wire_resume_reply) == 48, "wire");
_Static_assert(sizeof(struct carve_wire_alloc_item) == 104, "wire");
_Static_assert(sizeof(struct carve_wire_alloc) == 72, "wire");
_Static_assert(sizeof(struct carve_wire_alloc_result) == 16, "wire");
_Static_assert(sizeof(struct carve_wire_alloc_reply) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_refusal) == 112, "wire");
_Static_assert(sizeof(struct carve_wire_region) == 104, "wire");
_Static_assert(sizeof(struct carve_wire_holder) == 88, "wire");
_Static_assert(sizeof(struct carve_wire_class) == 40, "wire");
_Static_assert(sizeof(struct carve_wire_reserve) == 104, "wire");
_Static_assert(sizeof(struct carve_wire_reserve_reply) == 40, "wire");
_Static_assert(sizeof(struct carve_wire_reservations) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_reservation) == 112, "wire");
_Static_assert(sizeof(struct carve_wire_reservations_reply) == 32, "wire");
_Static_assert(sizeof(struct carve_wire_watch) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_cancel) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_pressure) == 56, "wire");
_Static_assert(sizeof(struct carve_wire_regions_reply) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_list) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_buffer) == 136, "wire");
_Static_assert(sizeof(struct carve_wire_list_reply) == 32, "wire");
_Static_assert(sizeof(struct carve_wire_query_reply) == 152, "wire");

void carve_reply_done(struct carve_reply *reply)
{
	for (size_t i = 0; i < reply->fd_count; i++)
		if (reply->fds[i] >= 0)
			close(reply->fds[i]);
	reply->fd_count = 0;
}

bool carve_wire_string_ok(const char *string, size_t size)
{
	return memchr(string, '\0', size) != NULL;
}

int carve_wire_send(int socket, const struct carve_wire_header *request, int fd,
		    int flags)
{
	struct iovec iov = {
		.iov_base = (void *)request,
		.iov_len = request->bytes,
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}

	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == ENOBUFS ? -ENOMEM : -errno;
	return 0;
}

/* Take the descriptors out of the control data of a received message. */
static void take_fds(struct msghdr *msg, struct carve_reply *reply)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t count;

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > CARVE_MESSAGE_FDS - reply->fd_count)
			count = CARVE_MESSAGE_FDS - reply->fd_count;
		memcpy(reply->fds + reply->fd_count, CMSG_DATA(cmsg),
		       count * sizeof(int));
		reply->fd_count += count;
	}
}

ssize_t carve_wire_receive(int socket, int flags, struct carve_reply *reply)
{
	struct iovec iov = {
		.iov_base = reply->raw,
		.iov_len = sizeof(reply->raw),
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CARVE_MESSAGE_FDS)];
	} control;
	struct msghdr msg;
	bool reset = false;
	ssize_t length;

	reply->fd_count = 0;
	reply->fds_lost = false;
	for (;;) {
		msg = (struct msghdr) {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		length = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | flags);
		if (length >= 0)
			break;
		if (errno == EINTR)
			continue;
		/*
		 * The kernel tells of the reset before it hands out what the
		 * daemon still wrote; asked again, it gives the reply.
		 */
		if (errno == ECONNRESET && !reset) {
			reset = true;
			continue;
		}
		return -errno;
	}

	take_fds(&msg, reply);
	/*
	 * There is room for as many descriptors as a message can carry, so the
	 * peer cannot cause this: the table of this process is full.
	 */
	reply->fds_lost = msg.msg_flags & MSG_CTRUNC;
	if (msg.msg_flags & MSG_TRUNC)
		return -EPROTO;
	return length;
}

bool carve_wire_is_reply(const struct carve_reply *reply, size_t length,
			 const struct carve_wire_header *request)
{
	const struct carve_wire_header *header = &reply->header;

	if (length < sizeof(*header) || header->bytes != length)
		return false;
	if (header->type != request->type || header->id != request->id)
		return false;
	if (header->status == 0)
		return true;
	if (header->status > 0 || header->status < -ERRNO_MAX)
		return false;

	/* How long its list is, is checked with its contents. */
	if (carve_refusal_is_one(header))
		return length >= sizeof(struct carve_wire_refusal) &&
		       !reply->fd_count && !reply->fds_lost;
	return length == sizeof(*header) && !reply->fd_count && !reply->fds_lost;
}
