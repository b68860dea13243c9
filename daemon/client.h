/* SPDX-License-Identifier: MIT */
/*
 * One connection: one request at a time is received, checked, answered.
 */
#ifndef CARVE_DAEMON_CLIENT_H
#define CARVE_DAEMON_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "exchange.h"
#include "identity.h"
#include "protocol.h"
#include "region.h"
#include "reservation.h"
#include "roll.h"
#include "service.h"

/*
 * For replies that nobody reads yet; the kernel doubles it, and counts what it
 * takes to keep them. Room for CARVE_UNREAD_CLIENT small ones: that limit
 * is to come first, since it is found before buffers are made.
 */
#define CARVE_CLIENT_SEND_BYTES	(4 * CARVE_WIRE_MAX)

/**
 * enum carve_client_state - what is done about a connection
 * @CARVE_CLIENT_READY: its next request is read
 * @CARVE_CLIENT_UNREAD: a request is held back until it has read its replies
 * @CARVE_CLIENT_CROWDED: one is held back for a moment: too many are unread
 * @CARVE_CLIENT_WAITING: a request waits in its region
 * @CARVE_CLIENT_SENDING: a reply is held back until the socket takes it
 * @CARVE_CLIENT_RESYNC: it is of the daemon before, and what it says is dropped
 *	until it resumes
 */
enum carve_client_state {
	CARVE_CLIENT_READY,
	CARVE_CLIENT_UNREAD,
	CARVE_CLIENT_CROWDED,
	CARVE_CLIENT_WAITING,
	CARVE_CLIENT_SENDING,
	CARVE_CLIENT_RESYNC,
};

/**
 * struct carve_waiting - a request that waits, for the next daemon
 * @id: its id; 0: none
 * @since_usec, @deadline_usec: as in struct carve_waiter
 */
struct carve_waiting {
	uint64_t id;
	uint64_t since_usec;
	uint64_t deadline_usec;
};

/**
 * struct carve_client - one connection; changed by client.c and request.c
 * @who: who connected
 * @greeted: HELLO was answered
 * @on_hello: ends the connection if that takes too long; NULL from then on
 * @number, @secret: how it is known again (see session.h); 0 before HELLO
 * @start_time: of its process, as in struct carve_cell_client
 * @cell: place of its cell in the state, or 0
 * @stored: the connection is kept by the service manager
 * @sent: its cell says that it may have descriptors unread
 * @inherits: another daemon has sent it descriptors that may be unread; changed by
 *	unread.c
 * @lost: its cell says that it has to be told of a loss
 * @known: @secret is one that another daemon has given it
 * @fresh: it has said HELLO and nothing else, so that it may resume
 * @epoch_due: it does not know yet that there is another daemon
 * @resumed: it has resumed, and asked for nothing since
 * @expected: it was waiting, and others are held back for it (see hold.h)
 * @repeats: the request at hand may be one that another daemon has granted
 * @since_usec, @deadline_usec: of the request at hand, if it has waited in another
 *	daemon, else 0
 * @waiting: what its cell says of that
 * @unread_fds: descriptors sent since it was last known to have read all;
 *	changed by unread.c
 * @send_tries: how often the reply at hand was refused by the kernel
 * @watches: wants to hear when others wait for memory
 * @told: of which regions it has not read that yet, as bits of their indexes
 * @of_later, @is_later: something is tried again for it; see later.h
 * @starved: that is to read its next request, for which there was no memory
 * @list_token: the cursor its last list reply said
 * @list_region, @list_place: where that list goes on; of the place only the
 *	offset counts for who may see offsets
 * @reservations: what it has, @reservation_count of them
 * @exchange: the request at hand and what it takes, or NULL
 * @request, @request_fd: of it: what was asked; -1 for no descriptor
 * @reply, @reply_fds: of it: what is answered, and how many descriptors with that
 * @waiter: of it, if it had to wait, else NULL
 *
 * There are a thousand of them that ask for nothing: what only a request needs
 * belongs into its exchange.
 */
struct carve_client {
	struct carve_service *service;
	sd_event_source *on_io;
	sd_event_source *on_hello;
	TAILQ_ENTRY(carve_client) link;
	struct carve_identity who;
	int fd;

	enum carve_client_state state;
	bool greeted : 1;
	bool stored : 1;
	bool sent : 1;
	bool inherits : 1;
	bool lost : 1;
	bool known : 1;
	bool fresh : 1;
	bool epoch_due : 1;
	bool resumed : 1;
	bool repeats : 1;
	bool watches : 1;
	bool is_later : 1;
	bool starved : 1;
	bool expected;
	uint32_t cell;
	uint64_t number;
	uint8_t secret[CARVE_WIRE_SECRET];
	uint64_t start_time;
	uint64_t since_usec;
	uint64_t deadline_usec;
	struct carve_waiting waiting;
	unsigned int unread_fds;
	unsigned int send_tries;
	LIST_ENTRY(carve_client) of_watchers;
	TAILQ_ENTRY(carve_client) of_later;
	uint32_t told;

	uint32_t list_region;
	uint64_t list_token;
	struct carve_roll_place list_place;

	struct carve_reservation_list reservations;
	unsigned int reservation_count;

	unsigned int reply_fds;
	struct carve_exchange *exchange;
	union carve_client_packet *request;
	union carve_client_packet *reply;
	struct carve_waiter *waiter;
	int request_fd;
};

/**
 * carve_client_new() - serve a connection, until that is over
 * @service: borrowed, has to live longer; the client is one of its clients
 * @fd: the connection, non-blocking; taken over on success
 * @who: who connected; taken over on success
 *
 * Return: 0; -ENOMEM; what the kernel answers.
 */
int carve_client_new(struct carve_client **ret, struct carve_service *service,
		     sd_event *event, int fd, struct carve_identity *who);

/**
 * carve_client_free() - hang up
 *
 * A waiting request is forgotten; buffers in a reply that was not sent go
 * back. When the daemon ends, the connection stays if it is kept, and what the next
 * daemon has to know. NULL is allowed. Return: NULL.
 */
struct carve_client *carve_client_free(struct carve_client *client);

/* It is of the daemon before: tell it so, and wait until it resumes. */
void carve_client_resync(struct carve_client *client);

/* Hang up unless it says HELLO soon. */
void carve_client_expect_hello(struct carve_client *client);

/* Send client->reply with its descriptors. */
void carve_client_reply(struct carve_client *client);

/* Try again what could not be done; it may be gone then. */
void carve_client_retry(struct carve_client *client);

#endif /* CARVE_DAEMON_CLIENT_H */
