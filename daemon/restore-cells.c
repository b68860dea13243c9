// SPDX-License-Identifier: MIT
/*
 * Reading what the state says of a region. What refers to nothing is dropped: the
 * daemon was killed before it counted, or before it was dropped itself.
 */
#include "restore-plan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_buffer(const void *a, const void *b)
{
	const struct restore_buffer *x = a, *y = b;

	return compare(x->cell.id, y->cell.id);
}

static int by_reservation(const void *a, const void *b)
{
	const struct restore_reservation *x = a, *y = b;

	return compare(x->cell.id, y->cell.id);
}

static int by_offset(const void *a, const void *b)
{
	const struct restore_slot *x = a, *y = b;

	return compare(x->offset, y->offset);
}

/* ---- arrays ----------------------------------------------------------------- */

/* The next cell of this region, of one type. */
static const struct carve_cell *next_cell(const struct restore_plan *plan,
					  enum carve_cell_type type,
					  uint32_t *place)
{
	const struct carve_region *region = plan->region;
	const struct carve_cell *cell;

	while ((cell = carve_state_next(region->state, place)))
		if (cell->type == type && cell->region == region->state_index)
			return cell;
	return NULL;
}

static size_t count_cells(const struct restore_plan *plan,
			  enum carve_cell_type type)
{
	uint32_t place = 0;
	size_t count = 0;

	while (next_cell(plan, type, &place))
		count++;
	return count;
}

void *carve_restore_resize(struct restore_array *array, size_t bytes)
{
	void *data;

	if (array->data)
		data = mremap(array->data, array->bytes, bytes, MREMAP_MAYMOVE);
	else
		data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return NULL;
	array->data = data;
	array->bytes = bytes;
	return data;
}

/* One more than needed, so that nothing is of no size. */
static void *allocate(struct restore_plan *plan, struct restore_array *array,
		      enum carve_cell_type type, size_t size)
{
	return carve_restore_resize(array, (count_cells(plan, type) + 1) * size);
}

static int allocate_all(struct restore_plan *plan)
{
	plan->buffers = allocate(plan, &plan->arrays[1], CARVE_CELL_BUFFER,
				 sizeof(*plan->buffers));
	plan->reservations = allocate(plan, &plan->arrays[2],
				      CARVE_CELL_RESERVATION,
				      sizeof(*plan->reservations));
	plan->slots = allocate(plan, &plan->arrays[3], CARVE_CELL_SLOT,
			       sizeof(*plan->slots));
	return plan->buffers && plan->reservations && plan->slots ? 0 : -ENOMEM;
}

/* ---- clients -------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct restore_client *x = a, *y = b;

	return compare(x->number, y->number);
}

int carve_restore_clients_init(struct restore_clients *clients,
			       const struct carve_state *state)
{
	const struct carve_cell *cell;
	uint32_t place = 0;
	size_t count = 0;

	*clients = (struct restore_clients){ .count = 0 };
	while ((cell = carve_state_next(state, &place)))
		count += cell->type == CARVE_CELL_CLIENT;
	clients->all = carve_restore_resize(&clients->array, (count + 1) *
					    sizeof(*clients->all));
	if (!clients->all)
		return -ENOMEM;
	for (place = 0; (cell = carve_state_next(state, &place));)
		if (cell->type == CARVE_CELL_CLIENT)
			clients->all[clients->count++] = (struct restore_client){
				.number = cell->client.client, .place = place,
			};
	qsort(clients->all, clients->count, sizeof(*clients->all), by_number);
	return 0;
}

void carve_restore_clients_done(struct restore_clients *clients)
{
	if (clients->array.data)
		munmap(clients->array.data, clients->array.bytes);
}

struct restore_client *
carve_restore_find_client(const struct restore_clients *clients, uint64_t number)
{
	const struct restore_client key = { .number = number };

	return bsearch(&key, clients->all, clients->count, sizeof(key), by_number);
}

void carve_restore_plan_done(struct restore_plan *plan)
{
	for (size_t i = 0; i < 4; i++)
		if (plan->arrays[i].data)
			munmap(plan->arrays[i].data, plan->arrays[i].bytes);
	carve_restore_clients_done(&plan->clients);
}

/* ---- cells ------------------------------------------------------------------- */

