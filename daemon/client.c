// SPDX-License-Identifier: MIT
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cancel.h"
#include "closer.h"
#include "guard.h"
#include "log.h"
#include "packet.h"
#include "request.h"
#include "request-reserve.h"
#include "resume.h"
#include "session.h"
#include "unread.h"
#include "watch.h"

/* How often a reply is tried that the kernel has no room for: for 1 second. */
#define RETRY_MAX		100U

_Static_assert(sizeof(struct carve_client) <= 512,
	       "an idle client: see struct carve_exchange for what requests need");

/* A connection is for asking something. */
#define HELLO_USEC		5000000U

static struct carve_log_about about_of(const struct carve_client *client)
{
	return (struct carve_log_about){
		.pid = client->who.pid,
		.uid = client->who.uid,
	};
}

static void drop_request_fd(struct carve_client *client)
{
	if (client->request_fd >= 0)
		carve_closer_put(client->service->closer, client->who.uid,
				 &client->request_fd, 1);
	client->request_fd = -1;
}

/* Sent or not, they are closed here: what was not sent comes back. */
static void drop_reply_fds(struct carve_client *client)
{
	while (client->reply_fds) {
		client->reply_fds--;
		close(carve_exchange_fds(client)[client->reply_fds]);
	}
}

/* EPOLLHUP always comes, so a peer's death is seen in every state. */
static int set_state(struct carve_client *client,
		     enum carve_client_state state, bool by_clock)
{
	static const uint32_t events[] = {
		[CARVE_CLIENT_READY] = EPOLLIN,
		/* Edges: each packet the peer reads makes the socket speak. */
		[CARVE_CLIENT_UNREAD] = EPOLLOUT | EPOLLET,
		[CARVE_CLIENT_CROWDED] = 0,
		/* Edges: what is no CANCEL stays there unread. */
		[CARVE_CLIENT_WAITING] = EPOLLIN | EPOLLET,
		[CARVE_CLIENT_SENDING] = EPOLLOUT,
		[CARVE_CLIENT_RESYNC] = EPOLLIN,
	};
	uint32_t wanted = client->epoch_due ? EPOLLOUT : events[state];
	int r;

	client->state = state;
	carve_later_remove(client);
	r = sd_event_source_set_io_events(client->on_io, by_clock ? 0 : wanted);
	if (r >= 0 && by_clock)
		r = carve_later_add(client);
	/* Without events it would hang for ever: end it, which is an event. */
	if (r < 0)
		shutdown(client->fd, SHUT_RDWR);
	return r;
}

/* The kernel has no room for the reply; give up after a while. */
static void hold_back(struct carve_client *client, int error)
{
	static struct carve_log_limit limit;
	struct carve_log_about about = about_of(client);

	if (client->send_tries++ < RETRY_MAX) {
		carve_exchange_keep_reply(client);
		set_state(client, CARVE_CLIENT_SENDING, true);
		return;
	}
	carve_log_limited(&limit, LOG_WARNING, &about, "a reply to uid %u pid "
			  "%d could not be sent (%s)%s",
			  (unsigned int)client->who.uid, (int)client->who.pid,
			  strerror(-error), client->reply_fds ?
			  ": its buffers are taken back" : "");
	client->send_tries = 0;
	if (client->reply_fds) {
		drop_reply_fds(client);
		carve_request_fail(client, -EBUSY);
		carve_client_reply(client);
	} else {
		shutdown(client->fd, SHUT_RDWR);
		set_state(client, CARVE_CLIENT_READY, false);
		carve_exchange_end(client);
	}
}

void carve_client_reply(struct carve_client *client)
{
	int r;

	drop_request_fd(client);
	if (client->reply_fds)
		carve_session_set_sent(client, true);
	r = carve_packet_send(client->fd, client->reply,
			      client->reply->header.bytes,
			      carve_exchange_fds(client), client->reply_fds);
	if (r == -EAGAIN) {
		carve_exchange_keep_reply(client);
		set_state(client, CARVE_CLIENT_SENDING, false);
		return;
	}
	if (r == -ETOOMANYREFS || r == -ENOBUFS || r == -ENOMEM) {
		hold_back(client, r);
		return;
	}
	if (r == 0)
		carve_unread_add(client, client->reply_fds);
	else
		shutdown(client->fd, SHUT_RDWR);
	drop_reply_fds(client);
	client->send_tries = 0;
	set_state(client, CARVE_CLIENT_READY, false);
	if (r == 0)
		carve_session_answered(client);
	carve_exchange_end(client);
}

