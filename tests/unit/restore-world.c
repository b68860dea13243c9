// SPDX-License-Identifier: MIT
#include "restore-world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "roll.h"

/* ---- one manager after the other ------------------------------------------------ */

struct world world_new(uint64_t pages)
{
	struct world world = {
		.table = fake_table_new(pages),
		.fd = file_new(),
	};

	world_start(&world);
	world_settle(&world);
	return world;
}

void world_start(struct world *world)
{
	int index;

	world->state = state_of(dup(world->fd));
	assert_null(carve_state_refused(world->state));
	index = carve_state_region(world->state, "main");
	assert_int_equal(index, 0);
	assert_true(sd_event_new(&world->event) >= 0);
	assert_int_equal(carve_region_new(&world->region,
					  fake_device_new(world->table),
					  world->event, world->state, 0), 0);
	world_check(world);
}

void world_stop(struct world *world)
{
	carve_region_free(world->region);
	sd_event_unref(world->event);
	carve_state_free(world->state);
}

void world_restart(struct world *world)
{
	char before[WORLD_TEXT], after[WORLD_TEXT];

	world_check(world);
	world_describe(world, before);
	world_stop(world);
	world_start(world);
	world_describe(world, after);
	assert_string_equal(before, after);
}

void world_free(struct world *world)
{
	world_stop(world);
	close(world->fd);
	fake_table_free(world->table);
}

void world_settle(struct world *world)
{
	carve_region_collect(world->region);
	while (world->region->scrubbing)
		assert_true(sd_event_run(world->event, UINT64_MAX) >= 0);
	world_check(world);
}

/* ---- waiting for what lacks zeroing ---------------------------------------------- */

static int waited_for = -EINPROGRESS;

static void reserved(struct carve_reserve *reserve, int result)
{
	(void)reserve;
	waited_for = result;
}

static void granted(struct carve_grant *grant, int result)
{
	(void)grant;
	waited_for = result;
}

static int await(struct world *world, int r)
{
	if (r != -EINPROGRESS)
		return r;
	for (waited_for = r; waited_for == -EINPROGRESS;)
		assert_true(sd_event_run(world->event, UINT64_MAX) >= 0);
	return waited_for;
}

/* ---- requests ---------------------------------------------------------------------- */

void world_set_client(struct world *world, uint64_t client, uid_t uid, pid_t pid,
		      const char *unit)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_CLIENT,
		.client = { .client = client, .uid = uid, .pid = pid },
	};
	const struct carve_cell *each;
	uint32_t place = 0, own = 0;

	world->client = client;
	world->who = (struct carve_identity){
		.uid = uid, .pid = pid, .terms = carve_terms_default(uid),
		.unit = world->unit,
	};
	snprintf(world->unit, sizeof(world->unit), "%s", unit);
	while ((each = carve_state_next(world->state, &place)))
		if (each->type == CARVE_CELL_CLIENT &&
		    each->client.client == client)
			return;
	assert_int_equal(carve_state_put(world->state, &cell, &own), 0);
}

struct carve_reservation *world_reservation_new(struct world *world)
{
	uint64_t id = ++carve_state_numbers(world->state)->reservation;
	struct carve_reservation *reservation;

	if (carve_reservation_new(&reservation, world->region, id, "film") < 0)
		abort();
	reservation->uid = world->who.uid;
	reservation->pid = world->who.pid;
	snprintf(reservation->unit, sizeof(reservation->unit), "%s",
		 world->who.unit);
	return reservation;
}

int world_reserve(struct world *world, struct carve_reservation **reservation,
		  const uint32_t (*classes)[2], size_t count)
{
	struct carve_reserve reserve = {
		.who = &world->who,
		.client = world->client,
		.made_by = ++world->request,
		.terms = world->who.terms,
		.count = count,
		.done = reserved,
	};
	int r;

	if (!*reservation)
		*reservation = world_reservation_new(world);
	reserve.is_new = !(*reservation)->slots.class_count;
	reserve.reservation = *reservation;
	for (size_t i = 0; i < count; i++)
		reserve.kinds[i] = (struct carve_kind){
			.wish = { .bytes = classes[i][0] * FAKE_PAGE,
				  .alignment = FAKE_PAGE },
			.count = classes[i][1],
		};
	r = await(world, carve_reserve_ask(&reserve));
	*reservation = reserve.reservation;
	return r;
}

int world_allocate(struct world *world, struct carve_reservation *reservation,
		   uint32_t what, size_t count, uint64_t *ids)
{
	struct carve_wire_alloc_item items[CARVE_WIRE_ALLOC_MAX];
	struct carve_answer answer;
	struct carve_grant grant = {
		.answer = &answer,
		.who = &world->who,
		.terms = world->who.terms,
		.items = items,
		.count = count,
		.done = granted,
	};
	int r;

	memset(items, 0, sizeof(items));
	for (size_t i = 0; i < count; i++) {
		strcpy(items[i].name, "frame");
		if (reservation)
			items[i].class = what;
		else
			items[i].bytes = what * FAKE_PAGE;
	}
	r = reservation ? carve_reservation_allocate(reservation, &grant) :
			  carve_region_allocate(world->region, &grant);
	r = await(world, r);
	for (size_t i = 0; r == 0 && i < count; i++) {
		ids[i] = answer.results[i].id;
		close(answer.fds[i]);
	}
	return r;
}

