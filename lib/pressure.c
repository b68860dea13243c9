// SPDX-License-Identifier: MIT
/*
 * What the daemon says of its own accord: that somebody waits for memory. It may
 * come in the middle of a round trip, on another thread than the one that
 * dispatches; so it is kept beside the connection, and an eventfd says so.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

/* How long to leave a lost connection to another thread. */
#define BUSY_NSEC	50000000U

/* A daemon that does not stop talking is not to stop its client. */
#define TAKE_MAX	64

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
		carve_poll_wake(told);
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
		carve_link_break(carve);
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

/* What carve_dispatch() says of a connection that is not there. */
static int say_lost(struct carve *carve)
{
	uint64_t since = carve->link.lost_nsec;

	return carve_now_nsec() - since < carve_patience_nsec ? 0 : -EPIPE;
}

/* One step, which waits for nothing; the next one when poll_fd says so. */
static int connect_again(struct carve *carve)
{
	int r = carve_link_open(carve, false);

	if (r == 0)
		r = carve_link_hello(carve);
	if (r == 0) {
		carve_poll_retry_unsaid(carve);
		return 0;
	}
	/* Also sets the timer. */
	carve_link_lose(carve);
	return say_lost(carve);
}

/* Return: 0, said or not; -ECONNRESET. */
static int say_unsaid(struct carve *carve)
{
	int r;

	if (!carve->link.unsaid)
		return 0;
	r = carve_link_say_again(carve, MSG_DONTWAIT);
	if (r == 0 && !carve->link.unsaid) {
		pthread_mutex_lock(&carve->told.lock);
		carve_poll_calm(&carve->told);
		pthread_mutex_unlock(&carve->told.lock);
	}
	return r;
}

/* Take in what is there; carve::lock is held. Return: 0; -EPIPE; -EPROTO. */
static int take_in(struct carve *carve)
{
	struct carve_reply message;
	ssize_t length;
	bool greeting;
	int r;

	if (carve->link.stage == CARVE_STAGE_BROKEN)
		return -EPIPE;
	if (carve->link.stage == CARVE_STAGE_NONE) {
		r = connect_again(carve);
		if (carve->link.stage == CARVE_STAGE_NONE)
			return r;
	}
	if (say_unsaid(carve) < 0) {
		carve_link_lose(carve);
		return say_lost(carve);
	}
	for (int i = 0; i < TAKE_MAX; i++) {
		length = carve_wire_receive(carve->fd, MSG_DONTWAIT, &message);
		if (length == -EAGAIN) {
			carve_poll_retry_unsaid(carve);
			return carve->link.lost_nsec ? say_lost(carve) : 0;
		}
		r = length > 0 ? carve_told_keep(carve, &message, length) : -ECONNRESET;
		if (r == 0)
			r = carve_link_take(carve, &message, length, MSG_DONTWAIT);
		if (r > 0)
			continue;
		carve_reply_done(&message);
		if (r == 0 || r == -EPROTO || length == -EPROTO) {
			carve_link_break(carve);
			return -EPROTO;
		}
		/* Who hangs up on greetings would keep the event loop busy. */
		greeting = carve->link.stage != CARVE_STAGE_READY;
		carve_link_lose(carve);
		return greeting ? say_lost(carve) : connect_again(carve);
	}
	/* poll_fd stays readable for what is left. */
	carve_poll_retry_unsaid(carve);
	return carve->link.lost_nsec ? say_lost(carve) : 0;
}

/* Return: whether there was a loss that nobody has been told of. */
static bool take_loss(struct carve_told *told)
{
	bool lost;

	pthread_mutex_lock(&told->lock);
	lost = told->lost;
	told->lost = false;
	pthread_mutex_unlock(&told->lock);
	return lost;
}

/* A round trip on another thread is at it: look again later. */
static void leave_to_other(struct carve_told *told)
{
	uint64_t ignored;

	pthread_mutex_lock(&told->lock);
	if (told->timer_fd >= 0 &&
	    read(told->timer_fd, &ignored, sizeof(ignored)) > 0)
		carve_poll_retry(told, BUSY_NSEC);
	pthread_mutex_unlock(&told->lock);
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
	/* A connection that is broken stays readable. */
	if (told->event_fd >= 0 && !told->broken && !told->lost)
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
	} else {
		leave_to_other(&carve->told);
	}
	pthread_setcancelstate(state, NULL);
	/* What else there is, is for the next call. */
	if (take_loss(&carve->told))
		return -ESTALE;
	told = tell(carve);
	return told ? told : r;
}
