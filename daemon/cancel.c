// SPDX-License-Identifier: MIT
#include "cancel.h"

#include <errno.h>
#include <sys/socket.h>

#include "packet.h"
#include "request.h"

/* Messages of one client in one turn of the loop: others want theirs too. */
#define TURN_CANCELS	16

/* Return: 1 (the next packet is a CANCEL); 0 (it is not); -EAGAIN; -EPIPE. */
static int peek(int socket)
{
	struct carve_wire_header header;
	ssize_t bytes;

	do
		bytes = recv(socket, &header, sizeof(header),
			     MSG_PEEK | MSG_DONTWAIT);
	while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return errno == EAGAIN ? -EAGAIN : -EPIPE;
	return bytes == sizeof(header) && header.type == CARVE_MSG_CANCEL;
}

static const char *check(const struct carve_wire_cancel *cancel,
			 const struct carve_packet *packet)
{
	if (packet->cut || packet->no_room || packet->fd_count)
		return "a descriptor not expected";
	if (packet->bytes != sizeof(*cancel) ||
	    cancel->header.bytes != sizeof(*cancel))
		return "a message of a wrong length";
	if (cancel->header.status)
		return "a request with a status";
	return NULL;
}

int carve_cancel_take(struct carve_client *client, const char **ret_wrong)
{
	for (int i = 0; client->state == CARVE_CLIENT_WAITING; i++) {
		struct carve_wire_cancel cancel;
		struct carve_packet packet;
		const char *wrong;
		int r = i < TURN_CANCELS ? peek(client->fd) : -EBUSY;

		if (r == -EBUSY)
			return r;
		if (r == 1)
			r = carve_packet_receive(client->fd, &cancel,
						 sizeof(cancel), false, &packet) ?:
			    1;
		if (r != 1)
			return r == 0 || r == -EAGAIN ? 0 : -EPIPE;
		wrong = check(&cancel, &packet);
		if (wrong) {
			*ret_wrong = wrong;
			return -EPROTO;
		}
		/* Of a request that was answered when it was sent? */
		if (cancel.request != client->request->header.id)
			continue;
		carve_queue_cancel(client->waiter);
		carve_request_fail(client, -ECANCELED);
		carve_client_reply(client);
	}
	return 0;
}