/* Nothing goes before EPOCH, so nothing is read before it was sent. */
static void announce(struct carve_client *client)
{
	int r = carve_resume_announce(client);

	if (r < 0 && r != -EAGAIN && r != -ENOBUFS && r != -ENOMEM)
		shutdown(client->fd, SHUT_RDWR);
	set_state(client, CARVE_CLIENT_RESYNC, r == -ENOBUFS || r == -ENOMEM);
}

void carve_client_resync(struct carve_client *client)
{
	/*
	 * What it has not read of another daemon's replies counts, too, but for
	 * EPOCH, which it may leave unread as long as it asks for nothing.
	 */
	if (carve_packet_all_read(client->fd))
		carve_session_set_sent(client, false);
	if (client->sent)
		carve_unread_inherit(client);
	client->epoch_due = true;
	sd_event_source_set_enabled(client->on_hello, SD_EVENT_OFF);
	announce(client);
}

void carve_client_expect_hello(struct carve_client *client)
{
	sd_event_source_set_time_relative(client->on_hello, HELLO_USEC);
	sd_event_source_set_enabled(client->on_hello, SD_EVENT_ONESHOT);
}

static void run_request(struct carve_client *client)
{
	enum carve_outcome outcome = carve_request_run(client);

	switch (outcome) {
	case CARVE_OUTCOME_REPLY:
		carve_client_reply(client);
		break;
	case CARVE_OUTCOME_WAITING:
		set_state(client, CARVE_CLIENT_WAITING, false);
		carve_session_wait(client);
		break;
	case CARVE_OUTCOME_SILENT:
		break;
	case CARVE_OUTCOME_UNREAD:
		/*
		 * Once: setting it asks for the state as it is now, so again
		 * and again would be an event each time.
		 */
		if (client->state != CARVE_CLIENT_UNREAD)
			set_state(client, CARVE_CLIENT_UNREAD, false);
		return;
	case CARVE_OUTCOME_CROWDED:
		set_state(client, CARVE_CLIENT_CROWDED, true);
		return;
	}
	/* Its old place is taken, or not wanted any more. */
	if (!client->resumed)
		carve_hold_arrived(client->service, &client->expected);
}

/* The first is the request's, if it has any at all. */
static void take_fds(struct carve_client *client, struct carve_packet *packet)
{
	if (!packet->fd_count)
		return;
	client->request_fd = packet->fds[0];
	if (packet->fd_count == 1)
		return;
	packet->cut = true;
	carve_closer_put(client->service->closer, client->who.uid,
			 packet->fds + 1, packet->fd_count - 1);
}

/* Return: -EPIPE (the connection is over). */
static int complain(const struct carve_client *client, const char *wrong)
{
	static struct carve_log_limit limit;
	struct carve_log_about about = about_of(client);

	carve_log_limited(&limit, LOG_WARNING, &about, "uid %u pid %d broke the "
			  "protocol and was hung up on: %s",
			  (unsigned int)client->who.uid, (int)client->who.pid,
			  wrong);
	return -EPIPE;
}

/* Return: 0; -EPIPE (the connection is over). */
static int listen_for_cancel(struct carve_client *client)
{
	const char *wrong;
	int r = carve_cancel_take(client, &wrong);

	/* Setting it asks for the state as it is, so what is there still is seen. */
	if (r == -EBUSY)
		r = set_state(client, CARVE_CLIENT_WAITING, false) < 0 ?
			-EPIPE : 0;
	return r == -EPROTO ? complain(client, wrong) : r;
}

/* Its next request stays where it is until there is memory for it. */
static int starve(struct carve_client *client)
{
	if (set_state(client, client->state, true) >= 0) {
		client->starved = true;
		client->service->later.starved++;
	}
	return 0;
}

/* Return: 0; -EAGAIN (no request there); -EPIPE (the connection is over). */
static int take_request(struct carve_client *client)
{
	bool want_fds = carve_closer_has_room(client->service->closer,
					      client->who.uid, CARVE_PACKET_FDS);
	struct carve_packet packet;
	const char *wrong;
	int r;

	r = carve_packet_receive(client->fd, client->request,
				 sizeof(*client->request), want_fds, &packet);
	take_fds(client, &packet);
	if (r < 0)
		return r == -EAGAIN ? r : -EPIPE;
	if (client->state == CARVE_CLIENT_RESYNC &&
	    !carve_resume_is_meant(client, packet.bytes)) {
		carve_resume_drop_buffer(client);
		drop_request_fd(client);
		return 0;
	}
	if (packet.no_room && client->greeted &&
	    packet.bytes == sizeof(client->request->header) &&
	    client->request->header.type == CARVE_MSG_QUERY) {
		carve_request_fail(client, -EBUSY);
		carve_client_reply(client);
		return 0;
	}
	wrong = packet.cut || packet.no_room ? "more descriptors than allowed" :
			carve_request_check(client, packet.bytes);
	if (wrong) {
		drop_request_fd(client);
		return complain(client, wrong);
	}
	carve_session_request(client);
	run_request(client);
	if (client->greeted)
		client->on_hello =
			sd_event_source_disable_unref(client->on_hello);
	return 0;
}

