/* SPDX-License-Identifier: MIT */
/*
 * What the next daemon has to know: a shared mapping of fixed-size cells, in a
 * memfd that the service manager keeps, or in a file of the runtime directory.
 * The driver knows what is alive and dirty; here is who asked for it, what was
 * reserved, and who is connected.
 *
 * The daemon may be killed between any two instructions, so nothing is changed in
 * place. A cell is written where none was, and counts from the moment its check
 * sum is there, which is stored last and as a whole; the one that it replaces is
 * dropped afterwards, and by the reader if the writer did not get to that. So no
 * kill leaves a cell with a wrong check sum: that is damage, and then nothing is
 * believed.
 *
 * What takes several cells is written first, and counts once the cell that refers
 * to it is there: a reservation's classes and slots carry the number of the
 * generation that its own cell names.
 *
 * No system call but to grow; everything here belongs to the loop's thread.
 */
#ifndef CARVE_DAEMON_STATE_H
#define CARVE_DAEMON_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/* Changes with everything below: another one's state is not read. */
#ifndef CARVE_STATE_VERSION
#define CARVE_STATE_VERSION	2
#endif

struct carve_state;

enum carve_cell_type {
	CARVE_CELL_FREE,
	CARVE_CELL_CLIENT,
	CARVE_CELL_RESERVATION,
	CARVE_CELL_CLASS,
	CARVE_CELL_SLOT,
	CARVE_CELL_BUFFER,
	CARVE_CELL_SIMULATED,
};

/* HELLO was answered. */
#define CARVE_CELL_GREETED	(1U << 0)
/* It wants to hear of pressure. */
#define CARVE_CELL_WATCHES	(1U << 1)
/* Descriptors were sent to it that it may not have read. */
#define CARVE_CELL_SENT		(1U << 2)
/* It has lost reservations, and was not told yet. */
#define CARVE_CELL_LOST		(1U << 3)

/**
 * struct carve_cell_client - a connection
 * @client: its number, above all before
 * @secret: what it proves to be itself with, on another connection
 * @start_time: of process @pid, in clock ticks since boot (proc_pid_stat(5))
 * @flags: CARVE_CELL_GREETED, CARVE_CELL_WATCHES, CARVE_CELL_SENT, CARVE_CELL_LOST
 * @waiting: id of its request that waits, or 0 and the next two are 0
 * @since_usec: when that came, of CLOCK_MONOTONIC
 * @deadline_usec: how long it waits; UINT64_MAX: for ever
 * @unit: as when it connected; its process may have gone since
 */
struct carve_cell_client {
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
	uint32_t uid;
	int32_t pid;
	uint64_t start_time;
	uint32_t flags;
	uint32_t reserved;
	uint64_t waiting;
	uint64_t since_usec;
	uint64_t deadline_usec;
	char unit[CARVE_WIRE_UNIT];
};

/**
 * struct carve_cell_reservation - a granted reservation
 * @client: whose connection's, 0: a configured one that nobody has claimed
 * @made_by: id of the request that made, changed or claimed it last
 * @generation: of its classes and slots
 * @class_count, @slot_count: how many of these there have to be
 * @flags: CARVE_RESERVATION_* of carve.h
 */
struct carve_cell_reservation {
	uint64_t id;
	uint64_t client;
	uint64_t made_by;
	uint64_t generation;
	uint32_t uid;
	int32_t pid;
	uint32_t flags;
	uint16_t class_count;
	uint16_t slot_count;
	char unit[CARVE_WIRE_UNIT];
	char name[CARVE_WIRE_LABEL];
};

/* A class: carve_kind of slots.h, sizes with guards as placed. */
struct carve_cell_class {
	uint64_t reservation;
	uint64_t generation;
	uint32_t class;
	uint32_t count;
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint64_t before;
	uint64_t after;
};

struct carve_cell_slot {
	uint64_t reservation;
	uint64_t generation;
	uint64_t offset;
	uint32_t class;
	uint32_t reserved;
};

/* A buffer; that it lives, and its name, the device says. */
struct carve_cell_buffer {
	uint64_t id;
	uint64_t offset;
	uint64_t bytes;
	uint32_t uid;
	int32_t pid;
	char unit[CARVE_WIRE_UNIT];
};

