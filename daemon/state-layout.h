/* SPDX-License-Identifier: MIT */
/*
 * What the files of the state (state*.c) share; nobody else includes this.
 *
 *	0		the head, in one page
 *	STATE_HEAD	cells, each at its place: the first one at place 1
 *
 * All stores of one process reach a shared mapping in the order in which it made
 * them, killed or not, and a store of 64 aligned bits does so whole. What is left
 * to do is to keep the compiler from another order: carve_state_barrier().
 */
#ifndef CARVE_DAEMON_STATE_LAYOUT_H
#define CARVE_DAEMON_STATE_LAYOUT_H

#include "state.h"

#define STATE_MAGIC	0x3165746174732e43ULL	/* "C.state1" */
#define STATE_HEAD	4096U
#define STATE_BOOT	48

/* What a number can have become by counting; anything else is damage. */
#define STATE_NUMBER_MAX	(1ULL << 56)

/* Places are 32 bits; nobody has so many buffers. */
#define STATE_CELLS_MAX		(1ULL << 24)

/* A region's name; @check is stored last, and 0 without one. */
struct state_label {
	char label[CARVE_WIRE_LABEL];
	uint64_t check;
};

/**
 * struct state_head - how the file begins; up to @numbers alike in all versions
 * @magic: stored last of all when a state is begun
 * @check: of @version, @cell_bytes and @boot, which do not change
 * @cells: carve_state_seal() of how many there are, in use or not
 */
struct state_head {
	uint64_t magic;
	uint32_t version;
	uint32_t cell_bytes;
	char boot[STATE_BOOT];
	uint64_t check;
	struct carve_state_numbers numbers;
	uint64_t cells;
	struct state_label labels[CARVE_WIRE_REGIONS_MAX];
};

_Static_assert(sizeof(struct state_head) <= STATE_HEAD, "state");

/**
 * struct carve_state - a state that is mapped
 * @head: a mapping of its own that stays where it is
 * @all: a mapping of everything, moved when it grows
 * @count: head->cells
 * @last: version of the cell written last
 * @free: a place that is free, 0 if there is none; in a free cell @before is the next
 * @free_count: how many these are
 */
struct carve_state {
	int fd;
	struct state_head *head;
	void *all;
	size_t all_bytes;
	struct carve_cell *cells;
	uint32_t count;
	uint64_t last;
	uint32_t free;
	size_t free_count;
	char refused[160];
};

static inline void carve_state_barrier(void)
{
	__asm__ __volatile__("" : : : "memory");
}

/* A whole store, after all that stand before it and before all behind it. */
static inline void carve_state_store(volatile uint64_t *to, uint64_t value)
{
	carve_state_barrier();
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
	carve_state_barrier();
}

/* Of @bytes, whole words, never 0. @seed: so that it is right in one place only. */
uint64_t carve_state_sum(const void *data, size_t bytes, uint64_t seed);

/* What a cell's @check has to be at this place. */
uint64_t carve_state_cell_sum(const struct carve_cell *cell, uint32_t place);

/* 32 bits that can be stored at once with a check sum of their own. */
static inline uint64_t carve_state_seal(uint32_t number)
{
	uint64_t wide = number;

	return carve_state_sum(&wide, sizeof(wide), STATE_MAGIC) << 32 | number;
}

static inline struct carve_cell *carve_state_cell(const struct carve_state *state,
						  uint32_t place)
{
	return &state->cells[place - 1];
}

/* Its cell says that it is free: its check is 0. */
void carve_state_add_free(struct carve_state *state, uint32_t place);

/* Make room for so many free cells. Return: 0; -ENOMEM; -ENOSPC. */
int carve_state_grow(struct carve_state *state, size_t free_count);

/* Blocks for all of it, so that no store can find the file system full. */
int carve_state_provide(int fd, uint64_t bytes);

static inline uint64_t carve_state_file_bytes(uint64_t cells)
{
	return STATE_HEAD + cells * sizeof(struct carve_cell);
}

/* Map so many cells, which the file has already. Return: 0; as mmap(). */
int carve_state_map(struct carve_state *state, uint64_t cells);

/**
 * carve_state_load() - believe what is there, or begin anew
 * @bytes: of the file as it was found
 *
 * Return: 0, and carve_state::refused; -ENOMEM; -ENOSPC.
 */
int carve_state_load(struct carve_state *state, uint64_t bytes,
		     const char *boot);

/* Could the daemon have written this, its sum apart? Strings have an end then. */
bool carve_state_cell_is_sane(const struct carve_state *state,
			      const struct carve_cell *cell);

#endif /* CARVE_DAEMON_STATE_LAYOUT_H */
