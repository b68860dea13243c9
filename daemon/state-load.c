// SPDX-License-Identifier: MIT
/*
 * Taking up what another daemon left, which is believed as a whole or not at all.
 */
#include "state-layout.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t head_sum(const struct state_head *head)
{
	return carve_state_sum(&head->version,
			       offsetof(struct state_head, check) -
			       offsetof(struct state_head, version),
			       STATE_MAGIC);
}

/* ---- numbers --------------------------------------------------------------- */

/* They are what it says in the struct, and nothing else. */
#define NUMBERS	(sizeof(struct carve_state_numbers) / sizeof(uint64_t))

static volatile uint64_t *number(struct state_head *head, size_t index)
{
	return (volatile uint64_t *)&head->numbers + index;
}

static bool numbers_are_plausible(struct state_head *head)
{
	for (size_t i = 0; i < NUMBERS; i++)
		if (*number(head, i) > STATE_NUMBER_MAX)
			return false;
	return true;
}

/* More than anything can have counted to since this machine was started. */
static uint64_t usec_since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static void raise_to(volatile uint64_t *number, uint64_t least)
{
	if (*number < least && least <= STATE_NUMBER_MAX)
		carve_state_store(number, least);
}

/*
 * Whose buffers were counted by which number goes with the names of regions, so
 * the highest will do for all.
 */
static void keep_numbers(struct state_head *head, bool known)
{
	uint64_t least = 0;

	for (size_t i = 0; i < NUMBERS; i++)
		if (!known || *number(head, i) > STATE_NUMBER_MAX)
			carve_state_store(number(head, i), usec_since_boot());
	for (size_t i = 0; i < CARVE_WIRE_REGIONS_MAX; i++)
		if (head->numbers.buffer[i] > least)
			least = head->numbers.buffer[i];
	for (size_t i = 0; i < CARVE_WIRE_REGIONS_MAX; i++)
		raise_to(&head->numbers.buffer[i], least);
}

/* No number is below one that was given out, even if it was damaged. */
static void count_cell(struct state_head *head, const struct carve_cell *cell)
{
	switch (cell->type) {
	case CARVE_CELL_CLIENT:
		raise_to(&head->numbers.client, cell->client.client);
		break;
	case CARVE_CELL_RESERVATION:
		raise_to(&head->numbers.reservation, cell->reservation.id);
		raise_to(&head->numbers.client, cell->reservation.client);
		break;
	case CARVE_CELL_BUFFER:
		raise_to(&head->numbers.buffer[cell->region], cell->buffer.id);
		break;
	default:
		break;
	}
}

/* ---- what is wrong ---------------------------------------------------------- */

/* Return: false. */
__attribute__((format(printf, 2, 3)))
static bool refuse(struct carve_state *state, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(state->refused, sizeof(state->refused), format, arguments);
	va_end(arguments);
	return false;
}

static bool labels_are_sane(const struct state_head *head)
{
	for (size_t i = 0; i < CARVE_WIRE_REGIONS_MAX; i++) {
		const struct state_label *at = &head->labels[i];

		if (at->check &&
		    (at->check != carve_state_sum(at->label, sizeof(at->label),
						  i) ||
		     !memchr(at->label, 0, sizeof(at->label))))
			return false;
	}
	return true;
}

static bool judge_head(struct carve_state *state, uint64_t bytes,
		       const char *boot)
{
	struct state_head *head = state->head;
	uint32_t cells;

	/* New, or its first writer did not get far. */
	if (!bytes || (bytes >= STATE_HEAD && !head->magic))
		return false;
	if (bytes < STATE_HEAD)
		return refuse(state, "it was cut short");
	if (head->magic != STATE_MAGIC)
		return refuse(state, "it is no state of this daemon");
	if (head->check != head_sum(head))
		return refuse(state, "its head is damaged");
	/* Another boot's: whoever it spoke of has gone. */
	if (strncmp(head->boot, boot, sizeof(head->boot) - 1) != 0)
		return false;
	if (head->version != CARVE_STATE_VERSION)
		return refuse(state, "it is of version %u, and this daemon "
			      "reads version %u", head->version,
			      (unsigned int)CARVE_STATE_VERSION);
	if (head->cell_bytes != sizeof(struct carve_cell))
		return refuse(state, "its cells are of %u bytes, and this "
			      "daemon's of %zu", head->cell_bytes,
			      sizeof(struct carve_cell));
	cells = (uint32_t)head->cells;
	if (head->cells != carve_state_seal(cells) ||
	    cells > STATE_CELLS_MAX || !labels_are_sane(head) ||
	    !numbers_are_plausible(head))
		return refuse(state, "its head is damaged");
	if (carve_state_file_bytes(cells) > bytes)
		return refuse(state, "it was cut short");
	return true;
}