/* An extent of a simulated region: what the driver would know. */
struct carve_cell_simulated {
	uint64_t id;
	uint64_t offset;
	uint64_t bytes;
	uint64_t inode;
	int32_t watch;
	uint32_t uid;
	uint32_t live;
	uint32_t reserved;
	char name[CARVE_WIRE_NAME];
};

/**
 * struct carve_cell - one fact
 * @check: private
 * @type: enum carve_cell_type
 * @region: index from carve_state_region(); 0 for a client
 * @version, @before: private
 */
struct carve_cell {
	uint64_t check;
	uint16_t type;
	uint16_t region;
	uint32_t before;
	uint64_t version;
	union {
		struct carve_cell_client client;
		struct carve_cell_reservation reservation;
		struct carve_cell_class class;
		struct carve_cell_slot slot;
		struct carve_cell_buffer buffer;
		struct carve_cell_simulated simulated;
		uint8_t room[168];
	};
};

_Static_assert(sizeof(struct carve_cell) == 192, "state");

/**
 * struct carve_state_numbers - given out last; each is stored at once
 * @epoch: of this daemon, counted up by carve_state_new()
 * @buffer: by region
 */
struct carve_state_numbers {
	volatile uint64_t epoch;
	volatile uint64_t client;
	volatile uint64_t reservation;
	volatile uint64_t buffer[CARVE_WIRE_REGIONS_MAX];
};

/**
 * carve_state_new() - take up a state, or begin one
 * @ret: carve_state_free()
 * @fd: a memfd or a file, empty or with a state; taken over on success
 * @boot: name of this boot (/proc/sys/kernel/random/boot_id): a file may be of
 *	another one, and is then begun anew without a word
 *
 * What is refused (see carve_state_refused()) is begun anew, too, but for the
 * numbers if these can be read.
 *
 * Return: 0; -ENOMEM; -ENOSPC (the file system is full: that is found here and
 * when it grows, never by a signal); what fstat() and mmap() answer.
 */
int carve_state_new(struct carve_state **ret, int fd, const char *boot);

/* The file stays. NULL is allowed. Return: NULL. */
struct carve_state *carve_state_free(struct carve_state *state);

/* What was wrong with what was there, in words; NULL: nothing. */
const char *carve_state_refused(const struct carve_state *state);

struct carve_state_numbers *carve_state_numbers(struct carve_state *state);

/**
 * carve_state_region() - index of a region, a new one if it is not known
 *
 * Return: 0 or more; -ENOSPC (there are CARVE_WIRE_REGIONS_MAX).
 */
int carve_state_region(struct carve_state *state, const char *label);

/* The region of an index below CARVE_WIRE_REGIONS_MAX; NULL: there is none. */
const char *carve_state_label(const struct carve_state *state, unsigned int index);

/* Forget a region that no cell refers to: the index may become another one's. */
void carve_state_forget_region(struct carve_state *state, unsigned int index);

/**
 * carve_state_put() - write down a fact
 * @cell: its type, region and contents
 * @place: 0, or the place of what it replaces; then where it is now
 *
 * Return: 0, always if it replaces something; -ENOMEM, -ENOSPC, and nothing has
 * changed.
 */
int carve_state_put(struct carve_state *state, const struct carve_cell *cell,
		    uint32_t *place);

/* So many more carve_state_put() will not fail. Return: as carve_state_put(). */
int carve_state_expect(struct carve_state *state, size_t count);

/* Forget it; @place is 0 then. A place of 0 is allowed. */
void carve_state_drop(struct carve_state *state, uint32_t *place);

/**
 * carve_state_next() - walk all there is, in no order
 * @place: 0 to start; then the cell's
 *
 * The cell that was returned last may be dropped or replaced in between.
 *
 * Return: the cell, as long as nothing is put; NULL at the end.
 */
const struct carve_cell *carve_state_next(const struct carve_state *state,
					  uint32_t *place);

/* The cell in use at @place, as long as nothing is put. */
const struct carve_cell *carve_state_get(const struct carve_state *state,
					 uint32_t place);

/* Number of cells in use. */
size_t carve_state_count(const struct carve_state *state);

#endif /* CARVE_DAEMON_STATE_H */
