// SPDX-License-Identifier: MIT
/*
 * What one manager leaves behind, and what the next one makes of it.
 */
#include "restore-world.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "carve.h"
#include "reservation-save.h"
#include "standing.h"

static unsigned long seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (uint32_t)(seed >> 33) % below;
}

static void set_seed(void)
{
	const char *text = getenv("SEED");

	seed = text ? strtoul(text, NULL, 0) : (unsigned long)time(NULL);
	printf("# SEED=%lu\n", seed);
}

static const uint32_t film[][2] = { { 4, 3 }, { 16, 2 } };

/* ---- at random ------------------------------------------------------------------ */

#define RESERVATIONS	4
#define BUFFERS		128

struct random {
	struct world world;
	uint64_t reservations[RESERVATIONS];
	uint64_t ids[BUFFERS];
	pid_t pids[BUFFERS];
	size_t count;
};

static void be_somebody(struct random *random)
{
	uint32_t who = 1 + pick(3);
	char unit[16];

	snprintf(unit, sizeof(unit), "unit-%u", who);
	world_set_client(&random->world, who, 1000 + who, (pid_t)who * 11, unit);
}

static void change_reservation(struct random *random)
{
	size_t index = pick(RESERVATIONS);
	struct carve_reservation *reservation =
		world_find(&random->world, random->reservations[index]);
	uint32_t classes[3][2];

	for (int i = 0; i < 3; i++) {
		classes[i][0] = 1U << pick(5);
		classes[i][1] = 1 + pick(6);
	}
	if (reservation && !pick(3)) {
		carve_reservation_free(reservation);
		return;
	}
	if (world_reserve(&random->world, &reservation,
			  (const uint32_t (*)[2])classes, 1 + pick(3)) == 0)
		random->reservations[index] = reservation->id;
}

static void make_buffer(struct random *random)
{
	struct carve_reservation *reservation = pick(2) ? NULL :
		world_find(&random->world,
			   random->reservations[pick(RESERVATIONS)]);
	uint32_t what = reservation ?
		pick((uint32_t)reservation->slots.class_count) : 1 + pick(20);

	if (random->count == BUFFERS ||
	    world_allocate(&random->world, reservation, what, 1,
			   &random->ids[random->count]) < 0)
		return;
	random->pids[random->count++] = random->world.who.pid;
}

static void end_buffer(struct random *random)
{
	size_t index = pick(BUFFERS);

	if (index >= random->count)
		return;
	fake_table_die(random->world.table, random->ids[index]);
	random->ids[index] = random->ids[--random->count];
	random->pids[index] = random->pids[random->count];
}

static void do_something(struct random *random)
{
	be_somebody(random);
	switch (pick(8)) {
	case 0:
		change_reservation(random);
		break;
	case 1:
	case 2:
	case 3:
		make_buffer(random);
		break;
	case 4:
	case 5:
		end_buffer(random);
		break;
	case 6:
		carve_region_collect(random->world.region);
		break;
	default:
		if (!pick(4))
			world_settle(&random->world);
	}
}

/* Each buffer that lives is there, with the process it was made for. */
static void check_buffers(const struct random *random)
{
	const struct carve_region *region = random->world.region;
	size_t live = 0;

	for (size_t i = 0; i < FAKE_EXTENTS; i++) {
		const struct carve_device_extent *each =
			&random->world.table->live[i];
		const struct carve_record *record;

		if (!each->id)
			continue;
		record = carve_region_find(region, each);
		assert_non_null(record);
		for (size_t j = 0; j < random->count; j++)
			if (random->ids[j] == each->id)
				assert_int_equal(record->pid, random->pids[j]);
		live++;
	}
	assert_int_equal(live, random->count);
	assert_int_equal(carve_placement_figures(&region->placement).live_count,
			 live);
}

static void next_manager_knows_all(void **unused)
{
	static struct random random;

	(void)unused;
	set_seed();
	random.world = world_new(1024);
	for (int epoch = 0; epoch < 60; epoch++) {
		for (uint32_t n = pick(60); n; n--)
			do_something(&random);
		carve_region_collect(random.world.region);
		/* Some die while nobody is there. */
		world_stop(&random.world);
		for (uint32_t n = pick(4); n; n--)
			end_buffer(&random);
		world_start(&random.world);
		check_buffers(&random);
		world_restart(&random.world);
		check_buffers(&random);
	}
	while (random.count) {
		fake_table_die(random.world.table, random.ids[--random.count]);
		carve_region_collect(random.world.region);
	}
	for (size_t i = 0; i < RESERVATIONS; i++)
		carve_reservation_free(world_find(&random.world,
						  random.reservations[i]));
	world_settle(&random.world);
	assert_int_equal(carve_placement_figures(
				 &random.world.region->placement).clean,
			 1024 * FAKE_PAGE);
	/* The three clients. */
	assert_true(carve_state_count(random.world.state) <= 3);
	world_free(&random.world);
}

