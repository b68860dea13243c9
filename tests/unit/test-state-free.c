// SPDX-License-Identifier: MIT
/*
 * The free cells of a state are linked in the cells themselves, so in a file that
 * others may have written to: whom is believed what.
 */
#include "state-file.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define FACTS	100

static void put(struct carve_state *state, uint32_t *place)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_CLIENT,
		.client = { .client = 1 },
	};

	*place = 0;
	assert_int_equal(carve_state_put(state, &cell, place), 0);
}

static size_t count_all(const struct carve_state *state)
{
	uint32_t place = 0;
	size_t count = 0;

	while (carve_state_next(state, &place))
		count++;
	return count;
}

/* With every second place free again. */
static int new_file(void)
{
	int fd = file_new();
	struct carve_state *state = state_of(dup(fd));
	uint32_t places[2 * FACTS];

	for (size_t i = 0; i < 2 * FACTS; i++)
		put(state, &places[i]);
	for (size_t i = 0; i < 2 * FACTS; i += 2)
		carve_state_drop(state, &places[i]);
	carve_state_free(state);
	return fd;
}

/* All of @from, and what it links to is @before, or some place. */
static struct carve_state *linked_anew(int from, uint32_t before)
{
	size_t bytes;
	uint8_t *data = file_read(from, &bytes);
	struct carve_cell *cells = (void *)(data + STATE_HEAD);
	size_t count = (bytes - STATE_HEAD) / sizeof(*cells);
	struct carve_state *state;

	for (size_t i = 0; i < count; i++)
		if (!cells[i].check)
			cells[i].before = before ? before :
						   (uint32_t)(i * 7 % count + 1);
	state = state_of(file_of(data, bytes));
	free(data);
	return state;
}

/* Which are free is found out anew by each daemon. */
static void links_of_another_daemon_are_nothing(void **unused)
{
	static const uint32_t links[] = { 0, 1, 2, 2 * FACTS, UINT32_MAX };
	int file = new_file();
	uint32_t place;

	(void)unused;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct carve_state *state = linked_anew(file, links[i]);

		assert_null(carve_state_refused(state));
		for (size_t k = 0; k < 5 * FACTS; k++) {
			assert_int_equal(count_all(state), FACTS + k);
			assert_int_equal(carve_state_count(state), FACTS + k);
			put(state, &place);
		}
		carve_state_free(state);
	}
	close(file);
}

/* Somebody writes to the file of a daemon that runs: it ends, and spoils nothing. */
static void no_place_is_taken_twice(void **unused)
{
	struct carve_state *state = state_of(new_file());
	uint32_t first, second;
	int status;
	pid_t child;

	(void)unused;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* No sanitizer's; and it leaves no core. */
		signal(SIGABRT, SIG_DFL);
		prctl(PR_SET_DUMPABLE, 0);
		carve_state_cell(state, state->free)->before = state->free;
		put(state, &first);
		put(state, &second);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	/* What it put first is there: the file is shared. */
	assert_int_equal(count_all(state), FACTS + 1);
	carve_state_free(state);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_of_another_daemon_are_nothing),
		cmocka_unit_test(no_place_is_taken_twice),
	};

	return cmocka_run_group_tests_name("state-free", tests, NULL, NULL);
}
