// SPDX-License-Identifier: MIT
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "carve.h"
#include "picture.h"
#include "region.h"

/* Bytes that would go with a holder: slots once, whatever is in them. */
static uint64_t bytes_of(const struct carve_charge *charge)
{
	return charge->bytes - charge->slot_bytes + charge->reserved;
}

/* Is one set there, and can it be told? */
static bool find_needed(struct carve_region *region,
			const struct carve_wish *wishes, size_t count,
			bool *needed)
{
	struct carve_span *spans = carve_picture_room()->spans;
	size_t holders = 0;

	if (!carve_survey_find_all(carve_picture_take(region), wishes, count,
				   spans, needed))
		return false;
	for (size_t i = 0; i < CARVE_SURVEY_HOLDERS; i++)
		holders += needed[i];
	/* The last number may be several holders. */
	return holders <= CARVE_WIRE_HOLDERS_MAX &&
	       !needed[CARVE_SURVEY_HOLDERS - 1];
}

static bool sees(const struct carve_identity *who, uid_t uid)
{
	return who->uid == 0 || who->uid == uid || who->uid == geteuid();
}

static void describe(const struct carve_charge *charge,
		     const struct carve_identity *who, bool needed,
		     struct carve_wire_holder *ret)
{
	*ret = (struct carve_wire_holder){
		.flags = CARVE_HOLDER_KNOWN | (needed ? CARVE_HOLDER_NEEDED : 0),
		.uid = charge->uid,
		.bytes = bytes_of(charge),
		.buffers = (uint32_t)charge->buffers,
	};
	if (charge->uid == who->uid && !strcmp(charge->unit, who->unit))
		ret->flags |= CARVE_HOLDER_SELF;
	snprintf(ret->unit, sizeof(ret->unit), "%s", charge->unit);
}

void carve_explain_hide(const struct carve_identity *who,
			struct carve_holders *holders)
{
	for (uint32_t i = 0; i < holders->count; i++) {
		struct carve_wire_holder *holder = &holders->items[i];

		if (sees(who, holder->uid))
			continue;
		holder->flags &= ~CARVE_HOLDER_KNOWN;
		holder->uid = 0;
		memset(holder->unit, 0, sizeof(holder->unit));
	}
}

void carve_explain_names(const struct carve_holders *holders, char *text,
			 size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < holders->count && used < size; i++) {
		const struct carve_wire_holder *holder = &holders->items[i];

		if (holder->flags & CARVE_HOLDER_NEEDED)
			used += (size_t)snprintf(text + used, size - used,
				"%suid %u%s%s (%" PRIu64 " bytes in %u buffers)",
				used ? ", " : "", holder->uid,
				holder->unit[0] ? " " : "", holder->unit,
				holder->bytes, holder->buffers);
	}
}

/* Those that are needed go before all others, then the larger before the smaller. */
static bool before(const struct carve_wire_holder *a,
		   const struct carve_wire_holder *b, bool needed_first)
{
	uint32_t x = a->flags & CARVE_HOLDER_NEEDED;
	uint32_t y = b->flags & CARVE_HOLDER_NEEDED;

	if (needed_first && x != y)
		return x;
	return a->bytes > b->bytes;
}

static void insert(struct carve_holders *holders,
		   const struct carve_wire_holder *holder, bool needed_first)
{
	uint32_t at = holders->count;

	while (at && before(holder, &holders->items[at - 1], needed_first))
		at--;
	if (at == CARVE_WIRE_HOLDERS_MAX)
		return;
	if (holders->count < CARVE_WIRE_HOLDERS_MAX)
		holders->count++;
	memmove(&holders->items[at + 1], &holders->items[at],
		(holders->count - 1 - at) * sizeof(holders->items[0]));
	holders->items[at] = *holder;
}

void carve_explain(struct carve_region *region,
		   const struct carve_identity *who,
		   const struct carve_wish *wishes, size_t count,
		   struct carve_holders *ret)
{
	bool needed[CARVE_SURVEY_HOLDERS];
	struct carve_holders chosen = { 0 };
	const struct carve_charge *charge;
	bool found = false;

	if (count && carve_picture_begin(who, false)) {
		found = find_needed(region, wishes, count, needed);
		carve_picture_end(who);
	}
	LIST_FOREACH(charge, &region->charges, link) {
		struct carve_wire_holder holder;

		describe(charge, who, found && needed[charge->number], &holder);
		insert(&chosen, &holder, true);
	}
	ret->count = 0;
	for (uint32_t i = 0; i < chosen.count; i++)
		insert(ret, &chosen.items[i], false);
}
