// SPDX-License-Identifier: MIT
/*
 * The state as another daemon finds it: after random work, and after every single
 * instruction of the daemon that wrote it.
 */
#include "state-file.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "stepper.h"

#define FACTS	300

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

static struct carve_cell buffer_cell(uint64_t id, uint64_t bytes)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_BUFFER,
		.buffer = { .id = id, .offset = id << 12, .bytes = bytes },
	};

	snprintf(cell.buffer.unit, sizeof(cell.buffer.unit), "unit-%llu",
		 (unsigned long long)bytes);
	return cell;
}

static struct carve_state *new_state(int *ret_fd)
{
	struct carve_state *state;

	*ret_fd = file_new();
	state = state_of(dup(*ret_fd));
	assert_int_equal(carve_state_region(state, "main"), 0);
	return state;
}

/* What is said of buffer @id: its bytes, or 0 if nothing is; never two things. */
static uint64_t look_up(const struct carve_state *state, uint64_t id)
{
	const struct carve_cell *cell;
	uint32_t place = 0;
	uint64_t found = 0;

	while ((cell = carve_state_next(state, &place))) {
		struct carve_cell same =
			buffer_cell(cell->buffer.id, cell->buffer.bytes);

		assert_int_equal(cell->type, CARVE_CELL_BUFFER);
		assert_memory_equal(&cell->buffer, &same.buffer,
				    sizeof(same.buffer));
		if (cell->buffer.id != id)
			continue;
		assert_int_equal(found, 0);
		found = cell->buffer.bytes;
	}
	return found;
}

/* ---- in peace ---------------------------------------------------------------- */

struct facts {
	uint64_t bytes[FACTS];
	uint32_t places[FACTS];
	size_t count;
};

static void check_facts(const struct carve_state *state,
			const struct facts *facts)
{
	assert_int_equal(carve_state_count(state), facts->count);
	for (size_t i = 0; i < FACTS; i++)
		assert_int_equal(look_up(state, i + 1), facts->bytes[i]);
}

static void change_one(struct carve_state *state, struct facts *facts)
{
	size_t i = pick(FACTS);
	struct carve_cell cell = buffer_cell(i + 1, 1 + pick(1000));

	if (facts->bytes[i] && pick(2)) {
		carve_state_drop(state, &facts->places[i]);
		assert_int_equal(facts->places[i], 0);
		facts->bytes[i] = 0;
		facts->count--;
		return;
	}
	facts->count += !facts->bytes[i];
	assert_int_equal(carve_state_put(state, &cell, &facts->places[i]), 0);
	facts->bytes[i] = cell.buffer.bytes;
}

static void find_places(const struct carve_state *state, struct facts *facts)
{
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = carve_state_next(state, &place)))
		facts->places[cell->buffer.id - 1] = place;
}

static void next_daemon_finds_it(void **unused)
{
	struct facts facts = { 0 };
	struct carve_state *state;
	int fd;

	(void)unused;
	set_seed();
	state = new_state(&fd);
	for (int epoch = 2; epoch < 40; epoch++) {
		for (int i = 0; i < 200; i++)
			change_one(state, &facts);
		check_facts(state, &facts);
		carve_state_numbers(state)->client = (uint64_t)epoch * 7;
		carve_state_free(state);
		state = state_of(dup(fd));
		assert_null(carve_state_refused(state));
		assert_int_equal(carve_state_region(state, "main"), 0);
		assert_int_equal(carve_state_numbers(state)->epoch, epoch);
		assert_int_equal(carve_state_numbers(state)->client, epoch * 7);
		check_facts(state, &facts);
		find_places(state, &facts);
	}
	carve_state_free(state);
	close(fd);
}

static void regions_keep_their_index(void **unused)
{
	struct carve_state *state;
	char label[CARVE_WIRE_LABEL];
	int fd;

	(void)unused;
	state = new_state(&fd);
	for (int i = 1; i < CARVE_WIRE_REGIONS_MAX; i++) {
		snprintf(label, sizeof(label), "region-%d", i);
		assert_int_equal(carve_state_region(state, label), i);
	}
	assert_int_equal(carve_state_region(state, "one more"), -ENOSPC);
	carve_state_free(state);
	state = state_of(fd);
	assert_null(carve_state_refused(state));
	assert_int_equal(carve_state_region(state, "region-9"), 9);
	carve_state_free(state);
}

static void expected_room_is_there(void **unused)
{
	struct carve_state *state;
	size_t bytes;
	int fd;

	(void)unused;
	state = new_state(&fd);
	assert_int_equal(carve_state_expect(state, FACTS), 0);
	bytes = file_bytes(fd);
	for (uint64_t i = 1; i <= FACTS; i++) {
		struct carve_cell cell = buffer_cell(i, i);
		uint32_t place = 0;

		assert_int_equal(carve_state_put(state, &cell, &place), 0);
	}
	assert_int_equal(file_bytes(fd), bytes);
	carve_state_free(state);
	close(fd);
}

/* ---- killed at any instruction -------------------------------------------------- */

struct kill {
	struct carve_state *state;
	uint32_t place;
	struct file_watch file;
	void (*check)(const struct carve_state *state, struct kill *kill);
	uint64_t before;
	uint64_t after;
	unsigned int seen_before;
	unsigned int seen_after;
	unsigned int snapshots;
};

/* The next daemon, and the one after it, since the next may die at once. */
static void look(void *data)
{
	struct kill *kill = data;
	struct carve_state *state;
	int fd;

	if (!watch_changed(&kill->file))
		return;
	kill->snapshots++;
	fd = file_copy(kill->file.fd);
	for (int i = 0; i < 2; i++) {
		uint64_t found;

		state = state_of(dup(fd));
		assert_null(carve_state_refused(state));
		assert_int_equal(look_up(state, 1), 77);
		found = look_up(state, 2);
		assert_true(found == kill->before || found == kill->after);
		kill->seen_before += found == kill->before;
		kill->seen_after += found == kill->after;
		carve_state_free(state);
	}
	close(fd);
}

