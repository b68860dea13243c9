// SPDX-License-Identifier: MIT
/*
 * What is said on the way to the daemon: HELLO on a new socket; RESUME, as who this
 * client was before, on a new socket and whenever another daemon serves the old
 * one; then what the daemon does not know: which answer nobody heard, what was given
 * back meanwhile, and WATCH.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

/*
 * To leave a socket is to lose what was reserved through it, so that there is no
 * room at the moment is no reason.
 *
 * Return: 0; -ECONNRESET: what cannot be said here is said on another socket.
 */
static int say_as(struct carve *carve, enum carve_stage stage,
		  const struct carve_wire_header *header, int flags)
{
	struct carve_link *link = &carve->link;
	int r;

	link->stage = stage;
	link->asked = header->id;
	r = carve_wire_send(carve->fd, header, -1, flags);
	link->unsaid = r == -ENOMEM || r == -EAGAIN;
	return r == 0 || link->unsaid ? 0 : -ECONNRESET;
}

static int say(struct carve *carve, enum carve_stage stage,
	       struct carve_wire_header *header, int flags)
{
	header->id = ++carve->last_id;
	return say_as(carve, stage, header, flags);
}

static int say_hello(struct carve *carve, int flags)
{
	struct carve_wire_hello hello = {
		.header.bytes = sizeof(hello),
		.header.type = CARVE_MSG_HELLO,
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};

	return say(carve, CARVE_STAGE_HELLO, &hello.header, flags);
}

int carve_link_hello(struct carve *carve)
{
	return say_hello(carve, MSG_DONTWAIT);
}

/* To a daemon that has not answered HELLO this client is nobody. */
static int say_resume(struct carve *carve, int flags)
{
	struct carve_link *link = &carve->link;
	struct carve_wire_resume resume = {
		.header.bytes = sizeof(resume),
		.header.type = CARVE_MSG_RESUME,
		.epoch = link->epoch,
	};

	if (link->greeted) {
		resume.client = link->client;
		memcpy(resume.secret, link->secret, sizeof(resume.secret));
	}
	return say(carve, CARVE_STAGE_RESUME, &resume.header, flags);
}

/*
 * What was granted by a request of this id, is told behind RESUME whatever else the
 * request says; this one says nothing that could be granted.
 */
static int say_unheard(struct carve *carve, int flags)
{
	struct carve_wire_reserve reserve = {
		.header.bytes = sizeof(reserve),
		.header.type = CARVE_MSG_RESERVE,
		.header.id = carve->link.unheard.id,
	};

	return say_as(carve, CARVE_STAGE_UNHEARD, &reserve.header, flags);
}

static int say_give_back(struct carve *carve, int flags)
{
	struct carve_link *link = &carve->link;
	struct carve_wire_reserve reserve = {
		.header.bytes = sizeof(reserve),
		.header.type = CARVE_MSG_RESERVE,
		.reservation = link->owed[link->owed_count - 1],
	};

	return say(carve, CARVE_STAGE_GIVE_BACK, &reserve.header, flags);
}

static int say_watch(struct carve *carve, int flags)
{
	struct carve_wire_watch watch = {
		.header.bytes = sizeof(watch),
		.header.type = CARVE_MSG_WATCH,
		.flags = CARVE_WIRE_WATCH_PRESSURE,
	};

	return say(carve, CARVE_STAGE_WATCH, &watch.header, flags);
}

int carve_link_say_again(struct carve *carve, int flags)
{
	switch (carve->link.stage) {
	case CARVE_STAGE_HELLO:
		return say_hello(carve, flags);
	case CARVE_STAGE_RESUME:
		return say_resume(carve, flags);
	case CARVE_STAGE_UNHEARD:
		return say_unheard(carve, flags);
	case CARVE_STAGE_GIVE_BACK:
		return say_give_back(carve, flags);
	case CARVE_STAGE_WATCH:
		return say_watch(carve, flags);
	default:
		return -ECONNRESET;
	}
}

void carve_link_owe(struct carve *carve)
{
	struct carve_link *link = &carve->link;

	if (link->stage != CARVE_STAGE_READY)
		return;
	link->stage = link->unheard.id ? CARVE_STAGE_UNHEARD :
					 CARVE_STAGE_GIVE_BACK;
	link->unsaid = true;
	carve_poll_retry_unsaid(carve);
}

/* ---- answers ------------------------------------------------------------- */

/* Where carve_cancel() sends to is told only now: no CANCEL before HELLO. */
static int be_ready(struct carve *carve)
{
	struct carve_link *link = &carve->link;

	link->stage = CARVE_STAGE_READY;
	link->again = link->watch = false;
	link->lost_nsec = 0;
	atomic_store(&carve->cancelling.fd, carve->fd);
	pthread_mutex_lock(&carve->told.lock);
	carve_poll_calm(&carve->told);
	pthread_mutex_unlock(&carve->told.lock);
	return 0;
}

/* What else has to be said? */
static int go_on(struct carve *carve, int flags)
{
	bool watches;

	if (carve->link.unheard.id)
		return say_unheard(carve, flags);
	if (carve->link.owed_count)
		return say_give_back(carve, flags);
	pthread_mutex_lock(&carve->told.lock);
	watches = carve->told.fn;
	pthread_mutex_unlock(&carve->told.lock);
	return carve->link.watch && watches ? say_watch(carve, flags) :
					      be_ready(carve);
}

static void be_client(struct carve_link *link, uint64_t client,
		      const uint8_t *secret)
{
	link->client = client;
	memcpy(link->secret, secret, sizeof(link->secret));
}

