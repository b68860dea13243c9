// SPDX-License-Identifier: MIT
/*
 * A connection: made, used for one round trip at a time, and given up for good
 * at the first sign that the peer has gone or is not what it should be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

/* Errors of sending alone: nothing was sent and nothing is lost. */
static bool harmless(int r)
{
	return r == -ENOMEM || r == -EBADF || r == -ETOOMANYREFS;
}

void carve_connection_fail_held(struct carve *carve)
{
	if (carve->fd < 0)
		return;
	carve_cancel_stop(carve);
	pthread_mutex_lock(&carve->told.lock);
	close(carve->fd);
	carve->fd = -1;
	carve_told_wake(carve);
	pthread_mutex_unlock(&carve->told.lock);
}

int carve_connection_fail(struct carve *carve)
{
	pthread_mutex_lock(&carve->lock);
	carve_connection_fail_held(carve);
	pthread_mutex_unlock(&carve->lock);
	return -EPROTO;
}

int carve_hold(struct carve *carve)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&carve->lock);
	return state;
}

void carve_let_go(struct carve *carve, int state)
{
	pthread_mutex_unlock(&carve->lock);
	pthread_setcancelstate(state, NULL);
}

/* Other messages than the reply may come before it. */
static int receive_reply(struct carve *carve,
			 const struct carve_wire_header *request,
			 struct carve_reply *ret)
{
	ssize_t length;
	int r;

	do {
		length = carve_wire_receive(carve->fd, 0, ret);
		r = length > 0 ? carve_told_keep(carve, ret, length) : 0;
	} while (r > 0);
	if (r == 0 && length > 0 && carve_wire_is_reply(ret, length, request))
		return 0;

	carve_reply_done(ret);
	/*
	 * The request is out: whatever receiving answers, a reply may still
	 * come, which the next request would take for its own.
	 */
	return length > 0 || length == -EPROTO ? -EPROTO : -ECONNRESET;
}

static bool may_wait(const struct carve_wire_header *request)
{
	return request->type == CARVE_MSG_ALLOC ||
	       request->type == CARVE_MSG_RESERVE;
}

static int round_trip(struct carve *carve, struct carve_wire_header *request,
		      int fd, struct carve_reply *ret)
{
	int r;

	ret->fd_count = 0;
	ret->fds_lost = false;
	request->status = 0;
	request->id = ++carve->last_id;
	if (may_wait(request))
		carve_cancel_begin(carve, request->id);
	r = carve_wire_send(carve->fd, request, fd);
	if (r == 0) {
		if (may_wait(request))
			carve_cancel_sent(carve, request->id);
		r = receive_reply(carve, request, ret);
	}
	carve_cancel_end(carve);
	return r;
}

int carve_call_held(struct carve *carve, struct carve_wire_header *request,
		    int fd, size_t fds, struct carve_reply *ret)
{
	int r;

	if (carve->fd < 0)
		return -EPIPE;

	r = round_trip(carve, request, fd, ret);
	if (r < 0) {
		if (!harmless(r))
			carve_connection_fail_held(carve);
		return r;
	}
	if (ret->header.status < 0)
		return ret->header.status;
	if (ret->fd_count == fds && !ret->fds_lost)
		return 0;

	carve_reply_done(ret);
	if (ret->fds_lost && fds)
		return -EMFILE;
	carve_connection_fail_held(carve);
	return -EPROTO;
}

int carve_call(struct carve *carve, struct carve_wire_header *request, int fd,
	       size_t fds, struct carve_reply *ret)
{
	int state = carve_hold(carve);
	int r = carve_call_held(carve, request, fd, fds, ret);

	carve_let_go(carve, state);
	return r;
}

static const char *default_path(void)
{
	const char *path = secure_getenv("CARVE_SOCKET");

	return path && *path ? path : CARVE_DEFAULT_SOCKET;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	do
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		/* A socket of another kind is not carved's. */
		r = errno == EPROTOTYPE ? -EPROTO : -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int hello(struct carve *carve)
{
	struct carve_wire_hello request = {
		.header.bytes = sizeof(request),
		.header.type = CARVE_MSG_HELLO,
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	struct carve_reply reply;
	int r;

	r = carve_call(carve, &request.header, -1, 0, &reply);
	if (r < 0)
		return r;
	if (reply.header.bytes != sizeof(reply.hello) || reply.hello.reserved ||
	    reply.hello.version != CARVE_WIRE_VERSION)
		return carve_connection_fail(carve);
	return 0;
}

int carve_new(struct carve **ret, const char *socket_path)
{
	struct carve *carve;
	int fd, r;

	if (!ret || (socket_path && !*socket_path))
		return -EINVAL;

	carve = calloc(1, sizeof(*carve));
	if (!carve)
		return -ENOMEM;
	fd = connect_to(socket_path ? socket_path : default_path());
	if (fd < 0) {
		free(carve);
		return fd;
	}
	carve->fd = fd;
	carve->cancelling.fd = fd;
	carve->told.poll_fd = carve->told.event_fd = -1;
	pthread_mutex_init(&carve->lock, NULL);
	pthread_mutex_init(&carve->told.lock, NULL);

	r = hello(carve);
	if (r < 0) {
		carve_free(carve);
		return r;
	}
	*ret = carve;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct carve *carve_free(struct carve *carve)
{
	if (!carve)
		return NULL;
	/* No lock is taken: in the child of a fork() one may be held for ever. */
	close_fd(carve->fd);
	close_fd(carve->told.poll_fd);
	close_fd(carve->told.event_fd);
	pthread_mutex_destroy(&carve->told.lock);
	pthread_mutex_destroy(&carve->lock);
	free(carve);
	return NULL;
}
