// SPDX-License-Identifier: MIT
/*
 * Reservations that cannot be restored: what is missing, what contradicts the
 * device, and cells at random.
 */
#include "restore-world.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "restore.h"

static const uint32_t film[][2] = { { 4, 3 }, { 16, 2 } };

static void start(struct world *world)
{
	struct carve_reservation *reservation = NULL;

	*world = world_new(512);
	world_set_client(world, 5, 1000, 4242, "film.service");
	assert_int_equal(world_reserve(world, &reservation, film, 2), 0);
}

/* ---- what cannot be restored ------------------------------------------------------- */

/* The first one: of reservation 1 and client 5, which came first. */
static uint32_t find_cell(const struct world *world, enum carve_cell_type type)
{
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = carve_state_next(world->state, &place)))
		if (cell->type == type)
			break;
	assert_non_null(cell);
	return place;
}

/* The other one is not touched, and the client hears of it in the end. */
static void check_lost(struct world *world)
{
	assert_null(world_find(world, 1));
	assert_non_null(world_find(world, 2));
	assert_true(carve_restore_is_lost(world->region, 5));
	assert_false(carve_restore_is_lost(world->region, 6));
	world_restart(world);
	assert_true(carve_restore_is_lost(world->region, 5));
	carve_restore_told(world->region, 5);
	assert_false(carve_restore_is_lost(world->region, 5));
	world_restart(world);
	assert_false(carve_restore_is_lost(world->region, 5));
	world_settle(world);
	assert_int_equal(carve_placement_figures(
				 &world->region->placement).reserved,
			 44 * FAKE_PAGE);
	world_free(world);
}

static void start_two(struct world *world)
{
	struct carve_reservation *other = NULL;

	start(world);
	world_set_client(world, 6, 1001, 4343, "other.service");
	assert_int_equal(world_reserve(world, &other, film, 2), 0);
	world_settle(world);
}

static void missing_slot(void **unused)
{
	struct world world;
	uint32_t place;

	(void)unused;
	start_two(&world);
	place = find_cell(&world, CARVE_CELL_SLOT);
	carve_state_drop(world.state, &place);
	world_stop(&world);
	world_start(&world);
	check_lost(&world);
}

static void missing_class(void **unused)
{
	struct world world;
	uint32_t place;

	(void)unused;
	start_two(&world);
	place = find_cell(&world, CARVE_CELL_CLASS);
	carve_state_drop(world.state, &place);
	world_stop(&world);
	world_start(&world);
	check_lost(&world);
}

/* The device knows of a buffer that covers half of a slot. */
static void buffer_across_a_slot(void **unused)
{
	struct carve_device_extent *live;
	struct world world;

	(void)unused;
	start_two(&world);
	world_stop(&world);
	live = &world.table->live[0];
	live->offset = 1 * FAKE_PAGE;
	live->bytes = 2 * FAKE_PAGE;
	live->id = 77;
	world_start(&world);
	assert_int_equal(world.region->next_id, 78);
	check_lost(&world);
}

static void slot_beside_the_region(void **unused)
{
	struct world world;
	struct carve_cell cell;
	uint32_t place;

	(void)unused;
	start_two(&world);
	place = find_cell(&world, CARVE_CELL_SLOT);
	cell = *carve_state_cell(world.state, place);
	cell.slot.offset = 510 * FAKE_PAGE;
	assert_int_equal(carve_state_put(world.state, &cell, &place), 0);
	world_stop(&world);
	world_start(&world);
	check_lost(&world);
}

static void two_on_one_place(void **unused)
{
	struct world world;
	struct carve_cell cell;
	uint32_t place, other;

	(void)unused;
	start_two(&world);
	place = find_cell(&world, CARVE_CELL_SLOT);
	for (other = place;;) {
		const struct carve_cell *each =
			carve_state_next(world.state, &other);

		assert_non_null(each);
		cell = *each;
		if (cell.type == CARVE_CELL_SLOT && cell.slot.reservation == 2)
			break;
	}
	cell.slot.offset =
		carve_state_cell(world.state, place)->slot.offset + FAKE_PAGE;
	assert_int_equal(carve_state_put(world.state, &cell, &other), 0);
	world_stop(&world);
	world_start(&world);
	assert_null(world_find(&world, 1));
	assert_null(world_find(&world, 2));
	assert_true(carve_restore_is_lost(world.region, 5));
	assert_true(carve_restore_is_lost(world.region, 6));
	world_free(&world);
}

/* Who has gone is not waited for. */
static void nobody_to_be_told(void **unused)
{
	struct world world;
	uint32_t place;

	(void)unused;
	start_two(&world);
	place = find_cell(&world, CARVE_CELL_CLIENT);
	carve_state_drop(world.state, &place);
	place = find_cell(&world, CARVE_CELL_SLOT);
	carve_state_drop(world.state, &place);
	world_stop(&world);
	world_start(&world);
	assert_null(world_find(&world, 1));
	assert_false(carve_restore_is_lost(world.region, 5));
	world_free(&world);
}

/* With right check sums, but no daemon writes it: it would be there for good. */
static void nobodys(void **unused)
{
	struct world world;
	struct carve_cell cell;
	uint32_t place;

	(void)unused;
	start_two(&world);
	place = find_cell(&world, CARVE_CELL_RESERVATION);
	cell = *carve_state_cell(world.state, place);
	cell.reservation.client = 0;
	assert_int_equal(carve_state_put(world.state, &cell, &place), 0);
	world_stop(&world);
	world_start(&world);
	assert_null(world_find(&world, 1));
	assert_non_null(world_find(&world, 2));
	world_free(&world);
}

