// SPDX-License-Identifier: MIT
/*
 * A manager is killed after every instruction of an operation. The next one has to
 * find every reservation as it was before or as it was to be, as a whole, and all
 * buffers that live, with what is known of them.
 */
#include "restore-world.h"

#include <stdio.h>

#include "restore.h"
#include "stepper.h"

/**
 * struct kill - one operation
 * @act: what the manager is killed in
 * @reservation: for it
 * @ids: buffers that @act makes, or that die before it
 * @first, @seen: the device at the start, and at the last look
 * @before: the reservations; @after: as they are once it has counted
 */
struct kill {
	struct world world;
	void (*act)(struct kill *kill);
	struct carve_reservation *reservation;
	uint64_t ids[8];
	struct file_watch file;
	struct fake_table *first;
	struct fake_table *seen;
	char before[WORLD_TEXT];
	char after[WORLD_TEXT];
	unsigned int snapshots;
};

static void run(void *data)
{
	struct kill *kill = data;

	kill->act(kill);
}

/* What nobody else has got dies with the descriptors of the manager. */
static void let_new_ones_die(const struct fake_table *before,
			     struct fake_table *table)
{
	for (size_t i = 0; i < FAKE_EXTENTS; i++)
		if (table->live[i].id && !before->live[i].id)
			fake_table_die(table, table->live[i].id);
}

static void check_text(struct kill *kill, const struct world *next)
{
	char text[WORLD_TEXT];

	world_describe(next, text);
	if (!kill->after[0] && !strcmp(text, kill->before))
		return;
	if (!kill->after[0])
		strcpy(kill->after, text);
	assert_string_equal(text, kill->after);
}

/* Buffers that were there all the time are known by name and number. */
static void check_buffers(const struct world *next, uint64_t known)
{
	const struct fake_table *table = next->table;

	for (size_t i = 0; i < FAKE_EXTENTS; i++) {
		const struct carve_record *record;

		if (!table->live[i].id)
			continue;
		record = carve_region_find(next->region, &table->live[i]);
		assert_non_null(record);
		assert_int_equal(record->extent.state, CARVE_EXTENT_LIVE);
		assert_true(next->region->next_id > record->id);
		if (record->id > known)
			continue;
		assert_int_equal(record->pid, 4242);
		assert_string_equal(record->charge->unit, "film.service");
	}
}

static void look_at(struct kill *kill, bool die)
{
	struct world next = {
		.table = fake_table_copy(kill->world.table),
		.fd = file_copy(kill->file.fd),
	};

	if (die)
		let_new_ones_die(kill->first, next.table);
	world_start(&next);
	assert_false(carve_restore_is_lost(next.region, 5));
	check_text(kill, &next);
	check_buffers(&next, kill->world.region->next_id - 1);
	world_settle(&next);
	world_free(&next);
}

static void look(void *data)
{
	struct kill *kill = data;
	bool changed = watch_changed(&kill->file);

	changed |= fake_table_changed(kill->world.table, kill->seen);
	if (!changed)
		return;
	kill->snapshots++;
	look_at(kill, false);
	look_at(kill, true);
}

static void start(struct kill *kill)
{
	memset(kill, 0, sizeof(*kill));
	kill->world = world_new(512);
	world_set_client(&kill->world, 5, 1000, 4242, "film.service");
}

/* Also that what was found in the end is what the operation does. */
static void step(struct kill *kill, void (*act)(struct kill *kill))
{
	long steps;

	world_settle(&kill->world);
	world_describe(&kill->world, kill->before);
	for (size_t i = 0; i < 8; i++)
		if (kill->ids[i])
			fake_table_die(kill->world.table, kill->ids[i]);
	kill->act = act;
	kill->file.fd = kill->world.fd;
	watch_map(&kill->file);
	kill->first = fake_table_copy(kill->world.table);
	kill->seen = fake_table_copy(kill->world.table);
	steps = stepper_run(run, look, kill);
	watch_end(&kill->file);
	fake_table_free(kill->first);
	fake_table_free(kill->seen);
	if (steps < 0) {
		world_free(&kill->world);
		printf("# skipped: this process may not trace another\n");
		skip();
	}
	printf("# %ld instructions, %u contents\n", steps, kill->snapshots);
	assert_true(kill->snapshots);
	world_free(&kill->world);
}

