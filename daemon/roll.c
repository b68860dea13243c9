// SPDX-License-Identifier: MIT
#include "roll.h"

static struct carve_record *of_node(const struct carve_tree_node *node)
{
	return carve_container_of(node, struct carve_record, by_number);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_places(const struct carve_roll_place *a,
			  const struct carve_roll_place *b)
{
	int order = compare(a->id, b->id);

	if (!order)
		order = compare(a->bytes, b->bytes);
	return order ? order : compare(a->offset, b->offset);
}

struct carve_roll_place carve_roll_place_of(const struct carve_record *record)
{
	return (struct carve_roll_place){
		.id = record->id,
		.bytes = carve_extent_bytes(&record->extent),
		.offset = carve_extent_offset(&record->extent),
	};
}

static int order_by_number(const struct carve_tree_node *a,
			   const struct carve_tree_node *b)
{
	struct carve_roll_place x = carve_roll_place_of(of_node(a));
	struct carve_roll_place y = carve_roll_place_of(of_node(b));

	return compare_places(&x, &y);
}

void carve_roll_add(struct carve_region *region, struct carve_record *record)
{
	carve_tree_insert(&region->by_number, &record->by_number,
			  order_by_number);
}

void carve_roll_remove(struct carve_region *region, struct carve_record *record)
{
	carve_tree_remove(&region->by_number, &record->by_number,
			  order_by_number);
}

void carve_roll_remove_slots(struct carve_region *region,
			     struct carve_slot_list *left)
{
	struct carve_slot *slot;

	TAILQ_FOREACH(slot, left, link)
		if (slot->extent->state == CARVE_EXTENT_NONE)
			carve_roll_remove(region, carve_record_of_slot(slot));
}

struct carve_record *carve_roll_next(const struct carve_region *region,
				     const struct carve_roll_place *place)
{
	const struct carve_tree_node *node = region->by_number;
	struct carve_record *found = NULL;

	while (node) {
		struct carve_roll_place its =
			carve_roll_place_of(of_node(node));

		if (compare_places(&its, place) > 0) {
			found = of_node(node);
			node = carve_tree_left(node);
		} else {
			node = carve_tree_right(node);
		}
	}
	return found;
}
