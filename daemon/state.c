// SPDX-License-Identifier: MIT
#include "state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state-layout.h"

#define CELLS_LEAST	64U

static uint64_t mix(uint64_t sum, const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	sum = (sum ^ word) * 0xff51afd7ed558ccdULL;
	return sum << 29 | sum >> 35;
}

/* Two chains, since each step waits for the multiplication before it. */
uint64_t carve_state_sum(const void *data, size_t bytes, uint64_t seed)
{
	const uint8_t *from = data;
	uint64_t even = seed * 0x9e3779b97f4a7c15ULL + 1, odd = ~even;
	size_t i = 0;

	for (; i + 16 <= bytes; i += 16) {
		even = mix(even, from + i);
		odd = mix(odd, from + i + 8);
	}
	if (i < bytes)
		even = mix(even, from + i);
	even = (even ^ (odd >> 32)) * 0x9e3779b97f4a7c15ULL + odd;
	even ^= even >> 32;
	return even ? even : 1;
}

uint64_t carve_state_cell_sum(const struct carve_cell *cell, uint32_t place)
{
	return carve_state_sum((const uint8_t *)cell + sizeof(cell->check),
			       sizeof(*cell) - sizeof(cell->check), place);
}

/* ---- room ---------------------------------------------------------------- */

int carve_state_provide(int fd, uint64_t bytes)
{
	int r;

	do {
		r = posix_fallocate(fd, 0, (off_t)bytes);
	} while (r == EINTR);
	/* A limit of a file's size, or of memory for it, is no room either. */
	return r == EFBIG || r == EDQUOT ? -ENOSPC : -r;
}

int carve_state_map(struct carve_state *state, uint64_t cells)
{
	size_t bytes = (size_t)carve_state_file_bytes(cells);
	void *all;

	if (state->all)
		all = mremap(state->all, state->all_bytes, bytes,
			     MREMAP_MAYMOVE);
	else
		all = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			   state->fd, 0);
	if (all == MAP_FAILED)
		return -errno;
	state->all = all;
	state->all_bytes = bytes;
	state->cells = (struct carve_cell *)((uint8_t *)all + STATE_HEAD);
	return 0;
}

/* What a cell says besides counts for nothing as long as its check is 0. */
void carve_state_add_free(struct carve_state *state, uint32_t place)
{
	carve_state_cell(state, place)->before = state->free;
	state->free = place;
	state->free_count++;
}

/* There is one. Others may write to the file: rather end than lose what is there. */
static uint32_t take_free(struct carve_state *state)
{
	uint32_t place = state->free;

	assert(place && place <= state->count &&
	       !carve_state_cell(state, place)->check);
	state->free = carve_state_cell(state, place)->before;
	state->free_count--;
	return place;
}

int carve_state_grow(struct carve_state *state, size_t free_count)
{
	uint64_t count = state->count;
	int r;

	if (state->free_count >= free_count)
		return 0;
	if (free_count > STATE_CELLS_MAX)
		return -ENOSPC;
	count += free_count - state->free_count;
	count += count / 4 + CELLS_LEAST;
	if (count > STATE_CELLS_MAX)
		return -ENOSPC;
	r = carve_state_provide(state->fd, carve_state_file_bytes(count));
	if (r == 0)
		r = carve_state_map(state, count);
	if (r < 0)
		return r;
	/* Whatever was in the file: none of them counts before all are free. */
	for (uint64_t place = count; place > state->count; place--) {
		carve_state_store(&carve_state_cell(state, place)->check, 0);
		carve_state_add_free(state, (uint32_t)place);
	}
	carve_state_store(&state->head->cells,
			  carve_state_seal((uint32_t)count));
	state->count = (uint32_t)count;
	return 0;
}

/* ---- cells --------------------------------------------------------------- */

/* One cell stays free, so that what is there can always be replaced. */
int carve_state_expect(struct carve_state *state, size_t count)
{
	return carve_state_grow(state, count + 1);
}

static void write_cell(struct carve_state *state, const struct carve_cell *cell,
		       uint32_t place, uint32_t before)
{
	struct carve_cell *to = carve_state_cell(state, place);
	struct carve_cell copy = *cell;

	copy.before = before;
	copy.version = ++state->last;
	memcpy((uint8_t *)to + sizeof(to->check),
	       (const uint8_t *)&copy + sizeof(copy.check),
	       sizeof(copy) - sizeof(copy.check));
	carve_state_store(&to->check, carve_state_cell_sum(&copy, place));
}