static void gather_buffers(struct restore_plan *plan)
{
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = next_cell(plan, CARVE_CELL_BUFFER, &place)))
		plan->buffers[plan->buffer_count++] = (struct restore_buffer){
			.cell = cell->buffer, .place = place,
		};
	qsort(plan->buffers, plan->buffer_count, sizeof(*plan->buffers),
	      by_buffer);
}

static void gather_reservations(struct restore_plan *plan)
{
	struct restore_reservation *each = plan->reservations;
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = next_cell(plan, CARVE_CELL_RESERVATION, &place)))
		each[plan->reservation_count++] = (struct restore_reservation){
			.cell = cell->reservation, .place = place,
		};
	qsort(each, plan->reservation_count, sizeof(*each), by_reservation);
	for (size_t i = 1; i < plan->reservation_count; i++)
		if (each[i].cell.id == each[i - 1].cell.id)
			each[i].wrong = each[i - 1].wrong =
				"there are two of its number";
}

/* Of which a class or slot is, or NULL. */
static struct restore_reservation *
find_reservation(const struct restore_plan *plan, uint64_t id,
		 uint64_t generation)
{
	const struct restore_reservation key = { .cell.id = id };
	struct restore_reservation *found =
		bsearch(&key, plan->reservations, plan->reservation_count,
			sizeof(key), by_reservation);

	return found && found->cell.generation == generation ? found : NULL;
}

static void take_class(struct restore_plan *plan, const struct carve_cell *cell,
		       uint32_t place)
{
	const struct carve_cell_class *class = &cell->class;
	struct restore_reservation *owner =
		find_reservation(plan, class->reservation, class->generation);

	if (!owner || owner->class_places[class->class]) {
		if (owner)
			owner->wrong = "a class is there twice";
		carve_state_drop(plan->region->state, &place);
		return;
	}
	if (class->class >= owner->cell.class_count)
		owner->wrong = "there are more classes than it has";
	owner->class_places[class->class] = place;
	owner->kinds[class->class] = (struct carve_kind){
		.wish = {
			.bytes = class->bytes,
			.alignment = class->alignment,
			.limit = class->limit,
			.before = class->before,
			.after = class->after,
		},
		.count = class->count,
	};
}

static void take_slot(struct restore_plan *plan, const struct carve_cell *cell,
		      uint32_t place)
{
	const struct carve_cell_slot *slot = &cell->slot;
	struct restore_reservation *owner =
		find_reservation(plan, slot->reservation, slot->generation);

	if (!owner) {
		carve_state_drop(plan->region->state, &place);
		return;
	}
	owner->slot_counts[slot->class]++;
	plan->slots[plan->slot_count++] = (struct restore_slot){
		.owner = owner,
		.offset = slot->offset,
		.bytes = owner->kinds[slot->class].wish.bytes,
		.class = slot->class,
		.place = place,
	};
}

int carve_restore_gather(struct restore_plan *plan)
{
	const struct carve_cell *cell;
	uint32_t place = 0;
	int r = allocate_all(plan);

	if (r == 0)
		r = carve_restore_clients_init(&plan->clients,
					       plan->region->state);
	if (r < 0)
		return r;
	gather_buffers(plan);
	gather_reservations(plan);
	while ((cell = next_cell(plan, CARVE_CELL_CLASS, &place)))
		take_class(plan, cell, place);
	for (place = 0; (cell = next_cell(plan, CARVE_CELL_SLOT, &place));)
		take_slot(plan, cell, place);
	qsort(plan->slots, plan->slot_count, sizeof(*plan->slots), by_offset);
	return 0;
}

struct restore_buffer *
carve_restore_find_buffer(struct restore_plan *plan,
			  const struct carve_device_extent *listed)
{
	const struct restore_buffer key = { .cell.id = listed->id };
	struct restore_buffer *found =
		bsearch(&key, plan->buffers, plan->buffer_count, sizeof(key),
			by_buffer);

	if (!found || found->found || found->cell.uid != listed->uid ||
	    found->cell.offset != listed->offset ||
	    found->cell.bytes != listed->bytes)
		return NULL;
	found->found = true;
	return found;
}
