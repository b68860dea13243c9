/* SPDX-License-Identifier: MIT */
/*
 * What of a client outlives the daemon: its number and secret, its connection in
 * the service manager's store, and its cell of the state (state.h).
 */
#ifndef CARVE_DAEMON_SESSION_H
#define CARVE_DAEMON_SESSION_H

#include "client.h"

/**
 * carve_session_begin() - a client says HELLO
 *
 * It gets a number, if it has none, and a secret. Without room in the state or in
 * the store it is served all the same, and has to begin anew after a restart.
 *
 * Return: 0; what getrandom() answers.
 */
int carve_session_begin(struct carve_client *client);

/* A new secret; the cell is not written. Return: as carve_session_begin(). */
int carve_session_new_secret(struct carve_client *client);

/* Write the client's cell as things are now. */
void carve_session_save(struct carve_client *client);

/**
 * carve_session_recall() - be the client of this cell
 * @kept: what the cell says
 * @cell: its place; the one the client has had, if any, is dropped
 *
 * The connection is kept under that number, too. What the client had reserved is
 * its again.
 */
void carve_session_recall(struct carve_client *client,
			  const struct carve_cell_client *kept, uint32_t cell);

/* A request was read, and is about to be run: was it asked before? */
void carve_session_request(struct carve_client *client);

/* The request at hand begins to wait. */
void carve_session_wait(struct carve_client *client);

/* Descriptors are about to be sent to it; or it has read all there were. */
void carve_session_set_sent(struct carve_client *client, bool sent);

/* It has no place among those that wait, or wants none. */
void carve_session_forget_waiting(struct carve_client *client);

/* The reply at hand was sent. */
void carve_session_answered(struct carve_client *client);

/* The client of this number that is connected, or NULL. */
struct carve_client *carve_session_find(const struct carve_service *service,
					uint64_t number);

/* What was kept under its number is not, or was another's: keep it anew. */
void carve_session_store_anew(struct carve_client *client);

/* A connection that was passed is of no use: it is not kept any longer. */
void carve_session_drop_stored(const struct carve_service *service,
			       uint64_t number);

/*
 * The client has gone, or is hung up on. First of all the connection is shut down:
 * other descriptors of it may be kept, and a daemon that finds one of these is to
 * see that.
 */
void carve_session_hang_up(struct carve_client *client);

/* Behind all else that it had: forget it. */
void carve_session_end(struct carve_client *client);

#endif /* CARVE_DAEMON_SESSION_H */
