// SPDX-License-Identifier: MIT
/* A client that hands its buffers on and dies, and the process that gets them. */
#include "crash-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static bool send_held(int socket, const struct crash_held *held, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct crash_held copy = *held;
	struct iovec part = { &copy, sizeof(copy) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof(copy);
}

static bool receive_held(int socket, struct crash_held *held, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { held, sizeof(*held) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(*held))
		return false;
	memcpy(ret_fd, CMSG_DATA(&control.align), sizeof(int));
	return true;
}

void crash_forward(struct crash_self *self)
{
	struct crash_held *held = &self->worker->held[0];
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	char name[32];
	int r;

	crash_name(self, name, sizeof(name));
	request.bytes = PAGE * (1 + crash_below(self, 16));
	request.name = name;
	r = CRASH_CALL(self, "allocate to forward",
		       carve_alloc(self->carve, &request, &buffer));
	if (r < 0) {
		crash_fail(self, "allocate to forward", r);
		return;
	}
	crash_keep(self, 0, CRASH_ROOMY, buffer, name);
	if (!held->id)
		return;
	/* From here on it is in flight, and nobody's. */
	crash_disown(self, held);
	if (!send_held(self->mates[0], held, carve_buffer_get_fd(buffer)))
		crash_fail(self, "forward", -errno);
	else
		atomic_fetch_add(&self->worker->sent, 1);
	self->buffers[0] = NULL;
	atomic_store(&held->id, 0);
	carve_buffer_unref(buffer);
	if (crash_below(self, 64) == 0)
		_exit(0);
	sleep_ms((int)crash_below(self, 4));
}

static const struct crash_worker *sender(const struct crash_world *world)
{
	unsigned int i = 0;

	while (world->workers[i].role != CRASH_FORWARD)
		i++;
	return &world->workers[i];
}

static bool take_in(struct crash_self *self)
{
	struct crash_held came, *held;
	int place = crash_place(self), fd;

	if (place < 0) {
		place = crash_any(self);
		crash_drop(self, place);
	}
	if (!receive_held(self->mates[1], &came, &fd))
		return false;
	held = &self->worker->held[place];
	held->mark = came.mark;
	held->offset = came.offset;
	held->bytes = came.bytes;
	held->region = came.region;
	memcpy(held->name, came.name, sizeof(held->name));
	self->fds[place] = fd;
	atomic_store(&held->id, came.id);
	crash_own(self, held);
	crash_look(self, place);
	atomic_fetch_add(&self->worker->sent, 1);
	return true;
}

bool crash_receive_all(struct crash_self *self)
{
	const struct crash_worker *from = sender(self->world);
	bool stands = from->parked;

	while (take_in(self))
		;
	return stands && from->sent == self->worker->sent;
}

void crash_receive(struct crash_self *self)
{
	int place;

	while (take_in(self))
		;
	place = crash_any(self);
	if (place >= 0 && crash_below(self, 2))
		crash_drop(self, place);
	sleep_ms(1);
}
