// SPDX-License-Identifier: MIT
/*
 * A buffer that is given out is written down first, or is not given out: also when
 * there is no room for more in the state. A simulated one has two cells there.
 */
#include "state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <systemd/sd-event.h>

#include "device-simulated.h"
#include "region.h"

#define PAGE		((uint64_t)sysconf(_SC_PAGESIZE))
#define PAGES		64
#define COUNT_MAX	3

/**
 * struct world - a simulated region with a state that cannot grow
 */
struct world {
	struct carve_state *state;
	struct carve_region *region;
	sd_event *event;
};

/* Fill it up to so many free cells; and there are no more to be had. */
static void fill(struct carve_state *state, int file, size_t free_count)
{
	struct carve_cell cell = { .type = CARVE_CELL_CLIENT };
	uint32_t place;

	assert_true(state->free_count > free_count);
	while (state->free_count > free_count) {
		place = 0;
		cell.client.client++;
		assert_int_equal(carve_state_put(state, &cell, &place), 0);
	}
	assert_int_equal(fcntl(file, F_ADD_SEALS, F_SEAL_GROW), 0);
}

static struct world begin(size_t free_count)
{
	int file = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct carve_simulated_keep keep = { .inotify = -1 };
	struct carve_device *device;
	struct world world;
	int index;

	assert_true(file >= 0);
	world.state = keep.state = state_of(dup(file));
	index = carve_state_region(keep.state, "main");
	assert_true(index >= 0);
	keep.region = (unsigned int)index;
	assert_int_equal(carve_device_new_simulated(&device, "main", PAGES * PAGE,
						    &keep), 0);
	assert_int_equal(carve_device_scrub(device, 0, PAGES * PAGE), 0);
	assert_true(sd_event_new(&world.event) >= 0);
	assert_int_equal(carve_region_new(&world.region, device, world.event,
					  world.state, (uint16_t)index), 0);
	fill(world.state, file, free_count);
	close(file);
	return world;
}

static void end(struct world *world)
{
	carve_region_free(world->region);
	carve_state_free(world->state);
	sd_event_unref(world->event);
}

static size_t count_cells(const struct carve_state *state, unsigned int type)
{
	const struct carve_cell *cell;
	uint32_t place = 0;
	size_t count = 0;

	while ((cell = carve_state_next(state, &place)))
		count += cell->type == type;
	return count;
}

/* Return: as carve_region_allocate(). What was given out is closed at once. */
static int allocate(struct carve_region *region, size_t count)
{
	static struct carve_answer answer;
	struct carve_wire_alloc_item items[COUNT_MAX] = { 0 };
	const struct carve_identity who = { .uid = 1000, .pid = 1, .unit = "" };
	struct carve_grant grant = {
		.who = &who,
		.terms = carve_terms_default(0),
		.items = items,
		.count = count,
		.answer = &answer,
	};
	int r;

	for (size_t i = 0; i < count; i++)
		items[i].bytes = PAGE;
	r = carve_region_allocate(region, &grant);
	for (size_t i = 0; r == 0 && i < count; i++)
		close(answer.fds[i]);
	return r;
}

static void what_is_given_out_is_written_down(void **state)
{
	size_t given = 0, refused = 0;

	(void)state;
	for (size_t count = 1; count <= COUNT_MAX; count++) {
		for (size_t room = 1; room <= 2 * COUNT_MAX + 2; room++) {
			struct world world = begin(room);
			int r = allocate(world.region, count);

			if (r == 0) {
				given++;
				assert_int_equal(count_cells(world.state,
							     CARVE_CELL_BUFFER), count);
			} else {
				refused++;
				assert_int_equal(r, -ENOMEM);
				assert_int_equal(count_cells(world.state,
							     CARVE_CELL_BUFFER), 0);
				assert_int_equal(count_cells(world.state,
							     CARVE_CELL_SIMULATED), 0);
			}
			end(&world);
		}
	}
	/* With two cells each, and one that always stays free. */
	assert_int_equal(refused, 2 + 4 + 6);
	assert_int_equal(given, 6 + 4 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_out_is_written_down),
	};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
