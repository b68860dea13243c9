/* SPDX-License-Identifier: MIT */
/*
 * What a request takes while it is under way. A client that asks for nothing has
 * none of it: most are answered at once, one after the other, with the same memory.
 *
 * Some of it is there from the start, since out of memory is the normal condition
 * of the boxes Carve is for. What has to stay, because it waits or its reply is not
 * read, is copied to as much as it takes, and keeps all the memory there was for it
 * only if there is none for that.
 */
#ifndef CARVE_DAEMON_EXCHANGE_H
#define CARVE_DAEMON_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "protocol.h"
#include "region.h"
#include "reservation.h"

struct carve_client;
struct carve_service;

/* So many are there from the start, some 9 KiB each. */
#define CARVE_EXCHANGE_SPARES	8

/**
 * union carve_client_packet - room for any message
 * @header: what all start with
 */
union carve_client_packet {
	struct carve_wire_header header;
	struct carve_wire_hello hello;
	struct carve_wire_hello_reply hello_reply;
	struct carve_wire_resume resume;
	struct carve_wire_resume_reply resume_reply;
	struct carve_wire_alloc alloc;
	struct carve_wire_alloc_reply alloc_reply;
	struct carve_wire_cancel cancel;
	struct carve_wire_watch watch;
	struct carve_wire_refusal refusal;
	struct carve_wire_reserve reserve;
	struct carve_wire_reserve_reply reserve_reply;
	struct carve_wire_reservations reservations;
	struct carve_wire_reservations_reply reservations_reply;
	struct carve_wire_regions_reply regions_reply;
	struct carve_wire_list list;
	struct carve_wire_list_reply list_reply;
	struct carve_wire_query_reply query_reply;
	char room[CARVE_WIRE_MAX];
};

/**
 * struct carve_exchange - a request under way
 * @client: whose it is
 * @grant: what CARVE_MSG_ALLOC asks for
 * @reserve: what CARVE_MSG_RESERVE asks for
 * @spare: private
 * @packet: the request, of @room bytes; when it was answered and the socket has not
 *	taken that, the reply, and its descriptors behind it
 */
struct carve_exchange {
	struct carve_client *client;
	union {
		struct carve_grant grant;
		struct carve_reserve reserve;
		SLIST_ENTRY(carve_exchange) spare;
	};
	union carve_client_packet *packet;
	size_t room;
};

/**
 * struct carve_desk - where requests are worked on, one at a time
 * @spares: for the next requests, @spare_count of them, with room for any
 * @reply: of the request that is being answered: what is to stay is copied
 * @answer: what that is made of
 */
struct carve_desk {
	SLIST_HEAD(, carve_exchange) spares;
	unsigned int spare_count;
	union carve_client_packet reply;
	struct carve_answer answer;
};

/* Return: 0; -ENOMEM. */
int carve_desk_new(struct carve_desk **ret);

/* Nobody has an exchange any more. NULL is allowed. Return: NULL. */
struct carve_desk *carve_desk_free(struct carve_desk *desk);

/**
 * carve_exchange_begin() - have room for the client's next request
 *
 * The last spare is for what is answered at once, also because it does not want to
 * wait, so that nobody who waits keeps everybody else from being answered, too. Nor
 * has one user all the others: beyond its share what may wait is not read.
 *
 * Return: 0, and client->exchange, to be ended; -ENOMEM: ask again later, and until
 * then do not read what it says.
 */
int carve_exchange_begin(struct carve_client *client);

/**
 * carve_exchange_keep() - the request at hand stays for a while
 *
 * Return: 0; -ENOMEM: there is no memory for it, and it cannot have what is left of
 * what was prepared.
 */
int carve_exchange_keep(struct carve_client *client);

/*
 * So does its reply, which takes the place of the request. One that has to be shorter
 * for want of memory says only how much there is, and not who has it.
 */
void carve_exchange_keep_reply(struct carve_client *client);

/* The reply's descriptors, client->reply_fds of them. */
int *carve_exchange_fds(const struct carve_client *client);

/* It is over. A client without any is allowed. */
void carve_exchange_end(struct carve_client *client);

#endif /* CARVE_DAEMON_EXCHANGE_H */
