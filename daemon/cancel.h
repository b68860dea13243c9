/* SPDX-License-Identifier: MIT */
/*
 * CARVE_MSG_CANCEL: the one message that is read while a request waits.
 */
#ifndef CARVE_DAEMON_CANCEL_H
#define CARVE_DAEMON_CANCEL_H

#include "client.h"

/**
 * carve_cancel_take() - read what a client says while its request waits
 * @ret_wrong: written with -EPROTO only: what is wrong, in words
 *
 * Whatever is no CARVE_MSG_CANCEL stays for later. A request that is cancelled is
 * answered.
 *
 * Return: 0; -EBUSY (there may be more: call it again when others had their turn);
 * -EPIPE (the peer has gone); -EPROTO, and the connection is to be ended.
 */
int carve_cancel_take(struct carve_client *client, const char **ret_wrong);

#endif /* CARVE_DAEMON_CANCEL_H */
