// SPDX-License-Identifier: MIT
#include "refusal.h"

#include "carve.h"
#include "log.h"

/* Is it about a limit of the asker's own? */
static bool is_own(uint32_t reason)
{
	return reason == CARVE_REFUSED_BYTES ||
	       reason == CARVE_REFUSED_BUFFERS ||
	       reason == CARVE_REFUSED_RESERVED;
}

void carve_refusal_fill(const struct carve_region *region,
			const struct carve_identity *who,
			struct carve_wire_refusal *ret)
{
	struct carve_figures figures =
		carve_placement_figures(&region->placement);

	*ret = (struct carve_wire_refusal){
		.header = ret->header,
		.index = ret->index,
		.reason = ret->reason,
		.region_bytes = figures.bytes,
		.free_bytes = figures.clean,
		.largest_bytes = figures.largest,
		.dirty_bytes = figures.dirty,
		.live_bytes = figures.live,
		.reserved_bytes = figures.reserved,
		.kept_bytes = carve_region_kept(region),
		.own_bytes = is_own(ret->reason) ? ret->own_bytes :
			carve_charges_bytes(&region->charges, who->uid),
		.own_limit = is_own(ret->reason) ? ret->own_limit : 0,
	};
}

void carve_refusal_explain(struct carve_region *region,
			   const struct carve_identity *who,
			   const struct carve_wish *wishes, size_t count,
			   struct carve_wire_refusal *refusal,
			   struct carve_holders *ret)
{
	static struct carve_log_limit limit;
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.pid = who->pid,
		.uid = who->uid,
	};
	char names[512];

	if (refusal->reason != CARVE_REFUSED_SPACE)
		count = 0;
	carve_explain(region, who, wishes, count, ret);
	carve_explain_names(ret, names, sizeof(names));
	if (names[0])
		carve_log_limited(&limit, LOG_INFO, &about, "region %s: in the "
				  "way of uid %u pid %d: %s", about.region,
				  (unsigned int)who->uid, (int)who->pid, names);
	carve_explain_hide(who, ret);
	refusal->holder_count = ret->count;
}
