// SPDX-License-Identifier: MIT
/*
 * What the daemon says of its own accord: that somebody waits for memory. It may
 * come in the middle of a round trip, on another thread than the one that
 * dispatches; so it is kept beside the connection, and an eventfd says so.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

void carve_told_wake(struct carve *carve)
{
	if (carve->told.event_fd >= 0)
		eventfd_write(carve->told.event_fd, 1);
}

/* Return: the place of this region, a new one, or NULL when there is none left. */
static struct carve_pressure *place_of(struct carve_told *told,
				       const char *region)
{
	struct carve_pressure *pressure;

	for (size_t i = 0; i < told->count; i++)
		if (!strcmp(told->pressures[i].region, region))
			return &told->pressures[i];
	if (told->count == CARVE_WIRE_REGIONS_MAX)
		return NULL;
	pressure = &told->pressures[told->count++];
	*pressure = (struct carve_pressure){ .struct_size = sizeof(*pressure) };
	strcpy(pressure->region, region);
	return pressure;
}

int carve_told_keep(struct carve *carve, const struct carve_reply *message,
		    size_t length)
{
	const struct carve_wire_pressure *wire = &message->pressure;
	struct carve_told *told = &carve->told;
	struct carve_pressure *pressure = NULL;

	_Static_assert(sizeof(pressure->region) == sizeof(wire->region),
		       "header and wire");
	if (length < sizeof(wire->header) ||
	    wire->header.type != CARVE_MSG_PRESSURE)
		return 0;
	if (length != sizeof(*wire) || wire->header.bytes != length ||
	    wire->header.status || wire->header.id || message->fd_count ||
	    message->fds_lost || !wire->region[0] ||
	    !carve_wire_string_ok(wire->region, sizeof(wire->region)))
		return -EPROTO;

	pthread_mutex_lock(&told->lock);
	if (told->fn)
		pressure = place_of(told, wire->region);
	if (pressure) {
		pressure->wanted_bytes = wire->wanted_bytes;
		carve_told_wake(carve);
	}
	pthread_mutex_unlock(&told->lock);
	return 1;
}

int carve_watch_pressure(struct carve *carve, carve_pressure_fn fn, void *data)
{
	struct carve_wire_watch request = {
		.header.bytes = sizeof(request),
		.header.type = CARVE_MSG_WATCH,
		.flags = fn ? CARVE_WIRE_WATCH_PRESSURE : 0,
	};
	struct carve_told before, *told;
	struct carve_reply reply;
	int state, r;

	if (!carve)
		return -EINVAL;
	told = &carve->told;
	state = carve_hold(carve);
	/* Before it is asked for: it may come right behind the answer. */
	pthread_mutex_lock(&told->lock);
	before = *told;
	told->fn = fn;
	told->data = data;
	if (!fn)
		told->count = 0;
	pthread_mutex_unlock(&told->lock);

	r = carve_call_held(carve, &request.header, -1, 0, &reply);
	if (r == 0 && reply.header.bytes != sizeof(reply.header)) {
		carve_connection_fail_held(carve);
		r = -EPROTO;
	}
	if (r < 0) {
		pthread_mutex_lock(&told->lock);
		told->fn = before.fn;
		told->data = before.data;
		pthread_mutex_unlock(&told->lock);
	}
	carve_let_go(carve, state);
	return r;
}

static int add_to(int poll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_poll_fd(struct carve *carve)
{
	int poll_fd = epoll_create1(EPOLL_CLOEXEC);
	int event_fd = poll_fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = event_fd < 0 ? -errno : add_to(poll_fd, event_fd);

	if (r == 0 && carve->fd >= 0)
		r = add_to(poll_fd, carve->fd);
	if (r < 0) {
		if (event_fd >= 0)
			close(event_fd);
		if (poll_fd >= 0)
			close(poll_fd);
		return r == -ENOSPC ? -ENOMEM : r;
	}
	carve->told.poll_fd = poll_fd;
	carve->told.event_fd = event_fd;
	if (carve->fd < 0 || carve->told.count)
		carve_told_wake(carve);
	return 0;
}

int carve_get_fd(struct carve *carve)
{
	int r;

	if (!carve)
		return -EINVAL;
	pthread_mutex_lock(&carve->told.lock);
	r = carve->told.poll_fd < 0 ? make_poll_fd(carve) : 0;
	if (r == 0)
		r = carve->told.poll_fd;
	pthread_mutex_unlock(&carve->told.lock);
	return r;
}

/* Take in what is there; carve::lock is held. Return: 0; -EPIPE; -EPROTO. */
static int take_in(struct carve *carve)
{
	struct carve_reply message;
	ssize_t length;
	int r;

	if (carve->fd < 0)
		return -EPIPE;
	for (;;) {
		length = carve_wire_receive(carve->fd, MSG_DONTWAIT, &message);
		if (length == -EAGAIN)
			return 0;
		r = length > 0 ? carve_told_keep(carve, &message, length) : 0;
		if (r > 0)
			continue;
		carve_reply_done(&message);
		carve_connection_fail_held(carve);
		return length > 0 || length == -EPROTO ? -EPROTO : -EPIPE;
	}
}

/* Callbacks may do what they like, so they run under no lock. */
static int tell(struct carve *carve)
{
	struct carve_pressure pressures[CARVE_WIRE_REGIONS_MAX];
	struct carve_told *told = &carve->told;
	carve_pressure_fn fn;
	eventfd_t ignored;
	size_t count;
	void *data;

	pthread_mutex_lock(&told->lock);
	fn = told->fn;
	data = told->data;
	count = fn ? told->count : 0;
	memcpy(pressures, told->pressures, count * sizeof(pressures[0]));
	told->count = 0;
	/* A connection that is lost stays readable. */
	if (told->event_fd >= 0 && carve->fd >= 0)
		eventfd_read(told->event_fd, &ignored);
	pthread_mutex_unlock(&told->lock);

	for (size_t i = 0; i < count; i++)
		fn(&pressures[i], data);
	return (int)count;
}

int carve_dispatch(struct carve *carve)
{
	int state, told, r = 0;

	if (!carve)
		return -EINVAL;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	/* Held by a round trip? That one takes in what comes. */
	if (pthread_mutex_trylock(&carve->lock) == 0) {
		r = take_in(carve);
		pthread_mutex_unlock(&carve->lock);
	}
	pthread_setcancelstate(state, NULL);
	told = tell(carve);
	return told ? told : r;
}
