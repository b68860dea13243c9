/* SPDX-License-Identifier: MIT */
/*
 * Closes descriptors that clients sent and that are no buffers. Closing one may
 * wait as long as its sender likes, where a file system in user space
 * implements it even for ever, so it is done on other threads; and a user
 * whose descriptors make them wait waits for no more than one.
 */
#ifndef CARVE_DAEMON_CLOSER_H
#define CARVE_DAEMON_CLOSER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Descriptors that wait to be closed, in all and of one user. */
#define CARVE_CLOSER_MAX	768
#define CARVE_CLOSER_USER_MAX	320

struct carve_closer;

/**
 * carve_closer_new() - start the threads
 *
 * All signals are blocked in them. Return: 0; -ENOMEM; -EAGAIN.
 */
int carve_closer_new(struct carve_closer **ret);

/**
 * carve_closer_free() - stop the threads
 *
 * One that does not come back is left behind with what it needs: the process
 * is about to end, which waits for nothing that lingers. NULL is allowed.
 * Return: NULL.
 */
struct carve_closer *carve_closer_free(struct carve_closer *closer);

/* May so many more descriptors of this user be taken in? */
bool carve_closer_has_room(struct carve_closer *closer, uid_t uid,
			   size_t count);

/**
 * carve_closer_put() - have descriptors closed
 * @uid: whose they were; there has to be room
 * @fds: @count of them, taken over
 */
void carve_closer_put(struct carve_closer *closer, uid_t uid, const int *fds,
		      size_t count);

#endif /* CARVE_DAEMON_CLOSER_H */
