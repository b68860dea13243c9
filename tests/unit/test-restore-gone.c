// SPDX-License-Identifier: MIT
/* Regions that come and go between two starts, and what was known of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carve.h"
#include "restore.h"
#include "state-file.h"

static unsigned int forgotten_count;
static char forgotten_last[CARVE_WIRE_LABEL];

static void forget(void *data, const char *label)
{
	assert_ptr_equal(data, &forgotten_count);
	forgotten_count++;
	snprintf(forgotten_last, sizeof(forgotten_last), "%s", label);
}

static void serve(struct carve_state *state, const char *const *labels,
		  size_t count)
{
	forgotten_count = 0;
	assert_int_equal(carve_restore_serve(state, labels, count, forget,
					     &forgotten_count), 0);
}

static void put(struct carve_state *state, struct carve_cell cell)
{
	uint32_t place = 0;

	assert_int_equal(carve_state_put(state, &cell, &place), 0);
}

static void put_client(struct carve_state *state, uint64_t client)
{
	put(state, (struct carve_cell){
		.type = CARVE_CELL_CLIENT,
		.client = { .client = client, .flags = CARVE_CELL_GREETED },
	});
}

/* Of one class and one slot. */
static void put_reservation(struct carve_state *state, unsigned int region,
			    uint64_t id, uint64_t client)
{
	put(state, (struct carve_cell){
		.type = CARVE_CELL_RESERVATION,
		.region = region,
		.reservation = {
			.id = id, .client = client, .class_count = 1,
			.slot_count = 1,
			.flags = client ? 0 : CARVE_RESERVATION_CONFIGURED,
		},
	});
	put(state, (struct carve_cell){
		.type = CARVE_CELL_CLASS,
		.region = region,
		.class = {
			.reservation = id, .count = 1, .bytes = 4096,
			.alignment = 4096,
		},
	});
	put(state, (struct carve_cell){
		.type = CARVE_CELL_SLOT,
		.region = region,
		.slot = { .reservation = id, .offset = id * 4096 },
	});
}

static void put_buffer(struct carve_state *state, unsigned int region)
{
	put(state, (struct carve_cell){
		.type = CARVE_CELL_BUFFER,
		.region = region,
		.buffer = { .id = 1 + region, .bytes = 4096 },
	});
}

static size_t count_cells(const struct carve_state *state,
			  enum carve_cell_type type)
{
	const struct carve_cell *cell;
	uint32_t place = 0;
	size_t count = 0;

	while ((cell = carve_state_next(state, &place)))
		count += cell->type == type;
	return count;
}

static uint32_t flags_of(const struct carve_state *state, uint64_t client)
{
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = carve_state_next(state, &place)))
		if (cell->type == CARVE_CELL_CLIENT &&
		    cell->client.client == client)
			return cell->client.flags;
	fail();
	return 0;
}

static void what_is_reserved_elsewhere_is_lost(void **unused)
{
	static const char *const both[] = { "a", "b" };
	struct carve_state *state = state_of(file_new());

	(void)unused;
	serve(state, both, 2);
	assert_int_equal(carve_state_region(state, "b"), 1);
	for (uint64_t client = 1; client <= 3; client++)
		put_client(state, client);
	put_reservation(state, 0, 1, 1);
	put_reservation(state, 1, 2, 2);
	put_reservation(state, 1, 3, 2);
	/* Of somebody who has gone, and of nobody. */
	put_reservation(state, 1, 4, 9);
	put_reservation(state, 1, 5, 0);
	put_buffer(state, 1);
	serve(state, both, 2);
	assert_int_equal(count_cells(state, CARVE_CELL_RESERVATION), 5);

	/* For two starts it is not there. */
	for (int i = 0; i < 2; i++) {
		serve(state, both, 1);
		assert_int_equal(flags_of(state, 1), CARVE_CELL_GREETED);
		assert_int_equal(flags_of(state, 2),
				 CARVE_CELL_GREETED | CARVE_CELL_LOST);
		assert_int_equal(flags_of(state, 3), CARVE_CELL_GREETED);
		assert_int_equal(count_cells(state, CARVE_CELL_RESERVATION), 1);
		assert_int_equal(count_cells(state, CARVE_CELL_CLASS), 1);
		assert_int_equal(count_cells(state, CARVE_CELL_SLOT), 1);
		/* The buffer is found when the region is. */
		assert_int_equal(count_cells(state, CARVE_CELL_BUFFER), 1);
	}
	serve(state, both, 2);
	assert_int_equal(carve_state_region(state, "b"), 1);
	assert_int_equal(forgotten_count, 0);
	carve_state_free(state);
}

/* Each start serves other regions: the one that has nothing goes first. */
static void names_are_used_again(void **unused)
{
	struct carve_state *state = state_of(file_new());
	char text[CARVE_WIRE_LABEL];
	const char *label = text;

	(void)unused;
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "region-%u", i);
		serve(state, &label, 1);
		assert_int_equal(forgotten_count, i >= CARVE_WIRE_REGIONS_MAX);
		put_buffer(state, (unsigned int)carve_state_region(state, label));
		/* Of the third, nothing is left. */
		if (i == CARVE_WIRE_REGIONS_MAX - 1) {
			const struct carve_cell *cell;
			uint32_t place = 0, drop;

			while ((cell = carve_state_next(state, &place))) {
				drop = place;
				if (cell->region == 2)
					carve_state_drop(state, &drop);
			}
		}
		if (i == CARVE_WIRE_REGIONS_MAX)
			assert_string_equal(forgotten_last, "region-2");
	}
	assert_int_equal(count_cells(state, CARVE_CELL_BUFFER),
			 CARVE_WIRE_REGIONS_MAX);
	carve_state_free(state);
}

/* Sixteen others at once; and what comes back gives no number a second time. */
static void all_are_replaced(void **unused)
{
	char text[2][CARVE_WIRE_REGIONS_MAX][CARVE_WIRE_LABEL];
	const char *labels[2][CARVE_WIRE_REGIONS_MAX];
	struct carve_state *state;
	int fd = file_new();

	(void)unused;
	for (int i = 0; i < 2 * CARVE_WIRE_REGIONS_MAX; i++) {
		snprintf(text[i / CARVE_WIRE_REGIONS_MAX]
			     [i % CARVE_WIRE_REGIONS_MAX], CARVE_WIRE_LABEL,
			 "region-%d", i);
		labels[i / CARVE_WIRE_REGIONS_MAX][i % CARVE_WIRE_REGIONS_MAX] =
			text[i / CARVE_WIRE_REGIONS_MAX]
			    [i % CARVE_WIRE_REGIONS_MAX];
	}
	for (int i = 0; i < 4; i++) {
		state = state_of(dup(fd));
		assert_null(carve_state_refused(state));
		serve(state, labels[i % 2], CARVE_WIRE_REGIONS_MAX);
		assert_int_equal(forgotten_count, i ? CARVE_WIRE_REGIONS_MAX : 0);
		for (int k = 0; k < CARVE_WIRE_REGIONS_MAX; k++) {
			int index = carve_state_region(state, labels[i % 2][k]);
			volatile uint64_t *number =
				&carve_state_numbers(state)->buffer[index];

			assert_true(index >= 0);
			assert_true(*number >= (uint64_t)i * 10);
			put_buffer(state, (unsigned int)index);
			*number = (uint64_t)(i + 1) * 10;
		}
		assert_int_equal(carve_state_region(state, "one more"), -ENOSPC);
		carve_state_free(state);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_reserved_elsewhere_is_lost),
		cmocka_unit_test(names_are_used_again),
		cmocka_unit_test(all_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