/* So many clients, each of which has lost a reservation. Return: time of this thread. */
static uint64_t lose_many(unsigned int count)
{
	struct world world = world_new(64);
	struct timespec before, after;

	for (unsigned int i = 1; i <= count; i++) {
		uint32_t places[2] = { 0, 0 };
		struct carve_cell client = {
			.type = CARVE_CELL_CLIENT, .client.client = i,
		};
		struct carve_cell lost = {
			.type = CARVE_CELL_RESERVATION,
			.reservation = { .id = i, .client = i },
		};

		assert_int_equal(carve_state_put(world.state, &client,
						 &places[0]), 0);
		assert_int_equal(carve_state_put(world.state, &lost,
						 &places[1]), 0);
	}
	world_stop(&world);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	world_start(&world);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	assert_true(carve_restore_is_lost(world.region, count));
	world_free(&world);
	return (uint64_t)(after.tv_sec - before.tv_sec) * 1000000000U +
	       (uint64_t)after.tv_nsec - (uint64_t)before.tv_nsec;
}

/* Eight times as many take eight times as long, and not 64 times. */
static void many_losers(void **unused)
{
	double times;
	int tries = 0;

	(void)unused;
	/* The processor's time, too, is another one beside others. */
	do {
		uint64_t few = lose_many(2000), many = lose_many(16000);

		times = (double)many / (double)few;
		printf("# %.1f times as long for 8 times as many\n", times);
	} while (times >= 24 && ++tries < 5);
	assert_true(times < 24);
}

/* ---- at random --------------------------------------------------------------- */

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

static void put(struct world *world, struct carve_cell cell)
{
	uint32_t place = 0;

	assert_int_equal(carve_state_put(world->state, &cell, &place), 0);
}

/* Of few classes and slots, or it would never be whole. */
static void put_reservation(struct world *world)
{
	uint64_t id = 1 + pick(4), generation = pick(2);
	uint32_t classes = pick(3), slots = pick(4);

	put(world, (struct carve_cell){
		.type = CARVE_CELL_RESERVATION,
		.reservation = {
			.id = id, .client = pick(8), .generation = generation,
			.uid = pick(3), .flags = pick(16),
			.class_count = (uint16_t)classes,
			.slot_count = (uint16_t)slots,
		},
	});
	for (uint32_t i = 0; i < classes + (pick(8) == 0); i++)
		put(world, (struct carve_cell){
			.type = CARVE_CELL_CLASS,
			.class = {
				.reservation = id, .generation = generation,
				.class = i, .count = 1 + pick(3),
				.bytes = (1 + pick(3)) * FAKE_PAGE - !pick(9),
				.alignment = FAKE_PAGE << pick(2),
			},
		});
	for (uint32_t i = 0; i < slots; i++)
		put(world, (struct carve_cell){
			.type = CARVE_CELL_SLOT,
			.slot = {
				.reservation = id, .generation = generation,
				.class = pick(classes + 1),
				.offset = pick(70) * FAKE_PAGE + !pick(40),
			},
		});
}

static void put_buffer(struct world *world)
{
	struct carve_device_extent *live =
		&world->table->live[pick(FAKE_EXTENTS)];
	uint64_t page = pick(60), pages = 1 + pick(4);

	for (uint64_t i = 0; i < pages; i++)
		if (world->table->dirty[page + i] == 2)
			return;
	if (!live->id && pick(2)) {
		*live = (struct carve_device_extent){
			.id = 1 + pick(1000), .uid = pick(3),
			.offset = page * FAKE_PAGE, .bytes = pages * FAKE_PAGE,
		};
		/* Taken; what is left of it is put right below. */
		memset(world->table->dirty + page, 2, pages);
	}
	put(world, (struct carve_cell){
		.type = CARVE_CELL_BUFFER,
		.buffer = {
			.id = live->id ? live->id : 1 + pick(1000),
			.offset = page * FAKE_PAGE, .bytes = pages * FAKE_PAGE,
			.uid = pick(3), .pid = 7,
		},
	});
}

static void put_dirt(struct world *world)
{
	for (uint64_t i = 0; i < world->table->pages; i++)
		world->table->dirty[i] = world->table->dirty[i] != 2 && !pick(3);
}

/* World_start() and world_settle() look at all invariants. */
static void any_cells(void **unused)
{
	unsigned int whole = 0, lost = 0;

	(void)unused;
	set_seed();
	for (int i = 0; i < 1000; i++) {
		struct world world = world_new(64);

		world_set_client(&world, 1 + pick(7), 1, 1, "");
		for (uint32_t n = pick(8); n; n--)
			put_reservation(&world);
		for (uint32_t n = pick(6); n; n--)
			put_buffer(&world);
		world_stop(&world);
		put_dirt(&world);
		world_start(&world);
		whole += !TAILQ_EMPTY(&world.region->reservations);
		lost += !LIST_EMPTY(&world.region->lost);
		world_settle(&world);
		world_restart(&world);
		world_free(&world);
	}
	printf("# %u with a reservation, %u with a client to be told\n", whole,
	       lost);
	assert_true(whole);
	assert_true(lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_slot),
		cmocka_unit_test(missing_class),
		cmocka_unit_test(buffer_across_a_slot),
		cmocka_unit_test(slot_beside_the_region),
		cmocka_unit_test(two_on_one_place),
		cmocka_unit_test(nobody_to_be_told),
		cmocka_unit_test(nobodys),
		cmocka_unit_test(many_losers),
		cmocka_unit_test(any_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
