/* SPDX-License-Identifier: MIT */
/*
 * What the administrator's rules allow somebody.
 */
#ifndef CARVE_DAEMON_TERMS_H
#define CARVE_DAEMON_TERMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
 * @max_bytes: in live buffers outside of reservations, guards included
 * @max_buffers: number of such buffers
 * @max_reserved: bytes in slots of reservations, guards included
 * @limit: physical address below which all buffers lie, 0 for none
 * @guard_before, @guard_after: bytes of the least guards of every buffer
 * @priority: -100 to 100
 * @scope: enum carve_terms_scope: whose memory the three limits count, in each
 *	region on its own
 * @show_addresses: may see where buffers lie
 */
struct carve_terms {
	uint64_t max_bytes;
	uint64_t max_buffers;
	uint64_t max_reserved;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
	int priority;
	uint8_t scope;
	bool show_addresses;
};

/* What is so for @uid when no rule says anything. */
static inline struct carve_terms carve_terms_default(uid_t uid)
{
	return (struct carve_terms){
		.scope = CARVE_TERMS_USER,
		.max_bytes = CARVE_TERMS_UNLIMITED,
		.max_buffers = CARVE_TERMS_UNLIMITED,
		.max_reserved = CARVE_TERMS_UNLIMITED,
		.show_addresses = uid == 0,
	};
}

#endif /* CARVE_DAEMON_TERMS_H */
