// SPDX-License-Identifier: MIT
/* Why there was no room: one line of numbers, and one for each holder. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "carvectl.h"

static int fail_space(const struct carvectl *ctl, const char *before,
		      const struct carve_refusal *why)
{
	char wanted[CARVECTL_TEXT], all[CARVECTL_TEXT], unused[CARVECTL_TEXT],
	     largest[CARVECTL_TEXT], dirty[CARVECTL_TEXT], live[CARVECTL_TEXT],
	     own[CARVECTL_TEXT], reserved[CARVECTL_TEXT];
	bool exact = ctl->exact;

	/* "No room for 8 MiB, 8 MiB are free" would help nobody. */
	carvectl_size(why->wanted_bytes, exact, wanted);
	carvectl_size(why->largest_bytes, exact, largest);
	exact = exact || !strcmp(wanted, largest);

	return carvectl_fail("%sno room for %s in one piece: %s of %s are free, "
			     "the largest hole being %s; %s are being zeroed, "
			     "%s are in buffers, %s of them yours ('carvectl "
			     "list' shows them), %s are reserved", before,
			     carvectl_size(why->wanted_bytes, exact, wanted),
			     carvectl_size(why->free_bytes, exact, unused),
			     carvectl_size(why->region_bytes, exact, all),
			     carvectl_size(why->largest_bytes, exact, largest),
			     carvectl_size(why->dirty_bytes, exact, dirty),
			     carvectl_size(why->live_bytes, exact, live),
			     carvectl_size(why->own_bytes, exact, own),
			     carvectl_size(why->reserved_bytes, exact, reserved));
}

static int fail_for(const struct carvectl *ctl, const char *before,
		    const struct carve_refusal *why)
{
	char wanted[CARVECTL_TEXT], unused[CARVECTL_TEXT], kept[CARVECTL_TEXT],
	     own[CARVECTL_TEXT], limit[CARVECTL_TEXT];

	carvectl_size(why->wanted_bytes, ctl->exact, wanted);
	carvectl_size(why->free_bytes, ctl->exact, unused);
	carvectl_size(why->kept_bytes, ctl->exact, kept);
	carvectl_size(why->own_bytes, ctl->exact, own);
	carvectl_size(why->own_limit, ctl->exact, limit);
	switch (why->reason) {
	case CARVE_REFUSED_KEPT:
		return carvectl_fail("%sno room for %s: %s are free, and of these "
				     "%s are for requests of higher priority",
				     before, wanted, unused, kept);
	case CARVE_REFUSED_EARMARKED:
		return carvectl_fail("%sno room for %s yet: %s are free, but "
				     "earmarked for a request that has been "
				     "waiting; give --timeout to wait, too",
				     before, wanted, unused);
	case CARVE_REFUSED_BYTES:
		return carvectl_fail("%s%s would be more than the rules of "
				     "carved.conf allow you: you have %s in "
				     "buffers and may have %s", before, wanted,
				     own, limit);
	case CARVE_REFUSED_BUFFERS:
		return carvectl_fail("%sit would be more buffers than the rules "
				     "of carved.conf allow you: you may have %"
				     PRIu64, before, why->own_limit);
	case CARVE_REFUSED_RESERVED:
		return carvectl_fail("%sit would be more than the rules of "
				     "carved.conf let you reserve: you have "
				     "reserved %s and may reserve %s", before,
				     own, limit);
	case CARVE_REFUSED_CLASS:
		return carvectl_fail("%sall %" PRIu64 " buffers of %s of the "
				     "reservation are alive", before,
				     why->own_limit, wanted);
	}
	return fail_space(ctl, before, why);
}

static void print_holder(const struct carvectl *ctl,
			 const struct carve_holder *holder)
{
	char bytes[CARVECTL_TEXT], user[CARVECTL_TEXT], unit[CARVECTL_TEXT];
	const char *name = "another user";

	if (holder->flags & CARVE_HOLDER_KNOWN)
		name = carvectl_user(holder->uid, user);
	carvectl_clean(holder->unit, unit);
	fprintf(stderr, "  %s %10s in %" PRIu32 " buffer%s: %s%s%s%s\n",
		holder->flags & CARVE_HOLDER_NEEDED ? "*" : " ",
		carvectl_size(holder->bytes, ctl->exact, bytes), holder->buffers,
		holder->buffers == 1 ? "" : "s", name, *unit ? ", " : "", unit,
		holder->flags & CARVE_HOLDER_SELF ? " (you)" : "");
}

static void print_holders(const struct carvectl *ctl,
			  const struct carve_refusal *why)
{
	bool needed = false;

	for (uint32_t i = 0; i < why->holder_count && i < CARVE_HOLDERS_MAX; i++) {
		print_holder(ctl, &why->holders[i]);
		needed |= why->holders[i].flags & CARVE_HOLDER_NEEDED;
	}
	if (needed)
		fprintf(stderr, "It would fit without those marked with *.\n");
}

int carvectl_fail_refused(const struct carvectl *ctl, int error,
			  const struct carve_refusal *why)
{
	char before[CARVECTL_TEXT] = "";
	int r;

	if (error == -ETIMEDOUT)
		snprintf(before, sizeof(before), "waited %.3g s in vain: ",
			 (double)ctl->timeout_nsec / 1e9);
	r = fail_for(ctl, before, why);
	print_holders(ctl, why);
	return r;
}
