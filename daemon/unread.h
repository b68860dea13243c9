/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that were sent and not read yet. The kernel counts those under way
 * against the sender's limit, so they are a budget that all clients share: one
 * user may have half of it, or who never reads would stop everyone's replies.
 *
 * What a client has read nobody tells. So what it was sent is summed up, and only
 * when the sum comes to half of the budget is every client looked at.
 *
 * What was sent by another daemon nobody knows either, and it may still be unread.
 * That daemon kept the same rules, so each client counts as if it had all unread
 * that one may have, and a user as if it were half of the budget if this is more: who
 * has never read stops nobody but itself. EPOCH alone, which an idle client may leave
 * unread for ever, is nothing.
 */
#ifndef CARVE_DAEMON_UNREAD_H
#define CARVE_DAEMON_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

struct carve_client;

/* Descriptors one client may have unread; the largest reply has to fit. */
#define CARVE_UNREAD_CLIENT	CARVE_WIRE_ALLOC_MAX

/**
 * struct carve_unread - the budget
 * @max: how many there may be; 0: not said, only each client is bounded
 * @sum: sent since each client was last known to have read all
 * @looked_usec: when all clients were looked at last
 */
struct carve_unread {
	size_t max;
	size_t sum;
	uint64_t looked_usec;
};

/**
 * enum carve_unread_answer - may more be sent?
 * @CARVE_UNREAD_ROOM: yes
 * @CARVE_UNREAD_OWN: once it has read what it was sent; its socket tells
 * @CARVE_UNREAD_OTHERS: once others, perhaps of the same user, have; nothing
 *	tells, so ask again a little later
 */
enum carve_unread_answer {
	CARVE_UNREAD_ROOM,
	CARVE_UNREAD_OWN,
	CARVE_UNREAD_OTHERS,
};

/* May @count more descriptors be sent to this client now? */
enum carve_unread_answer carve_unread_ask(struct carve_client *client,
					  size_t count);

/* So many were sent to it. */
void carve_unread_add(struct carve_client *client, size_t count);

/* It is of the daemon before, in service->clients, and has not read everything. */
void carve_unread_inherit(struct carve_client *client);

/* It has read everything, or has gone. */
void carve_unread_clear(struct carve_client *client);

#endif /* CARVE_DAEMON_UNREAD_H */
