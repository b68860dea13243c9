// SPDX-License-Identifier: MIT
#include "identity.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>
#include <unistd.h>

/* Linux 6.5; the C library's headers may be older than the kernel. */
#if !defined(SO_PEERPIDFD) && !defined(__sparc__) && !defined(__hppa__)
#define SO_PEERPIDFD	77
#endif

/* Room for the groups of most; else the kernel says how much it takes. */
#define GROUPS_FIRST	32

static int get_groups(struct carve_identity *identity, int socket)
{
	socklen_t size = GROUPS_FIRST * sizeof(gid_t);

	for (;;) {
		gid_t *groups = malloc(size);

		if (!groups)
			return -ENOMEM;
		if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups,
			       &size) == 0) {
			identity->groups = groups;
			identity->group_count = size / sizeof(gid_t);
			return 0;
		}
		free(groups);
		if (errno != ERANGE)
			return -errno;
	}
}

/* Return: a pidfd of who connected, or -1. */
static int get_pidfd(int socket)
{
	int pidfd = -1;
#ifdef SO_PEERPIDFD
	socklen_t size = sizeof(pidfd);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0)
		pidfd = -1;
#else
	(void)socket;
#endif
	return pidfd;
}

static bool is_dead(int pidfd)
{
	struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pollfd, 1, 0) != 0;
}

/*
 * A number belongs to a process until that has ended. If it has not ended
 * after its unit was read, the unit is its own.
 */
static void get_unit(struct carve_identity *identity, int socket)
{
	int pidfd = get_pidfd(socket);
	char *unit;

	/* To systemd, process 0 is the asker: one of another pid namespace. */
	if (identity->pid > 0 &&
	    sd_pid_get_unit(identity->pid, &unit) >= 0) {
		if (pidfd < 0 || !is_dead(pidfd))
			snprintf(identity->unit, sizeof(identity->unit), "%s",
				 unit);
		free(unit);
	}
	if (pidfd >= 0)
		close(pidfd);
}

int carve_identity_init(struct carve_identity *identity, int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int r;

	*identity = (struct carve_identity){ 0 };
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	identity->uid = peer.uid;
	identity->gid = peer.gid;
	identity->pid = peer.pid;
	identity->terms = carve_terms_default(peer.uid);
	r = get_groups(identity, socket);
	if (r == 0)
		get_unit(identity, socket);
	return r;
}

void carve_identity_done(struct carve_identity *identity)
{
	free(identity->groups);
	*identity = (struct carve_identity){ 0 };
}