/* ---- what there is ------------------------------------------------------------------ */

struct carve_reservation *world_find(const struct world *world, uint64_t id)
{
	struct carve_reservation *each;

	TAILQ_FOREACH(each, &world->region->reservations, of_region)
		if (each->id == id)
			return each;
	return NULL;
}

static void sum_buffers(const struct carve_region *region,
			const struct carve_charge *charge,
			struct carve_charge *sum)
{
	const struct carve_record *record;
	uint64_t offset = 0;

	while ((record = carve_region_next(region, offset))) {
		uint64_t bytes = carve_extent_bytes(&record->extent);

		offset = carve_extent_offset(&record->extent) + bytes;
		if (record->extent.state != CARVE_EXTENT_LIVE) {
			assert_null(record->charge);
			assert_int_equal(record->kept, 0);
			continue;
		}
		assert_non_null(record->charge);
		if (record->charge != charge)
			continue;
		assert_int_equal(record->uid, charge->uid);
		sum->bytes += bytes;
		sum->buffers++;
		sum->slot_bytes += carve_record_owner(record) ? bytes : 0;
		sum->slot_buffers += carve_record_owner(record) ? 1 : 0;
	}
}

void world_check(struct world *world)
{
	const struct carve_region *region = world->region;
	const struct carve_reservation *each;
	const struct carve_charge *charge;
	const char *wrong = carve_placement_check(&region->placement);
	size_t cells = 0;
	const struct carve_cell *cell;
	uint32_t place = 0;

	if (wrong)
		fail_msg("%s", wrong);
	TAILQ_FOREACH(each, &region->reservations, of_region) {
		wrong = carve_slots_check(&each->slots);
		if (wrong)
			fail_msg("%s", wrong);
	}
	LIST_FOREACH(charge, &region->charges, link) {
		struct carve_charge sum = { 0 };

		sum_buffers(region, charge, &sum);
		TAILQ_FOREACH(each, &region->reservations, of_region)
			if (each->charge == charge)
				sum.reserved += each->charged_bytes;
		assert_int_equal(charge->bytes, sum.bytes);
		assert_int_equal(charge->buffers, sum.buffers);
		assert_int_equal(charge->slot_bytes, sum.slot_bytes);
		assert_int_equal(charge->slot_buffers, sum.slot_buffers);
		assert_int_equal(charge->reserved, sum.reserved);
	}
	/* Nothing is left behind in the state. */
	while ((cell = carve_state_next(world->state, &place)))
		cells += cell->type == CARVE_CELL_CLASS ||
			 cell->type == CARVE_CELL_SLOT;
	TAILQ_FOREACH(each, &region->reservations, of_region)
		cells -= each->slots.class_count +
			 carve_slots_count(&each->slots, false);
	assert_int_equal(cells, 0);
}

static char *describe(char *text, const char *end,
		      const struct carve_reservation *reservation)
{
	const struct carve_slots *slots = &reservation->slots;
	const struct carve_record *record;
	uint64_t offset = 0;

	text += snprintf(text, end - text, "%" PRIu64 " of %" PRIu64 " by %"
			 PRIu64 " uid %u pid %d flags %x %s %s:",
			 reservation->id, reservation->client,
			 reservation->made_by, reservation->uid,
			 reservation->pid, reservation->flags,
			 reservation->unit, reservation->name);
	for (size_t i = 0; i < slots->class_count; i++)
		text += snprintf(text, end - text, " %" PRIu64 "x%zu",
				 slots->classes[i].kind.wish.bytes / FAKE_PAGE,
				 slots->classes[i].kind.count);
	while ((record = carve_region_next(reservation->region, offset))) {
		offset = carve_extent_offset(&record->extent) +
			 carve_extent_bytes(&record->extent);
		if (carve_record_owner(record) == slots)
			text += snprintf(text, end - text, " %" PRIu64 "/%zu",
				carve_extent_offset(&record->extent) / FAKE_PAGE,
				carve_record_slot(record)->slot.class);
	}
	return text + snprintf(text, end - text, "\n");
}

void world_describe(const struct world *world, char *text)
{
	const struct carve_reservation *each;
	const char *end = text + WORLD_TEXT;

	text += snprintf(text, WORLD_TEXT, "reserved\n");
	TAILQ_FOREACH(each, &world->region->reservations, of_region)
		if (each->slots.class_count)
			text = describe(text, end, each);
	assert_true(text < end);
}
