/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a connection, as the kernel and systemd say; and
 * what the administrator's rules make of it.
 */
#ifndef CARVE_DAEMON_IDENTITY_H
#define CARVE_DAEMON_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "protocol.h"
#include "terms.h"

/**
 * struct carve_identity - who is at the other end of a connection
 * @uid, @gid, @pid: who connected; what it was at that moment
 * @groups: @group_count supplementary groups; NULL for none
 * @unit: its *system* unit (a user's units are in user@UID.service), cut if it
 *	is longer than CARVE_WIRE_UNIT; "" when it is not known
 * @terms: the rules as they are now; a request keeps a copy
 */
struct carve_identity {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uint32_t group_count;
	gid_t *groups;
	const char *unit;
	struct carve_terms terms;
};

/**
 * carve_identity_init() - find out who is at the other end
 * @identity: carve_identity_done(); its terms are those without any rule
 * @socket: a connected Unix socket
 *
 * Who is in no unit, or has ended already, has none. Where the kernel has
 * SO_PEERPIDFD (6.5), it is sure that the unit is the one of the process that
 * connected. Without it, a process that connects and ends before it is looked at may be
 * taken for the one that has got its number meanwhile.
 *
 * Return: 0; -ENOMEM, -EMFILE, -ENFILE; what else getsockopt() answers.
 */
int carve_identity_init(struct carve_identity *identity, int socket);

/* Does it belong to this group, by its first or another one? */
static inline bool
carve_identity_has_group(const struct carve_identity *identity, gid_t gid)
{
	for (size_t i = 0; i < identity->group_count; i++)
		if (identity->groups[i] == gid)
			return true;
	return identity->gid == gid;
}

/*
 * It is in @unit, shorter than CARVE_WIRE_UNIT, or "". Return: 0; -ENOMEM, and it is
 * where it was.
 */
int carve_identity_set_unit(struct carve_identity *identity, const char *unit);

void carve_identity_done(struct carve_identity *identity);

#endif /* CARVE_DAEMON_IDENTITY_H */
