// SPDX-License-Identifier: MIT
/*
 * Another profile in the place of the present one. All that can fail comes
 * first and can be taken back exactly: what was lifted was clean, so it goes
 * back to where it lay.
 */
#include "slots.h"

#include <assert.h>
#include <errno.h>

#define NONE	CARVE_SLOTS_CLASSES

/**
 * struct plan - which slots stay, and what is new
 * @from: for every new class the present one it goes on with, or NONE
 * @kept: for every present class how many of its slots stay
 * @order: new classes, the most demanding first
 * @lifted: empty slots that go, out of the region
 * @placed: new slots, in the region
 */
struct plan {
	struct carve_slots *slots;
	const struct carve_kind *kinds;
	size_t count;
	size_t from[CARVE_SLOTS_CLASSES];
	size_t kept[CARVE_SLOTS_CLASSES];
	size_t order[CARVE_SLOTS_CLASSES];
	struct carve_slot_list lifted;
	struct carve_slot_list placed;
};

static bool same(const struct carve_kind *a, const struct carve_kind *b)
{
	return a->wish.bytes == b->wish.bytes &&
	       a->wish.alignment == b->wish.alignment &&
	       a->wish.limit == b->wish.limit &&
	       a->wish.before == b->wish.before &&
	       a->wish.after == b->wish.after;
}

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Two classes may be the same: each goes on with one of its own. */
static void match(const struct carve_slots *slots,
		  const struct carve_kind *kinds, size_t count, size_t *from,
		  size_t *kept)
{
	bool taken[CARVE_SLOTS_CLASSES] = { false };

	for (size_t i = 0; i < CARVE_SLOTS_CLASSES; i++) {
		from[i] = NONE;
		kept[i] = 0;
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < slots->class_count; j++) {
			if (taken[j] ||
			    !same(&kinds[i], &slots->classes[j].kind))
				continue;
			taken[j] = true;
			from[i] = j;
			kept[j] = lesser(kinds[i].count,
					 slots->classes[j].kind.count);
			break;
		}
	}
}

static bool is_before(const struct carve_kind *a, const struct carve_kind *b)
{
	if (!a->wish.limit != !b->wish.limit)
		return a->wish.limit;
	if (a->wish.alignment != b->wish.alignment)
		return a->wish.alignment > b->wish.alignment;
	return a->wish.bytes > b->wish.bytes;
}

