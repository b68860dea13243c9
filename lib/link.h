/* SPDX-License-Identifier: MIT */
/*
 * The way from a socket to being the daemon's client, also again, after it was
 * restarted: protocol.h says how. One message after the other, each step taken
 * when its answer is there, so that a call can wait for them and carve_dispatch()
 * need not.
 *
 * Everything here is called with carve::lock held.
 */
#ifndef CARVE_LIB_LINK_H
#define CARVE_LIB_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "protocol.h"

struct carve;
struct carve_reply;
struct carve_reservation;

enum carve_stage {
	CARVE_STAGE_NONE,	/* no socket */
	CARVE_STAGE_HELLO,	/* HELLO was sent */
	CARVE_STAGE_RESUME,	/* RESUME was sent */
	CARVE_STAGE_UNHEARD,	/* RESERVE was sent: what had that one granted? */
	CARVE_STAGE_GIVE_BACK,	/* RESERVE was sent, for a reservation owed */
	CARVE_STAGE_WATCH,	/* WATCH was sent, for who had asked for it before */
	CARVE_STAGE_READY,	/* for requests */
	CARVE_STAGE_BROKEN,	/* for good: the daemon is none */
};

/* As many reservations as a connection can have. */
#define CARVE_OWED_MAX	64

/**
 * struct carve_unheard - a RESERVE that was given up and may have been granted
 * @id: of the request; 0: there is none
 * @changed: what it was to change; NULL: what it granted is to be given back
 *
 * One is enough: nothing is asked for before the daemon was asked about it.
 */
struct carve_unheard {
	uint64_t id;
	struct carve_reservation *changed;
};

/**
 * struct carve_link - where a connection stands
 * @address: of the daemon's socket, as it was the first time
 * @asked: id of what was sent in this stage
 * @unsaid: nothing was: the system had no room for it, and it is said later
 * @again: not the first socket: there is a limit to how long its greeting takes
 * @greeted: HELLO was answered on this socket
 * @watch: the daemon may not know that this client wants to hear of pressure
 * @epoch: of the daemon, as it said last on this socket; 0: it has not yet
 * @client, @secret: who this client is to the daemon; 0: nobody yet
 * @generation: how often the daemon has lost what it knew of this client
 * @reservations: objects of this generation
 * @unheard: what the next daemon has to be asked first
 * @owed: reservations to be given back, freed while there was no connection
 * @lost_nsec: when the connection was lost, of carve_now_nsec(); 0: it is there
 */
struct carve_link {
	struct sockaddr_un address;
	enum carve_stage stage;
	uint64_t asked;
	bool unsaid;
	bool again;
	bool greeted;
	bool watch;
	uint64_t epoch;
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
	uint64_t generation;
	unsigned int reservations;
	struct carve_unheard unheard;
	unsigned int owed_count;
	uint64_t owed[CARVE_OWED_MAX];
	uint64_t lost_nsec;
};

/**
 * struct carve_patience - what one call is ready to bear
 * @left_nsec: of the time without a connection
 * @until_nsec: when that ends; 0 while there is a connection
 */
struct carve_patience {
	uint64_t left_nsec;
	uint64_t until_nsec;
};

/* How long a call goes on without a connection: 5 s; tests have less time. */
extern uint64_t carve_patience_nsec;

/* CLOCK_MONOTONIC, never 0. */
uint64_t carve_now_nsec(void);

/* How long to wait until the next try, @since_nsec the last connection. */
uint64_t carve_pause_nsec(uint64_t since_nsec);

/* link.c: the socket */

/**
 * carve_link_open() - connect; the stage has to be CARVE_STAGE_NONE
 * @wait: for a place in the daemon's backlog
 *
 * carve_link_hello() is next.
 *
 * Return: 0; what socket() and connect() answer.
 */
int carve_link_open(struct carve *carve, bool wait);

/* The connection is gone: close it. The next call makes another one. */
void carve_link_lose(struct carve *carve);

/* The daemon is none: close the connection for good. */
void carve_link_break(struct carve *carve);

/* patience.c */

/**
 * carve_link_ready() - wait until requests can be sent
 * @message: room
 *
 * Return: 0; -ECONNRESET (the patience is at its end); -EPROTO, -EPIPE (now, or
 * before this call, the link was broken); -EPROTONOSUPPORT (the daemon speaks no
 * version that is known here).
 */
int carve_link_ready(struct carve *carve, struct carve_patience *patience,
		     struct carve_reply *message);

/* resume.c: messages */

/* Return: 0; -ECONNRESET. */
int carve_link_hello(struct carve *carve);

/* Say what is unsaid, which it may be still. Return: 0; -ECONNRESET. */
int carve_link_say_again(struct carve *carve, int flags);

/* On a connection that is ready: there is something unheard or owed to be said. */
void carve_link_owe(struct carve *carve);

/**
 * carve_link_take() - is this a message of the way to the daemon?
 * @length: more than 0
 * @flags: MSG_DONTWAIT, or 0 to wait until the socket takes what is said next
 *
 * CARVE_MSG_EPOCH always is; in CARVE_STAGE_READY nothing else.
 *
 * Return: 1 (it is, and the next step was taken); 0 (it is not); -EPROTO (it makes
 * no sense); -ECONNRESET (this socket leads nowhere); -EPROTONOSUPPORT.
 */
int carve_link_take(struct carve *carve, const struct carve_reply *message,
		    size_t length, int flags);

#endif /* CARVE_LIB_LINK_H */