/* Only the check sum makes a cell, so no kill can leave a wrong one. */
static bool judge_cells(struct carve_state *state)
{
	for (uint32_t place = 1; place <= state->count; place++) {
		const struct carve_cell *cell = carve_state_cell(state, place);

		if (cell->check &&
		    (cell->check != carve_state_cell_sum(cell, place) ||
		     cell->before > state->count || cell->before == place ||
		     !carve_state_cell_is_sane(state, cell)))
			return refuse(state, "cell %u of %u is damaged", place,
				      state->count);
	}
	return true;
}

/* ---- taking it up ------------------------------------------------------------ */

/*
 * The one that the last writer had replaced and did not get to drop. A place that
 * was used again since has a higher version.
 */
static void drop_replaced(struct carve_state *state)
{
	for (uint32_t place = 1; place <= state->count; place++) {
		const struct carve_cell *cell = carve_state_cell(state, place);
		struct carve_cell *before;

		if (!cell->check || !cell->before)
			continue;
		before = carve_state_cell(state, cell->before);
		if (before->check && before->version < cell->version)
			carve_state_store(&before->check, 0);
	}
}

static void take_up(struct carve_state *state)
{
	for (uint32_t place = state->count; place; place--) {
		const struct carve_cell *cell = carve_state_cell(state, place);

		if (!cell->check) {
			carve_state_add_free(state, place);
			continue;
		}
		if (cell->version > state->last)
			state->last = cell->version;
		count_cell(state->head, cell);
	}
}

/* Return: 1, and it is believed; 0; negative errno. */
static int believe(struct carve_state *state)
{
	uint32_t cells = (uint32_t)state->head->cells;
	int r = carve_state_provide(state->fd, carve_state_file_bytes(cells));

	if (r == 0)
		r = carve_state_map(state, cells);
	if (r < 0)
		return r;
	state->count = cells;
	if (!judge_cells(state)) {
		state->count = 0;
		return 0;
	}
	drop_replaced(state);
	take_up(state);
	return 1;
}

/*
 * From now on there is nothing; what begins with @magic has all the rest. Whoever
 * was killed here had kept the numbers, or they are zeros.
 */
static int begin(struct carve_state *state, const char *boot)
{
	struct state_head *head = state->head;
	bool known = head->magic == STATE_MAGIC || !head->magic;
	bool keep = state->refused[0] || !head->magic;
	int r;

	carve_state_store(&head->magic, 0);
	carve_state_store(&head->cells, carve_state_seal(0));
	r = carve_state_map(state, 0);
	if (r < 0)
		return r;
	/* Gives back what cells took. If that cannot be, it is used again. */
	(void)!ftruncate(state->fd, STATE_HEAD);
	if (keep)
		keep_numbers(head, known);
	else
		memset(&head->numbers, 0, sizeof(head->numbers));
	memset(head->labels, 0, sizeof(head->labels));
	head->version = CARVE_STATE_VERSION;
	head->cell_bytes = sizeof(struct carve_cell);
	memset(head->boot, 0, sizeof(head->boot));
	snprintf(head->boot, sizeof(head->boot), "%s", boot);
	carve_state_store(&head->check, head_sum(head));
	carve_state_store(&head->magic, STATE_MAGIC);
	return 0;
}

int carve_state_load(struct carve_state *state, uint64_t bytes,
		     const char *boot)
{
	int r = 0;

	if (judge_head(state, bytes, boot)) {
		r = believe(state);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = begin(state, boot);
	if (r < 0)
		return r;
	/* The one that stays free. */
	r = carve_state_expect(state, 0);
	if (r < 0)
		return r;
	carve_state_store(&state->head->numbers.epoch,
			  state->head->numbers.epoch + 1);
	return 0;
}