/* What is hard to place goes first, while there is most room. */
static void sort(const struct carve_kind *kinds, size_t count, size_t *order)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = i;

		for (; at && is_before(&kinds[i], &kinds[order[at - 1]]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static size_t missing(const struct plan *plan, size_t class)
{
	size_t from = plan->from[class];

	return plan->kinds[class].count -
	       (from == NONE ? 0 : plan->kept[from]);
}

size_t carve_slots_missing(const struct carve_slots *slots,
			   const struct carve_kind *kinds, size_t count)
{
	struct plan plan = { .kinds = kinds };
	size_t sum = 0;

	match(slots, kinds, count, plan.from, plan.kept);
	for (size_t i = 0; i < count; i++)
		sum += missing(&plan, i);
	return sum;
}

size_t carve_slots_missing_wishes(const struct carve_slots *slots,
				  const struct carve_kind *kinds, size_t count,
				  struct carve_wish *wishes)
{
	struct plan plan = { .kinds = kinds };
	size_t sum = 0;

	match(slots, kinds, count, plan.from, plan.kept);
	for (size_t i = 0; i < count; i++)
		for (size_t n = missing(&plan, i); n; n--)
			wishes[sum++] = kinds[i].wish;
	return sum;
}

/* How many of a present class stay in each state: live, then dirty, then empty. */
static size_t kept_live(const struct plan *plan, size_t class)
{
	return lesser(plan->kept[class], plan->slots->classes[class].live_count);
}

static size_t kept_dirty(const struct plan *plan, size_t class)
{
	return lesser(plan->kept[class] - kept_live(plan, class),
		      plan->slots->classes[class].dirty_count);
}

static size_t kept_empty(const struct plan *plan, size_t class)
{
	return plan->kept[class] - kept_live(plan, class) -
	       kept_dirty(plan, class);
}

uint64_t carve_slots_growth(const struct carve_slots *slots,
			    const struct carve_kind *kinds, size_t count)
{
	struct plan plan = {
		.slots = (struct carve_slots *)slots, .kinds = kinds,
	};
	uint64_t taken = 0, given = 0;

	match(slots, kinds, count, plan.from, plan.kept);
	for (size_t i = 0; i < count; i++)
		taken += missing(&plan, i) * kinds[i].wish.bytes;
	for (size_t i = 0; i < slots->class_count; i++)
		given += (slots->classes[i].empty_count - kept_empty(&plan, i)) *
			 slots->classes[i].kind.wish.bytes;
	return taken > given ? taken - given : 0;
}

static void lift(struct plan *plan)
{
	struct carve_slots *slots = plan->slots;

	for (size_t i = 0; i < slots->class_count; i++) {
		struct carve_slot_class *class = &slots->classes[i];
		size_t keep = kept_empty(plan, i);

		while (class->empty_count > keep) {
			struct carve_slot *slot = TAILQ_FIRST(&class->empty);

			carve_slot_leave(slot);
			carve_placement_undo(slots->placement, slot->extent);
			TAILQ_INSERT_HEAD(&plan->lifted, slot, link);
		}
	}
}

/* The last lifted one first, so that the lists are as they were, too. */
static void drop(struct plan *plan)
{
	struct carve_slots *slots = plan->slots;
	struct carve_slot *slot;

	while ((slot = TAILQ_FIRST(&plan->lifted))) {
		struct carve_extent *extent = slot->extent;
		int r = carve_placement_insert(slots->placement, extent,
					       carve_extent_offset(extent),
					       carve_extent_bytes(extent),
					       CARVE_EXTENT_RESERVED);

		assert(r == 0);
		(void)r;
		TAILQ_REMOVE(&plan->lifted, slot, link);
		carve_slot_enter(slots, slot->class, slot);
	}
}

static bool place_one(struct plan *plan, size_t class,
		      struct carve_slot_list *fresh)
{
	struct carve_placement *placement = plan->slots->placement;
	struct carve_slot *slot = TAILQ_FIRST(fresh);
	size_t index;

	assert(slot && slot->extent->state == CARVE_EXTENT_NONE);
	if (carve_placement_allocate(placement, &slot->extent,
				     &plan->kinds[class].wish, 1, &index) < 0)
		return false;
	carve_placement_turn(placement, slot->extent, CARVE_EXTENT_RESERVED);
	TAILQ_REMOVE(fresh, slot, link);
	slot->class = class;
	TAILQ_INSERT_HEAD(&plan->placed, slot, link);
	return true;
}

static void displace(struct plan *plan, struct carve_slot_list *fresh)
{
	struct carve_slot *slot;

	while ((slot = TAILQ_FIRST(&plan->placed))) {
		TAILQ_REMOVE(&plan->placed, slot, link);
		carve_placement_undo(plan->slots->placement, slot->extent);
		TAILQ_INSERT_HEAD(fresh, slot, link);
	}
}

/*
 * Is it more than there is at all? Most of what does not fit is found out here,
 * without placing up to a thousand slots each time somebody gives memory back.
 */
static bool exceeds(const struct plan *plan, uint64_t bytes, size_t *ret_index)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < plan->count; i++) {
		size_t class = plan->order[i];

		sum += missing(plan, class) * plan->kinds[class].wish.bytes;
		if (sum > bytes) {
			*ret_index = class;
			return true;
		}
	}
	return false;
}

static bool place(struct plan *plan, struct carve_slot_list *fresh,
		  size_t *ret_index)
{
	struct carve_recent *recent = &plan->slots->placement->habit.recent;
	const struct carve_recent before = *recent;

	if (exceeds(plan, plan->slots->placement->used.gap_bytes, ret_index))
		return false;
	for (size_t i = 0; i < plan->count; i++) {
		size_t class = plan->order[i];

		for (size_t n = missing(plan, class); n; n--) {
			if (place_one(plan, class, fresh))
				continue;
			displace(plan, fresh);
			carve_habit_forget(recent, &before);
			*ret_index = class;
			return false;
		}
	}
	/* Slots are no burst: they end when nobody needs them, if ever. */
	carve_habit_forget(recent, &before);
	return true;
}

/* Dirty slots that go count as dirty memory like any other, or not again. */
static void promise(struct plan *plan, bool on)
{
	struct carve_slots *slots = plan->slots;

	for (size_t i = 0; i < slots->class_count; i++) {
		struct carve_slot_class *class = &slots->classes[i];
		size_t surplus = class->dirty_count - kept_dirty(plan, i);
		struct carve_slot *slot = TAILQ_FIRST(&class->dirty);

		for (; surplus--; slot = TAILQ_NEXT(slot, link))
			carve_placement_turn(slots->placement, slot->extent,
					     on ? CARVE_EXTENT_HELD :
						  CARVE_EXTENT_DIRTY);
	}
}