int carve_state_put(struct carve_state *state, const struct carve_cell *cell,
		    uint32_t *place)
{
	uint32_t before = *place;
	int r = before ? 0 : carve_state_expect(state, 1);

	if (r < 0)
		return r;
	*place = take_free(state);
	write_cell(state, cell, *place, before);
	carve_state_drop(state, &before);
	return 0;
}

void carve_state_drop(struct carve_state *state, uint32_t *place)
{
	if (!*place)
		return;
	carve_state_store(&carve_state_cell(state, *place)->check, 0);
	carve_state_add_free(state, *place);
	*place = 0;
}

const struct carve_cell *carve_state_next(const struct carve_state *state,
					  uint32_t *place)
{
	while (*place < state->count) {
		const struct carve_cell *cell =
			carve_state_cell(state, ++*place);

		if (cell->check)
			return cell;
	}
	return NULL;
}

const struct carve_cell *carve_state_get(const struct carve_state *state,
					 uint32_t place)
{
	return carve_state_cell(state, place);
}

size_t carve_state_count(const struct carve_state *state)
{
	return state->count - state->free_count;
}

/* ---- the head ------------------------------------------------------------ */

struct carve_state_numbers *carve_state_numbers(struct carve_state *state)
{
	return &state->head->numbers;
}

const char *carve_state_refused(const struct carve_state *state)
{
	return state->refused[0] ? state->refused : NULL;
}

const char *carve_state_label(const struct carve_state *state, unsigned int index)
{
	const struct state_label *at = &state->head->labels[index];

	return at->check ? at->label : NULL;
}

void carve_state_forget_region(struct carve_state *state, unsigned int index)
{
	carve_state_store(&state->head->labels[index].check, 0);
}

/*
 * Whose index it was before, and what this region's was, nobody knows: above all
 * numbers none was given out twice.
 */
static void pass_numbers(struct carve_state *state, int index)
{
	volatile uint64_t *numbers = state->head->numbers.buffer;
	uint64_t last = 0;

	for (int i = 0; i < CARVE_WIRE_REGIONS_MAX; i++)
		if (numbers[i] > last)
			last = numbers[i];
	carve_state_store(&numbers[index], last);
}

static int add_region(struct carve_state *state, const char *label)
{
	for (int i = 0; i < CARVE_WIRE_REGIONS_MAX; i++) {
		struct state_label *at = &state->head->labels[i];

		if (at->check)
			continue;
		pass_numbers(state, i);
		memset(at->label, 0, sizeof(at->label));
		snprintf(at->label, sizeof(at->label), "%s", label);
		carve_state_store(&at->check,
				  carve_state_sum(at->label, sizeof(at->label),
						  (uint64_t)i));
		return i;
	}
	return -ENOSPC;
}

int carve_state_region(struct carve_state *state, const char *label)
{
	for (unsigned int i = 0; i < CARVE_WIRE_REGIONS_MAX; i++) {
		const char *known = carve_state_label(state, i);

		if (known && !strcmp(known, label))
			return (int)i;
	}
	return add_region(state, label);
}

/* ---- beginning and end ---------------------------------------------------- */

static int open_head(struct carve_state *state, uint64_t *ret_bytes)
{
	struct stat stat;
	void *head;
	int r;

	if (fstat(state->fd, &stat) < 0)
		return -errno;
	r = carve_state_provide(state->fd, STATE_HEAD);
	if (r < 0)
		return r;
	head = mmap(NULL, STATE_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED,
		    state->fd, 0);
	if (head == MAP_FAILED)
		return -errno;
	state->head = head;
	*ret_bytes = (uint64_t)stat.st_size;
	return 0;
}

int carve_state_new(struct carve_state **ret, int fd, const char *boot)
{
	struct carve_state *state = calloc(1, sizeof(*state));
	uint64_t bytes = 0;
	int r;

	if (!state)
		return -ENOMEM;
	state->fd = fd;
	r = open_head(state, &bytes);
	if (r == 0)
		r = carve_state_load(state, bytes, boot);
	if (r < 0) {
		state->fd = -1;
		carve_state_free(state);
		return r;
	}
	*ret = state;
	return 0;
}

struct carve_state *carve_state_free(struct carve_state *state)
{
	if (!state)
		return NULL;
	if (state->head)
		munmap(state->head, STATE_HEAD);
	if (state->all)
		munmap(state->all, state->all_bytes);
	if (state->fd >= 0)
		close(state->fd);
	free(state);
	return NULL;
}
