/* SPDX-License-Identifier: MIT */
/*
 * Where the daemon's state lies.
 */
#ifndef CARVE_DAEMON_STATE_OPEN_H
#define CARVE_DAEMON_STATE_OPEN_H

struct carve_listen;
struct carve_state;
struct carve_store;

/**
 * carve_state_open() - find or begin the state
 * @store: a memfd in there, if it is one; else the file SOCKET.state beside the
 *	socket, which the lock of @listener protects
 *
 * Without a place for it the daemon does without, and says so. What was refused is
 * said, too.
 *
 * Return: the state, to be given to carve_state_free(); NULL: there is none.
 */
struct carve_state *carve_state_open(struct carve_store *store,
				     const struct carve_listen *listener);

#endif /* CARVE_DAEMON_STATE_OPEN_H */