/* As place(), but into dirty memory too, and nothing stays of it. */
static bool would_place(struct plan *plan, struct carve_slot_list *fresh,
			size_t *ret_index)
{
	struct carve_placement *placement = plan->slots->placement;
	struct carve_slot *slot = TAILQ_FIRST(fresh);
	bool fits;

	promise(plan, false);
	/* Were there nothing dirty, another order of holes might deceive us. */
	fits = placement->held.gap_bytes != placement->used.gap_bytes &&
	       !exceeds(plan, placement->held.gap_bytes, ret_index);
	for (size_t i = 0; fits && i < plan->count; i++) {
		size_t class = plan->order[i];

		for (size_t n = missing(plan, class); fits && n; n--) {
			fits = carve_placement_trial(placement, slot->extent,
						     &plan->kinds[class].wish);
			if (fits)
				slot = TAILQ_NEXT(slot, link);
			else
				*ret_index = class;
		}
	}
	for (const struct carve_slot *last = slot, *each = TAILQ_FIRST(fresh);
	     each != last; each = TAILQ_NEXT(each, link))
		carve_placement_trial_end(placement, each->extent);
	promise(plan, true);
	return fits;
}

/* The first so many of a list go, as they are from now on. */
static void let_go(struct carve_slots *slots, struct carve_slot_list *list,
		   size_t count, struct carve_slot_list *left)
{
	while (count--) {
		struct carve_slot *slot = TAILQ_FIRST(list);

		carve_slot_leave(slot);
		if (slot->extent->state == CARVE_EXTENT_HELD)
			carve_placement_turn(slots->placement, slot->extent,
					     CARVE_EXTENT_DIRTY);
		TAILQ_INSERT_TAIL(left, slot, link);
	}
}

static void let_surplus_go(struct plan *plan, struct carve_slot_list *left)
{
	struct carve_slots *slots = plan->slots;

	TAILQ_CONCAT(left, &plan->lifted, link);
	for (size_t i = 0; i < slots->class_count; i++) {
		struct carve_slot_class *class = &slots->classes[i];
		/* Both first: each depends on how many there are. */
		size_t live = class->live_count - kept_live(plan, i);
		size_t dirty = class->dirty_count - kept_dirty(plan, i);

		let_go(slots, &class->live, live, left);
		let_go(slots, &class->dirty, dirty, left);
	}
}

/* All slots of @list, of one present class, into a new one. */
static void move(struct carve_slot_list *list, struct carve_slots *to,
		 size_t class)
{
	struct carve_slot *slot;

	while ((slot = TAILQ_LAST(list, carve_slot_list))) {
		carve_slot_leave(slot);
		carve_slot_enter(to, class, slot);
	}
}

static void commit(struct plan *plan, struct carve_slot_list *left)
{
	struct carve_slots *slots = plan->slots;
	struct carve_slots next;
	struct carve_slot *slot;

	let_surplus_go(plan, left);
	carve_slots_init(&next, slots->placement);
	for (size_t i = 0; i < plan->count; i++) {
		struct carve_slot_class *class;

		next.classes[i].kind = plan->kinds[i];
		if (plan->from[i] == NONE)
			continue;
		class = &slots->classes[plan->from[i]];
		move(&class->empty, &next, i);
		move(&class->live, &next, i);
		move(&class->dirty, &next, i);
	}
	/* There are none in it now: its lists may be made anew. */
	carve_slots_init(slots, slots->placement);
	slots->class_count = plan->count;
	for (size_t i = 0; i < plan->count; i++) {
		slots->classes[i].kind = plan->kinds[i];
		move(&next.classes[i].empty, slots, i);
		move(&next.classes[i].live, slots, i);
		move(&next.classes[i].dirty, slots, i);
	}
	while ((slot = TAILQ_FIRST(&plan->placed))) {
		TAILQ_REMOVE(&plan->placed, slot, link);
		carve_slot_enter(slots, slot->class, slot);
	}
}

int carve_slots_change(struct carve_slots *slots,
		       const struct carve_kind *kinds, size_t count,
		       struct carve_slot_list *fresh,
		       struct carve_slot_list *left, size_t *ret_index)
{
	struct plan plan = { .slots = slots, .kinds = kinds, .count = count };
	int r = 0;

	assert(count <= CARVE_SLOTS_CLASSES);
	TAILQ_INIT(&plan.lifted);
	TAILQ_INIT(&plan.placed);
	match(slots, kinds, count, plan.from, plan.kept);
	sort(kinds, count, plan.order);

	lift(&plan);
	if (place(&plan, fresh, ret_index)) {
		commit(&plan, left);
		return 0;
	}
	r = would_place(&plan, fresh, ret_index) ? -EAGAIN : -ENOSPC;
	drop(&plan);
	return r;
}