/* ---- reservations --------------------------------------------------------------- */

static const uint32_t film[][2] = { { 4, 3 }, { 16, 2 } };
static const uint32_t larger[][2] = { { 4, 4 }, { 32, 1 }, { 16, 1 } };
static const uint32_t smaller[][2] = { { 16, 1 } };

static void reserve(struct kill *kill)
{
	if (world_reserve(&kill->world, &kill->reservation, film, 2) < 0)
		abort();
}

static void enlarge(struct kill *kill)
{
	if (world_reserve(&kill->world, &kill->reservation, larger, 3) < 0)
		abort();
}

static void diminish(struct kill *kill)
{
	if (world_reserve(&kill->world, &kill->reservation, smaller, 1) < 0)
		abort();
}

static void give_back(struct kill *kill)
{
	carve_reservation_free(kill->reservation);
}

/* With a live and a dirty buffer in it, and another reservation beside it. */
static void reserve_before(struct kill *kill)
{
	struct carve_reservation *other = NULL;
	uint64_t ids[2];

	reserve(kill);
	assert_int_equal(world_reserve(&kill->world, &other, film, 2), 0);
	assert_int_equal(world_allocate(&kill->world, kill->reservation, 0, 1,
					ids), 0);
	assert_int_equal(world_allocate(&kill->world, kill->reservation, 1, 1,
					ids), 0);
	assert_int_equal(world_allocate(&kill->world, other, 1, 1, ids + 1), 0);
	fake_table_die(kill->world.table, ids[0]);
}

static void killed_while_it_reserves(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	/* A child cannot add to its parent's loop. */
	kill.reservation = world_reservation_new(&kill.world);
	step(&kill, reserve);
	assert_non_null(strstr(kill.after, "1 of 5 by 1 uid 1000 pid 4242"));
}

static void killed_while_it_enlarges(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	reserve_before(&kill);
	step(&kill, enlarge);
	assert_non_null(strstr(kill.after, "film: 4x4 32x1 16x1"));
}

static void killed_while_it_diminishes(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	reserve_before(&kill);
	step(&kill, diminish);
	assert_non_null(strstr(kill.after, "film: 16x1"));
}

static void killed_while_it_gives_back(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	reserve_before(&kill);
	step(&kill, give_back);
	assert_null(strstr(kill.after, "1 of 5"));
	assert_non_null(strstr(kill.after, "2 of 5"));
}

/* ---- buffers --------------------------------------------------------------------- */

static void allocate(struct kill *kill)
{
	uint64_t ids[3];

	if (world_allocate(&kill->world, NULL, 8, 3, ids) < 0)
		abort();
}

static void allocate_reserved(struct kill *kill)
{
	uint64_t ids[1];

	if (world_allocate(&kill->world, kill->reservation, 0, 1, ids) < 0)
		abort();
}

static void collect(struct kill *kill)
{
	carve_region_collect(kill->world.region);
}

static void killed_while_it_allocates(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	allocate(&kill);
	step(&kill, allocate);
	assert_int_equal(kill.after[0], 0);
}

static void killed_while_it_allocates_reserved(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	reserve_before(&kill);
	step(&kill, allocate_reserved);
	assert_int_equal(kill.after[0], 0);
}

static void killed_while_it_takes_in(void **unused)
{
	struct kill kill;

	(void)unused;
	start(&kill);
	reserve_before(&kill);
	assert_int_equal(world_allocate(&kill.world, kill.reservation, 0, 1,
					kill.ids), 0);
	assert_int_equal(world_allocate(&kill.world, NULL, 8, 1, kill.ids + 1),
			 0);
	step(&kill, collect);
	assert_int_equal(kill.after[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_while_it_reserves),
		cmocka_unit_test(killed_while_it_enlarges),
		cmocka_unit_test(killed_while_it_diminishes),
		cmocka_unit_test(killed_while_it_gives_back),
		cmocka_unit_test(killed_while_it_allocates),
		cmocka_unit_test(killed_while_it_allocates_reserved),
		cmocka_unit_test(killed_while_it_takes_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
