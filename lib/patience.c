// SPDX-License-Identifier: MIT
/*
 * Waiting for the daemon to come back. A call holds the connection meanwhile, in
 * a thread that cannot be cancelled, so there is a limit.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "internal.h"

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

/* Between two tries, for who waits. */
#define PAUSE_MIN_NSEC	NSEC_PER_MSEC
#define PAUSE_MAX_NSEC	(50 * NSEC_PER_MSEC)
/* The same for who has given up waiting, but may be called when it is back. */
#define PAUSE_IDLE_NSEC	NSEC_PER_SEC

uint64_t carve_patience_nsec = 5 * NSEC_PER_SEC;

uint64_t carve_now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec + 1;
}

/* As long as it took so far: each pause doubles that. */
uint64_t carve_pause_nsec(uint64_t since_nsec)
{
	uint64_t elapsed = carve_now_nsec() - since_nsec;

	if (elapsed >= carve_patience_nsec)
		return PAUSE_IDLE_NSEC;
	if (elapsed < PAUSE_MIN_NSEC)
		return PAUSE_MIN_NSEC;
	return elapsed < PAUSE_MAX_NSEC ? elapsed : PAUSE_MAX_NSEC;
}

/* From now on, if it was not before, there is no connection. */
static void begin(struct carve_patience *patience)
{
	if (!patience->until_nsec)
		patience->until_nsec = carve_now_nsec() + patience->left_nsec;
}

/* Return: 0; -ECONNRESET (it was too long). */
static int pause_until_next(const struct carve_patience *patience)
{
	uint64_t since = patience->until_nsec - patience->left_nsec;
	uint64_t until = carve_now_nsec() + carve_pause_nsec(since);
	struct timespec at;

	if (carve_now_nsec() >= patience->until_nsec)
		return -ECONNRESET;
	if (until > patience->until_nsec)
		until = patience->until_nsec;
	at.tv_sec = (time_t)(until / NSEC_PER_SEC);
	at.tv_nsec = (long)(until % NSEC_PER_SEC);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
	return 0;
}

/*
 * Until there is something to read on a socket that was made to replace another.
 * What was there from the beginning, or was kept, is waited for without limit: who
 * keeps it means to answer.
 *
 * Return: 0; -ECONNRESET (it was too long).
 */
static int wait_readable(const struct carve *carve,
			 const struct carve_patience *patience)
{
	struct pollfd pollfd = { .fd = carve->fd, .events = POLLIN };
	int r;

	if (!carve->link.again)
		return 0;
	do {
		uint64_t now = carve_now_nsec(), left;
		struct timespec timeout;

		if (now >= patience->until_nsec)
			return -ECONNRESET;
		left = patience->until_nsec - now;
		timeout.tv_sec = (time_t)(left / NSEC_PER_SEC);
		timeout.tv_nsec = (long)(left % NSEC_PER_SEC);
		r = ppoll(&pollfd, 1, &timeout, NULL);
	} while (r == 0 || (r < 0 && errno == EINTR));
	return r < 0 ? -ECONNRESET : 0;
}

/* Take one message. Return: 1 (a step was taken); as carve_link_take(). */
static int take_step(struct carve *carve, const struct carve_patience *patience,
		     struct carve_reply *message)
{
	ssize_t length;
	int r = wait_readable(carve, patience);

	if (r < 0)
		return r;
	length = carve_wire_receive(carve->fd, 0, message);
	if (length <= 0) {
		carve_reply_done(message);
		return length == -EPROTO ? -EPROTO : -ECONNRESET;
	}
	r = carve_told_keep(carve, message, length);
	if (r == 0)
		r = carve_link_take(carve, message, length, 0);
	if (r <= 0)
		carve_reply_done(message);
	return r ? r : -EPROTO;
}

/* Return: 0; -EAGAIN (it is unsaid still); -ECONNRESET. */
static int say_unsaid(struct carve *carve, struct carve_patience *patience)
{
	int r;

	if (!carve->link.unsaid)
		return 0;
	r = carve_link_say_again(carve, 0);
	if (r < 0 || !carve->link.unsaid)
		return r;
	begin(patience);
	return -EAGAIN;
}

static int make_ready(struct carve *carve, struct carve_patience *patience,
		      struct carve_reply *message)
{
	struct carve_link *link = &carve->link;
	int r = 0;

	while (link->stage != CARVE_STAGE_READY) {
		if (link->stage == CARVE_STAGE_BROKEN)
			return -EPIPE;
		if (link->again)
			begin(patience);
		if (link->stage == CARVE_STAGE_NONE) {
			r = carve_link_open(carve, false);
			if (r == 0)
				r = carve_link_hello(carve);
		}
		if (link->stage != CARVE_STAGE_NONE && r >= 0)
			r = say_unsaid(carve, patience);
		if (r == -EAGAIN && link->unsaid) {
			r = pause_until_next(patience);
			if (r < 0)
				return r;
			continue;
		}
		if (link->stage != CARVE_STAGE_NONE && r >= 0)
			r = take_step(carve, patience, message);
		if (r >= 0)
			continue;
		if (r == -EPROTO && carve->fd >= 0) {
			carve_link_break(carve);
			return r;
		}
		carve_link_lose(carve);
		if (r == -EPROTONOSUPPORT)
			return r;
		begin(patience);
		r = pause_until_next(patience);
		if (r < 0)
			return r;
	}
	return 0;
}

int carve_link_ready(struct carve *carve, struct carve_patience *patience,
		     struct carve_reply *message)
{
	uint64_t now;
	int r;

	if (carve->link.stage == CARVE_STAGE_READY)
		return 0;
	r = make_ready(carve, patience, message);
	if (r == 0 && patience->until_nsec) {
		now = carve_now_nsec();
		patience->left_nsec = patience->until_nsec > now ?
				      patience->until_nsec - now : 0;
		patience->until_nsec = 0;
	}
	return r;
}
