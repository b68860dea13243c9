/* SPDX-License-Identifier: MIT */
/*
 * What the requests of protocol.h mean.
 */
#ifndef CARVE_DAEMON_REQUEST_H
#define CARVE_DAEMON_REQUEST_H

#include <stddef.h>

#include "client.h"

/**
 * enum carve_outcome - what has become of a request
 * @CARVE_OUTCOME_REPLY: client->reply is to be sent
 * @CARVE_OUTCOME_WAITING: client->waiter waits in a region, and
 *	carve_client_reply() will be called
 * @CARVE_OUTCOME_SILENT: it is done, and there is no reply to it
 * @CARVE_OUTCOME_UNREAD: the client has to read its replies first; nothing was
 *	done, ask again
 * @CARVE_OUTCOME_CROWDED: others have to read theirs first; likewise, after a while
 */
enum carve_outcome {
	CARVE_OUTCOME_REPLY,
	CARVE_OUTCOME_WAITING,
	CARVE_OUTCOME_SILENT,
	CARVE_OUTCOME_UNREAD,
	CARVE_OUTCOME_CROWDED,
};

/**
 * carve_request_check() - does the request at hand keep to the protocol?
 * @bytes: length it was received with
 *
 * Return: NULL, or what is wrong, in words, and the connection is to be ended.
 */
const char *carve_request_check(const struct carve_client *client,
				size_t bytes);

/*
 * Do what a checked request asks for. It stays as it is when it has to be done or
 * answered later, see carve_exchange_keep(); without memory for that it fails.
 */
enum carve_outcome carve_request_run(struct carve_client *client);

/* For what runs them: begin a reply, of so many bytes that are zero. */
void carve_request_start(struct carve_client *client, size_t bytes);

/* Answer the request at hand with an error and the numbers to it. */
void carve_request_refuse(struct carve_client *client,
			  const struct carve_wire_refusal *refusal,
			  const struct carve_holders *holders, int error);

/* Answer the request at hand with a negative errno alone. */
void carve_request_fail(struct carve_client *client, int error);

#endif /* CARVE_DAEMON_REQUEST_H */
