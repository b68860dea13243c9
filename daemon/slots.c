// SPDX-License-Identifier: MIT
#include "slots.h"

#include <assert.h>

static void init_class(struct carve_slot_class *class)
{
	*class = (struct carve_slot_class){ 0 };
	TAILQ_INIT(&class->empty);
	TAILQ_INIT(&class->live);
	TAILQ_INIT(&class->dirty);
}

void carve_slots_init(struct carve_slots *slots,
		      struct carve_placement *placement)
{
	slots->placement = placement;
	slots->class_count = 0;
	for (size_t i = 0; i < CARVE_SLOTS_CLASSES; i++)
		init_class(&slots->classes[i]);
}

/* Return: the list of slots in this state. */
static struct carve_slot_list *list_of(struct carve_slot_class *class,
				       enum carve_extent_state state,
				       size_t **ret_count)
{
	switch (state) {
	case CARVE_EXTENT_RESERVED:
		*ret_count = &class->empty_count;
		return &class->empty;
	case CARVE_EXTENT_LIVE:
		*ret_count = &class->live_count;
		return &class->live;
	default:
		assert(state == CARVE_EXTENT_HELD);
		*ret_count = &class->dirty_count;
		return &class->dirty;
	}
}

void carve_slot_enter(struct carve_slots *slots, size_t class,
		      struct carve_slot *slot)
{
	size_t *count;
	struct carve_slot_list *list = list_of(&slots->classes[class],
					       slot->extent->state, &count);

	slot->owner = slots;
	slot->class = class;
	/* What was free the longest is used again last: it is cold. */
	TAILQ_INSERT_HEAD(list, slot, link);
	++*count;
}

void carve_slot_leave(struct carve_slot *slot)
{
	size_t *count;
	struct carve_slot_list *list =
		list_of(&slot->owner->classes[slot->class],
			slot->extent->state, &count);

	TAILQ_REMOVE(list, slot, link);
	--*count;
	slot->owner = NULL;
}

static void turn(struct carve_slot *slot, enum carve_extent_state state)
{
	struct carve_slots *slots = slot->owner;

	carve_slot_leave(slot);
	carve_placement_turn(slots->placement, slot->extent, state);
	carve_slot_enter(slots, slot->class, slot);
}

struct carve_slot *carve_slots_take(struct carve_slots *slots, size_t class)
{
	struct carve_slot *slot = TAILQ_FIRST(&slots->classes[class].empty);

	if (slot)
		turn(slot, CARVE_EXTENT_LIVE);
	return slot;
}

void carve_slot_put_back(struct carve_slot *slot)
{
	turn(slot, CARVE_EXTENT_RESERVED);
}

void carve_slot_release(struct carve_slot *slot)
{
	turn(slot, CARVE_EXTENT_HELD);
}

void carve_slot_clean(struct carve_slot *slot)
{
	assert(slot->extent->state == CARVE_EXTENT_HELD);
	turn(slot, CARVE_EXTENT_RESERVED);
}

size_t carve_slots_count(const struct carve_slots *slots, bool live)
{
	size_t count = 0;

	for (size_t i = 0; i < slots->class_count; i++)
		count += live ? slots->classes[i].live_count :
				slots->classes[i].kind.count;
	return count;
}

uint64_t carve_slots_bytes(const struct carve_slots *slots, bool live)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < slots->class_count; i++) {
		const struct carve_slot_class *class = &slots->classes[i];

		bytes += class->kind.wish.bytes *
			 (live ? class->live_count : class->kind.count);
	}
	return bytes;
}

static const char *check_slot(const struct carve_slots *slots, size_t class,
			      const struct carve_slot *slot)
{
	const struct carve_wish *wish = &slots->classes[class].kind.wish;
	uint64_t offset = carve_extent_offset(slot->extent);
	uint64_t begin = slots->placement->base + offset;

	if (slot->owner != slots || slot->class != class)
		return "slots: one that does not know where it belongs";
	if (carve_placement_next(slots->placement, offset) != slot->extent)
		return "slots: one whose extent is not in the region";
	if (carve_extent_bytes(slot->extent) != wish->bytes)
		return "slots: one of a wrong size";
	if ((begin + wish->before) & (wish->alignment - 1))
		return "slots: one that is not aligned";
	if (wish->limit && begin + wish->bytes > wish->limit)
		return "slots: one beyond the limit";
	return NULL;
}

static const char *check_list(const struct carve_slots *slots, size_t class,
			      const struct carve_slot_list *list,
			      enum carve_extent_state state, size_t count)
{
	const struct carve_slot *slot;

	TAILQ_FOREACH(slot, list, link) {
		const char *wrong = check_slot(slots, class, slot);

		if (wrong)
			return wrong;
		if (slot->extent->state != state)
			return "slots: one in the list of another state";
		if (!count--)
			break;
	}
	return slot || count ? "slots: a list of a wrong length" : NULL;
}

const char *carve_slots_check(const struct carve_slots *slots)
{
	const char *wrong = NULL;

	for (size_t i = 0; !wrong && i < CARVE_SLOTS_CLASSES; i++) {
		const struct carve_slot_class *class = &slots->classes[i];
		size_t count = class->empty_count + class->live_count +
			       class->dirty_count;

		if (count != (i < slots->class_count ? class->kind.count : 0))
			return "slots: more or fewer than were granted";
		wrong = check_list(slots, i, &class->empty,
				   CARVE_EXTENT_RESERVED, class->empty_count);
		if (!wrong)
			wrong = check_list(slots, i, &class->live,
					   CARVE_EXTENT_LIVE,
					   class->live_count);
		if (!wrong)
			wrong = check_list(slots, i, &class->dirty,
					   CARVE_EXTENT_HELD,
					   class->dirty_count);
	}
	return wrong;
}