/* ---- one by one ------------------------------------------------------------------ */

static struct carve_reservation *start(struct world *world)
{
	struct carve_reservation *reservation = NULL;

	*world = world_new(512);
	world_set_client(world, 5, 1000, 4242, "film.service");
	assert_int_equal(world_reserve(world, &reservation, film, 2), 0);
	return reservation;
}

static void slots_are_as_the_device_says(void **unused)
{
	struct carve_reservation *reservation;
	struct world world;
	uint64_t ids[3];

	(void)unused;
	reservation = start(&world);
	assert_int_equal(world_allocate(&world, reservation, 0, 2, ids), 0);
	assert_int_equal(world_allocate(&world, reservation, 1, 1, ids + 2), 0);
	fake_table_die(world.table, ids[0]);
	world_restart(&world);
	reservation = world_find(&world, 1);
	assert_int_equal(reservation->slots.classes[0].live_count, 1);
	assert_int_equal(reservation->slots.classes[0].dirty_count, 1);
	assert_int_equal(reservation->slots.classes[0].empty_count, 1);
	assert_int_equal(reservation->slots.classes[1].live_count, 1);
	assert_int_equal(reservation->charged_bytes, 44 * FAKE_PAGE);
	assert_string_equal(reservation->charge->unit, "film.service");
	world_settle(&world);
	assert_int_equal(reservation->slots.classes[0].empty_count, 2);
	assert_int_equal(world_allocate(&world, reservation, 0, 2, ids), 0);
	assert_int_equal(world_allocate(&world, reservation, 0, 1, ids), -ENOSPC);
	world_free(&world);
}

/* All memory is dirty, in one range, as after a boot; slots are cut out of it. */
static void dirty_memory_is_cut_at_slots(void **unused)
{
	struct carve_reservation *reservation;
	struct carve_figures figures;
	struct world world;

	(void)unused;
	start(&world);
	memset(world.table->dirty, 1, world.table->pages);
	world_restart(&world);
	reservation = world_find(&world, 1);
	assert_int_equal(reservation->slots.classes[0].dirty_count, 3);
	figures = carve_placement_figures(&world.region->placement);
	assert_int_equal(figures.dirty, 512 * FAKE_PAGE);
	world_settle(&world);
	figures = carve_placement_figures(&world.region->placement);
	assert_int_equal(figures.clean, (512 - 44) * FAKE_PAGE);
	assert_int_equal(figures.reserved, 44 * FAKE_PAGE);
	world_free(&world);
}

static void numbers_go_on(void **unused)
{
	struct world world;
	uint64_t first, next;

	(void)unused;
	start(&world);
	assert_int_equal(world_allocate(&world, NULL, 1, 1, &first), 0);
	fake_table_die(world.table, first);
	world_settle(&world);
	world_restart(&world);
	assert_int_equal(world_allocate(&world, NULL, 1, 1, &next), 0);
	assert_true(next > first);
	world_free(&world);
}

/* ---- claims ------------------------------------------------------------------------- */

static void claims_are_kept(void **unused)
{
	struct carve_reservation *reservation;
	struct carve_reserve claim = { .client = 5, .made_by = 99 };
	struct world world;

	(void)unused;
	reservation = start(&world);
	reservation->flags = CARVE_RESERVATION_CONFIGURED;
	reservation->client = 0;
	reservation->made_by = 0;
	carve_reservation_save(reservation);
	world_restart(&world);
	reservation = world_find(&world, 1);
	assert_int_equal(reservation->client, 0);
	claim.reservation = reservation;
	claim.who = &world.who;
	assert_int_equal(carve_standing_claim(&claim), 0);
	world_restart(&world);
	reservation = world_find(&world, 1);
	assert_int_equal(reservation->client, 5);
	assert_int_equal(reservation->made_by, 99);
	assert_int_equal(reservation->pid, 4242);
	assert_int_equal(reservation->flags, CARVE_RESERVATION_CONFIGURED |
					     CARVE_RESERVATION_CLAIMED);
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_manager_knows_all),
		cmocka_unit_test(slots_are_as_the_device_says),
		cmocka_unit_test(dirty_memory_is_cut_at_slots),
		cmocka_unit_test(numbers_go_on),
		cmocka_unit_test(claims_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
