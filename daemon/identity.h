/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a connection, as the kernel and systemd say; and
 * what the administrator's rules make of it.
 */
#ifndef CARVE_DAEMON_IDENTITY_H
#define CARVE_DAEMON_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

/* As a limit: none. */
#define CARVE_TERMS_UNLIMITED	UINT64_MAX

/**
 * enum carve_terms_scope - whose memory a limit counts
 * @CARVE_TERMS_USER: all of the asker's user, in whatever unit
 * @CARVE_TERMS_UNIT: all of the asker's unit, of whatever user; and what the
 *	asker's user has in a unit that is not known (see charges.h), since it
 *	may have been this one
 * @CARVE_TERMS_USER_IN_UNIT: what the asker's user has in the asker's unit; and
 *	in one that is not known
 */
enum carve_terms_scope {
	CARVE_TERMS_USER,
	CARVE_TERMS_UNIT,
	CARVE_TERMS_USER_IN_UNIT,
};

/**
 * struct carve_terms - what a rule says about somebody's requests
 * @scope: whose memory the three limits count, in each region on its own
 * @max_bytes: in live buffers outside of reservations, guards included
 * @max_buffers: number of such buffers
 * @max_reserved: bytes in slots of reservations, guards included
 * @limit: physical address below which all buffers lie, 0 for none
 * @guard_before, @guard_after: bytes of the least guards of every buffer
 * @priority: -100 to 100
 * @show_addresses: may see where buffers lie
 */
struct carve_terms {
	enum carve_terms_scope scope;
	uint64_t max_bytes;
	uint64_t max_buffers;
	uint64_t max_reserved;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
	int priority;
	bool show_addresses;
};

/**
 * struct carve_identity - who is at the other end of a connection
 * @uid, @gid, @pid: who connected; what it was at that moment
 * @groups: @group_count supplementary groups
 * @unit: its *system* unit (a user's units are in user@UID.service), cut if it
 *	is longer; empty when it is not known
 * @terms: the rules as they are now; a request keeps a copy
 */
struct carve_identity {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups;
	size_t group_count;
	char unit[CARVE_WIRE_UNIT];
	struct carve_terms terms;
};

/**
 * carve_identity_init() - find out who is at the other end
 * @identity: carve_identity_done(); its terms are those without any rule
 * @socket: a connected Unix socket
 *
 * A unit that cannot be found out is none. Where the kernel has SO_PEERPIDFD
 * (6.5), it is sure that the unit is the one of the process that connected.
 * Without it, a process that connects and ends before it is looked at may be
 * taken for the one that has got its number meanwhile.
 *
 * Return: 0; -ENOMEM; what getsockopt() answers.
 */
int carve_identity_init(struct carve_identity *identity, int socket);

/* Does it belong to this group, by its first or another one? */
bool carve_identity_has_group(const struct carve_identity *identity, gid_t gid);

void carve_identity_done(struct carve_identity *identity);

/* What is so for @uid when no rule says anything. */
struct carve_terms carve_terms_default(uid_t uid);

#endif /* CARVE_DAEMON_IDENTITY_H */