static bool is_reading(const struct carve_client *client)
{
	return client->state == CARVE_CLIENT_READY ||
	       (client->state == CARVE_CLIENT_RESYNC && !client->epoch_due);
}

/* Return: as take_request(). */
static int receive(struct carve_client *client)
{
	int r = carve_exchange_begin(client);

	r = r < 0 ? starve(client) : take_request(client);
	/* Nothing that was said is still to be done. */
	if (is_reading(client))
		carve_exchange_end(client);
	return r;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct carve_client *client = data;
	int r = 0;

	(void)source;
	(void)fd;
	if (revents & (EPOLLHUP | EPOLLERR))
		r = -EPIPE;
	else if (client->epoch_due)
		announce(client);
	else if (client->state == CARVE_CLIENT_SENDING)
		carve_client_reply(client);
	else if (client->state == CARVE_CLIENT_UNREAD)
		run_request(client);
	else if (client->state == CARVE_CLIENT_WAITING)
		r = listen_for_cancel(client);
	/* One, as the library does it: to look for a second one costs as much. */
	else if (is_reading(client))
		/* Not before those that are in line for it. */
		r = client->service->later.starved ? starve(client) :
						     receive(client);
	if (r == -EPIPE)
		carve_client_free(client);
	return 0;
}

void carve_client_retry(struct carve_client *client)
{
	if (client->epoch_due)
		announce(client);
	else if (client->state == CARVE_CLIENT_SENDING)
		carve_client_reply(client);
	else if (client->state == CARVE_CLIENT_CROWDED)
		run_request(client);
	else if (is_reading(client) &&
		 (set_state(client, client->state, false) < 0 ||
		  receive(client) == -EPIPE))
		carve_client_free(client);
}

static int on_hello(sd_event_source *source, uint64_t usec, void *data)
{
	static struct carve_log_limit limit;
	struct carve_client *client = data;
	struct carve_log_about about = about_of(client);

	(void)source;
	(void)usec;
	carve_log_limited(&limit, LOG_WARNING, &about, "uid %u pid %d connected, "
			  "said nothing for %u s and was hung up on",
			  (unsigned int)client->who.uid, (int)client->who.pid,
			  HELLO_USEC / 1000000);
	carve_client_free(client);
	return 0;
}

static int add_sources(struct carve_client *client, sd_event *event)
{
	int r = sd_event_add_io(event, &client->on_io, client->fd, EPOLLIN,
				on_io, client);

	if (r >= 0)
		r = sd_event_add_time_relative(event, &client->on_hello,
					       CLOCK_MONOTONIC, HELLO_USEC,
					       HELLO_USEC / 10, on_hello,
					       client);
	return r;
}

int carve_client_new(struct carve_client **ret, struct carve_service *service,
		     sd_event *event, int fd, struct carve_identity *who)
{
	struct carve_client *client = calloc(1, sizeof(*client));
	int bytes = CARVE_CLIENT_SEND_BYTES;
	int r = 0;

	if (!client)
		return -ENOMEM;
	client->service = service;
	client->fd = fd;
	client->request_fd = -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0)
		r = -errno;
	if (r >= 0)
		r = add_sources(client, event);
	if (r < 0) {
		client->fd = -1;
		carve_client_free(client);
		return r;
	}
	client->who = *who;
	*who = (struct carve_identity){ 0 };
	service->client_count++;
	TAILQ_INSERT_TAIL(&service->clients, client, link);
	*ret = client;
	return 0;
}

/* One that was not wholly made has a descriptor of -1. */
struct carve_client *carve_client_free(struct carve_client *client)
{
	if (!client)
		return NULL;
	if (client->fd >= 0) {
		TAILQ_REMOVE(&client->service->clients, client, link);
		carve_session_hang_up(client);
	}
	sd_event_source_disable_unref(client->on_io);
	sd_event_source_disable_unref(client->on_hello);
	carve_watch_set(client, false);
	if (client->waiter)
		carve_queue_cancel(client->waiter);
	if (!client->service->ending)
		carve_request_end_reservations(client);
	drop_request_fd(client);
	drop_reply_fds(client);
	carve_exchange_end(client);
	carve_later_remove(client);
	if (client->fd >= 0) {
		carve_session_end(client);
		carve_unread_clear(client);
		carve_guard_close(client->fd);
		client->service->client_count--;
	}
	carve_identity_done(&client->who);
	free(client);
	return NULL;
}
