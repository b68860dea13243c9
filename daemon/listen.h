/* SPDX-License-Identifier: MIT */
/*
 * The socket clients connect to: systemd's, or one of our own.
 */
#ifndef CARVE_DAEMON_LISTEN_H
#define CARVE_DAEMON_LISTEN_H

#include <sys/stat.h>
#include <sys/un.h>

struct carve_store;

/**
 * struct carve_listen - a listening SOCK_SEQPACKET socket
 * @fd: non-blocking
 * @lock_fd: held while this is the daemon of @address; -1 under systemd
 * @made: the socket's inode, to know it again
 */
struct carve_listen {
	int fd;
	int lock_fd;
	struct sockaddr_un address;
	struct stat made;
};

/**
 * carve_listen_init() - take systemd's socket, or make one
 * @path: where to make it if systemd passed none
 * @store: what systemd passed
 *
 * A socket that a dead daemon left is replaced, one that is served is not, and
 * neither is anything that is no socket. Of two daemons that start at once
 * one wins: both need the lock on PATH.lock.
 *
 * Return: 0; a negative errno, and the log says what to do.
 */
int carve_listen_init(struct carve_listen *listener, const char *path,
		      const struct carve_store *store);

/* Stop listening and remove the socket that carve_listen_init() made. */
void carve_listen_stop(struct carve_listen *listener);

/* The same, and leave the place to others. */
void carve_listen_done(struct carve_listen *listener);

#endif /* CARVE_DAEMON_LISTEN_H */