static int take_hello(struct carve *carve,
		      const struct carve_wire_hello_reply *reply, int flags)
{
	struct carve_link *link = &carve->link;

	if (reply->header.bytes != sizeof(*reply) || reply->reserved ||
	    reply->version != CARVE_WIRE_VERSION || !reply->client)
		return -EPROTO;
	link->greeted = true;
	link->epoch = reply->epoch;
	if (link->client)
		return say_resume(carve, flags);
	be_client(link, reply->client, reply->secret);
	return be_ready(carve);
}

/* What reservations there were, are no more; who has any has to hear of it. */
static void lose_all(struct carve *carve)
{
	struct carve_link *link = &carve->link;

	link->generation++;
	link->watch = true;
	link->owed_count = 0;
	link->unheard = (struct carve_unheard){ 0 };
	if (!link->reservations)
		return;
	link->reservations = 0;
	pthread_mutex_lock(&carve->told.lock);
	carve->told.lost = true;
	carve_poll_wake(&carve->told);
	pthread_mutex_unlock(&carve->told.lock);
}

static int take_resume(struct carve *carve,
		       const struct carve_wire_resume_reply *reply, int flags)
{
	struct carve_link *link = &carve->link;

	if (reply->header.bytes != sizeof(*reply) || reply->reserved ||
	    reply->flags & ~CARVE_WIRE_RESUME_LOST ||
	    !reply->client == link->greeted)
		return -EPROTO;
	if (!link->greeted)
		return say_hello(carve, flags);
	be_client(link, reply->client, reply->secret);
	if (reply->flags & CARVE_WIRE_RESUME_LOST)
		lose_all(carve);
	return go_on(carve, flags);
}

/* A negative status: it was not granted, or has gone already. */
static int take_unheard(struct carve *carve,
			const struct carve_wire_reserve_reply *reply, int flags)
{
	struct carve_link *link = &carve->link;
	struct carve_unheard unheard = link->unheard;
	int r = 0;

	if (reply->header.status == 0) {
		if (reply->header.bytes < sizeof(*reply) || reply->reserved ||
		    !reply->reservation || !reply->count ||
		    reply->count > CARVE_WIRE_CLASSES_MAX ||
		    reply->header.bytes != sizeof(*reply) +
			reply->count * sizeof(reply->classes[0]))
			return -EPROTO;
		if (unheard.changed)
			r = carve_reservation_heard(unheard.changed, reply);
		else if (link->owed_count < CARVE_OWED_MAX)
			link->owed[link->owed_count++] = reply->reservation;
	}
	link->unheard = (struct carve_unheard){ 0 };
	return r < 0 ? r : go_on(carve, flags);
}

/* What is gone already is as good as given back. */
static int take_give_back(struct carve *carve,
			  const struct carve_wire_header *header, int flags)
{
	if (header->status == 0 &&
	    header->bytes != sizeof(struct carve_wire_reserve_reply))
		return -EPROTO;
	carve->link.owed_count--;
	return go_on(carve, flags);
}

static int take_answer(struct carve *carve, const struct carve_reply *message,
		       int flags)
{
	int status = message->header.status;

	if (carve->link.stage == CARVE_STAGE_UNHEARD)
		return take_unheard(carve, &message->reserve, flags);
	if (carve->link.stage == CARVE_STAGE_GIVE_BACK)
		return take_give_back(carve, &message->header, flags);
	if (status)
		return status == -EPROTONOSUPPORT ? status : -ECONNRESET;
	switch (carve->link.stage) {
	case CARVE_STAGE_HELLO:
		return take_hello(carve, &message->hello, flags);
	case CARVE_STAGE_RESUME:
		return take_resume(carve, &message->resume, flags);
	default:
		return message->header.bytes == sizeof(message->header) ?
			be_ready(carve) : -EPROTO;
	}
}

static int take_epoch(struct carve *carve, const struct carve_reply *message,
		      size_t length, int flags)
{
	const struct carve_wire_epoch *epoch = &message->epoch;

	if (length != sizeof(*epoch) || epoch->header.bytes != length ||
	    epoch->header.id || epoch->header.status || message->fd_count ||
	    message->fds_lost || !epoch->epoch ||
	    epoch->epoch == carve->link.epoch)
		return -EPROTO;
	carve->link.epoch = epoch->epoch;
	return say_resume(carve, flags);
}

int carve_link_take(struct carve *carve, const struct carve_reply *message,
		    size_t length, int flags)
{
	static const uint16_t types[] = {
		[CARVE_STAGE_HELLO] = CARVE_MSG_HELLO,
		[CARVE_STAGE_RESUME] = CARVE_MSG_RESUME,
		[CARVE_STAGE_UNHEARD] = CARVE_MSG_RESERVE,
		[CARVE_STAGE_GIVE_BACK] = CARVE_MSG_RESERVE,
		[CARVE_STAGE_WATCH] = CARVE_MSG_WATCH,
	};
	struct carve_wire_header asked = { .id = carve->link.asked };

	if (length >= sizeof(asked) && message->header.type == CARVE_MSG_EPOCH)
		return take_epoch(carve, message, length, flags) ?: 1;
	if (carve->link.stage == CARVE_STAGE_READY)
		return 0;

	asked.type = types[carve->link.stage];
	if (!carve_wire_is_reply(message, length, &asked) ||
	    message->fd_count || message->fds_lost)
		return -EPROTO;
	return take_answer(carve, message, flags) ?: 1;
}