static void do_put(void *data)
{
	struct kill *kill = data;
	struct carve_cell cell = buffer_cell(2, 222);

	if (carve_state_put(kill->state, &cell, &kill->place) < 0)
		abort();
}

static void do_drop(void *data)
{
	struct kill *kill = data;

	carve_state_drop(kill->state, &kill->place);
}

/* Something that is in no snapshot cannot have been looked at. */
static void kill_in(void (*run)(void *data), uint64_t before, uint64_t after,
		    uint64_t others)
{
	struct kill kill = { .before = before, .after = after };
	struct carve_cell cell = buffer_cell(1, 77);
	uint32_t place = 0;
	long steps;

	kill.state = new_state(&kill.file.fd);
	assert_int_equal(carve_state_put(kill.state, &cell, &place), 0);
	for (uint64_t i = 0; i < others; i++) {
		place = 0;
		cell = buffer_cell(i + 10, 1);
		assert_int_equal(carve_state_put(kill.state, &cell, &place), 0);
	}
	cell = buffer_cell(2, before);
	if (before)
		assert_int_equal(carve_state_put(kill.state, &cell,
						 &kill.place), 0);
	watch_map(&kill.file);
	steps = stepper_run(run, look, &kill);
	if (steps > 0) {
		printf("# %ld instructions, %u contents, %u before, %u after\n",
		       steps, kill.snapshots, kill.seen_before, kill.seen_after);
		assert_true(kill.snapshots);
		assert_true(kill.seen_after);
	}
	watch_end(&kill.file);
	close(kill.file.fd);
	carve_state_free(kill.state);
	if (steps < 0) {
		printf("# skipped: this process may not trace another\n");
		skip();
	}
}

static void killed_while_it_puts(void **unused)
{
	(void)unused;
	kill_in(do_put, 0, 222, 5);
}

static void killed_while_it_replaces(void **unused)
{
	(void)unused;
	kill_in(do_put, 111, 222, 5);
}

static void killed_while_it_drops(void **unused)
{
	(void)unused;
	kill_in(do_drop, 111, 0, 5);
}

/* All places but the last are taken. */
static void killed_while_it_grows(void **unused)
{
	struct carve_state *state;
	size_t room;
	int fd;

	(void)unused;
	state = new_state(&fd);
	room = state->count;
	carve_state_free(state);
	close(fd);
	kill_in(do_put, 0, 222, room - 2);
}

struct begin {
	struct file_watch file;
	unsigned int snapshots;
	unsigned int anew;
};

static void do_begin(void *data)
{
	struct begin *begin = data;

	carve_state_free(state_of(dup(begin->file.fd)));
}

/* However often a daemon begins, no number is given twice. */
static void look_at_begin(void *data)
{
	struct begin *begin = data;
	struct carve_state *state;
	int fd;

	if (!watch_changed(&begin->file))
		return;
	begin->snapshots++;
	fd = file_copy(begin->file.fd);
	state = state_of(dup(fd));
	assert_int_equal(carve_state_count(state), 0);
	assert_true(carve_state_numbers(state)->epoch >= 2);
	assert_int_equal(carve_state_numbers(state)->reservation, 4711);
	begin->anew += !carve_state_refused(state);
	carve_state_free(state);
	state = state_of(fd);
	assert_null(carve_state_refused(state));
	assert_int_equal(carve_state_numbers(state)->reservation, 4711);
	carve_state_free(state);
}

static void killed_while_it_begins_anew(void **unused)
{
	struct begin begin = { 0 };
	struct carve_cell cell = buffer_cell(1, 77);
	struct carve_state *state = new_state(&begin.file.fd);
	uint32_t place = 0;
	long steps;

	(void)unused;
	assert_int_equal(carve_state_put(state, &cell, &place), 0);
	carve_state_numbers(state)->reservation = 4711;
	/* Damage that is found last. */
	carve_state_cell(state, place)->type ^= 64;
	carve_state_free(state);
	watch_map(&begin.file);
	steps = stepper_run(do_begin, look_at_begin, &begin);
	watch_end(&begin.file);
	close(begin.file.fd);
	if (steps < 0) {
		printf("# skipped: this process may not trace another\n");
		skip();
	}
	printf("# %ld instructions, %u contents\n", steps, begin.snapshots);
	assert_true(begin.anew > 3);
}

/* ---- numbers ----------------------------------------------------------------------- */

static void no_number_twice(void **unused)
{
	struct carve_cell cell = buffer_cell(500, 1);
	struct carve_state *state;
	uint32_t place = 0;
	int fd;

	(void)unused;
	state = new_state(&fd);
	assert_int_equal(carve_state_put(state, &cell, &place), 0);
	carve_state_numbers(state)->buffer[0] = 20;
	carve_state_free(state);
	state = state_of(fd);
	assert_int_equal(carve_state_numbers(state)->buffer[0], 500);
	carve_state_free(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_daemon_finds_it),
		cmocka_unit_test(regions_keep_their_index),
		cmocka_unit_test(expected_room_is_there),
		cmocka_unit_test(killed_while_it_puts),
		cmocka_unit_test(killed_while_it_replaces),
		cmocka_unit_test(killed_while_it_drops),
		cmocka_unit_test(killed_while_it_grows),
		cmocka_unit_test(killed_while_it_begins_anew),
		cmocka_unit_test(no_number_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
