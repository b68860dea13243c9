// SPDX-License-Identifier: MIT
/*
 * carve_cancel() may run in a signal handler of the very thread that waits, so
 * it takes no lock and allocates nothing. What it needs, the socket and the id of
 * the request, is published by whoever makes the round trip.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "internal.h"

#define PAUSE_NSEC	1000000L

/*
 * No room: many were sent already, and one is enough. Any other failure is the
 * connection's, and the request is sent again on another one.
 */
static void send_cancel(int fd, uint64_t id, int flags)
{
	struct carve_wire_cancel cancel = {
		.header.bytes = sizeof(cancel),
		.header.type = CARVE_MSG_CANCEL,
		.request = id,
	};
	ssize_t sent;

	do
		sent = send(fd, &cancel, sizeof(cancel), MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
}

void carve_cancel_begin(struct carve *carve, uint64_t id)
{
	atomic_store(&carve->cancelling.waiting, id);
}

void carve_cancel_sent(struct carve *carve, uint64_t id)
{
	/* The daemon has forgotten a message that was there before its request. */
	if (atomic_load(&carve->cancelling.cancelled) == id)
		send_cancel(carve->fd, id, 0);
}

void carve_cancel_end(struct carve *carve)
{
	atomic_store(&carve->cancelling.waiting, 0);
}

void carve_cancel_stop(struct carve *carve)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NSEC };

	atomic_store(&carve->cancelling.fd, -1);
	/*
	 * They never wait, so there is nearly always nobody. Who is in there may be
	 * of lower priority, and would never come out if this thread only yielded.
	 */
	while (atomic_load(&carve->cancelling.users))
		nanosleep(&pause, NULL);
}

int carve_cancel(struct carve *carve)
{
	int before = errno, r = 0, fd;
	uint64_t id;

	if (!carve)
		return -EINVAL;
	atomic_fetch_add(&carve->cancelling.users, 1);
	id = atomic_load(&carve->cancelling.waiting);
	/*
	 * Noted before the socket is looked at: if there is none, or not this one
	 * any more, whoever sends the request again finds the note.
	 */
	if (id)
		atomic_store(&carve->cancelling.cancelled, id);
	fd = atomic_load(&carve->cancelling.fd);
	if (id && fd >= 0)
		send_cancel(fd, id, MSG_DONTWAIT);
	else if (fd < 0 && !id)
		r = -EPIPE;
	atomic_fetch_sub(&carve->cancelling.users, 1);
	errno = before;
	return r;
}
