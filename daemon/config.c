// SPDX-License-Identifier: MIT
#include "config.h"

#include <string.h>

bool carve_config_matches(const struct carve_config_match *match,
			  const struct carve_identity *identity)
{
	if (match->has_uid && match->uid != identity->uid)
		return false;
	if (match->has_gid && !carve_identity_has_group(identity, match->gid))
		return false;
	return !match->unit[0] || !strcmp(match->unit, identity->unit);
}
