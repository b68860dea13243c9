// SPDX-License-Identifier: MIT
#include "identity.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>
#include <unistd.h>

/* Linux 6.5; the C library's headers may be older than the kernel. */
#if !defined(SO_PEERPIDFD) && !defined(__sparc__) && !defined(__hppa__)
#define SO_PEERPIDFD	77
#endif

/* Room for the groups of most; else the kernel says how much it takes. */
#define GROUPS_FIRST	32

/* In a block as long as it is, or none: there may be a thousand of them. */
static gid_t *fit(gid_t *groups, size_t bytes)
{
	gid_t *fitting;

	if (!bytes) {
		free(groups);
		return NULL;
	}
	fitting = realloc(groups, bytes);
	return fitting ? fitting : groups;
}

static int get_groups(struct carve_identity *identity, int socket)
{
	socklen_t size = GROUPS_FIRST * sizeof(gid_t);

	for (;;) {
		gid_t *groups = malloc(size);

		if (!groups)
			return -ENOMEM;
		if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups,
			       &size) == 0) {
			identity->group_count = (uint32_t)(size / sizeof(gid_t));
			identity->groups = fit(groups, size);
			return 0;
		}
		free(groups);
		if (errno != ERANGE)
			return -errno;
	}
}

/*
 * Return: 1 and a pidfd of who connected; 0 when the kernel knows no such thing;
 * -ESRCH (it has ended already); -EMFILE, -ENFILE, -ENOMEM.
 */
static int get_pidfd(int socket, int *ret)
{
#ifdef SO_PEERPIDFD
	socklen_t size = sizeof(*ret);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, ret, &size) == 0)
		return 1;
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -errno;
	case ENOPROTOOPT:
		return 0;
	default:
		/* Kernels differ in what they call it. */
		return -ESRCH;
	}
#else
	(void)socket;
	(void)ret;
	return 0;
#endif
}

static bool is_dead(int pidfd)
{
	struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pollfd, 1, 0) != 0;
}

static void drop_unit(struct carve_identity *identity)
{
	if (identity->unit && identity->unit[0])
		free((char *)identity->unit);
	identity->unit = "";
}

int carve_identity_set_unit(struct carve_identity *identity, const char *unit)
{
	char *copy = unit[0] ? strdup(unit) : NULL;

	if (unit[0] && !copy)
		return -ENOMEM;
	drop_unit(identity);
	if (copy)
		identity->unit = copy;
	return 0;
}

/* Return: 0, and a unit or none; -ENOMEM, -EMFILE, -ENFILE. */
static int read_unit(struct carve_identity *identity)
{
	char *unit;
	int r;

	/* To systemd, process 0 is the asker: one of another pid namespace. */
	if (identity->pid <= 0)
		return 0;
	r = sd_pid_get_unit(identity->pid, &unit);
	if (r >= 0) {
		unit[strnlen(unit, CARVE_WIRE_UNIT - 1)] = '\0';
		r = carve_identity_set_unit(identity, unit);
		free(unit);
		return r;
	}
	/* To be in none, or to have ended, is no error. */
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : 0;
}

/*
 * A number belongs to a process until that has ended. If it has not ended after
 * its unit was read, the unit is its own. What could not be found out for want
 * of something here is an error: no rule for a unit is to be got round by that.
 */
static int get_unit(struct carve_identity *identity, int socket)
{
	int pidfd, known, r;

	known = get_pidfd(socket, &pidfd);
	if (known < 0)
		return known == -ESRCH ? 0 : known;
	r = read_unit(identity);
	if (known) {
		if (is_dead(pidfd))
			(void)carve_identity_set_unit(identity, "");
		close(pidfd);
	}
	return r;
}

int carve_identity_init(struct carve_identity *identity, int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int r;

	*identity = (struct carve_identity){ .unit = "" };
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	identity->uid = peer.uid;
	identity->gid = peer.gid;
	identity->pid = peer.pid;
	identity->terms = carve_terms_default(peer.uid);
	r = get_groups(identity, socket);
	if (r == 0)
		r = get_unit(identity, socket);
	return r;
}

void carve_identity_done(struct carve_identity *identity)
{
	free(identity->groups);
	drop_unit(identity);
	*identity = (struct carve_identity){ 0 };
}
