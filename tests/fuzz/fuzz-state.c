// SPDX-License-Identifier: MIT
/*
 * The saved state. An input is the file as it is, or facts that are written down
 * in it as the daemon does, with right check sums, and then spoiled here and there;
 * and a few extents that are alive in the regions. A daemon takes that up, is
 * looked at, ends, and another one takes up what it left.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "state.h"
#include "world.h"

#define PAGE		4096U
#define CELLS_MAX	64
#define EXTENTS_MAX	8

/**
 * struct past - what there was before the daemon starts
 * @buffers: descriptors of what is alive
 * @places: of facts, to be replaced or dropped
 */
struct past {
	struct fuzz_input input;
	int buffers[EXTENTS_MAX];
	size_t buffer_count;
	uint32_t places[CELLS_MAX];
	size_t place_count;
};

/* Mostly small: what belongs together is found by its numbers. */
static uint64_t make_id(struct fuzz_input *input)
{
	uint8_t byte = fuzz_u8(input);

	return byte < 240 ? byte % 8 : fuzz_number(input);
}

static uint64_t make_pages(struct fuzz_input *input)
{
	uint8_t byte = fuzz_u8(input);

	return byte < 240 ? byte * (uint64_t)PAGE : fuzz_number(input);
}

static void make_name(struct fuzz_input *input, char *name, size_t room)
{
	uint8_t byte = fuzz_u8(input);

	if (byte < 240)
		snprintf(name, room, "%s", byte & 1 ? "film" : "");
	else
		fuzz_take(input, name, room);
}

static void make_client(struct fuzz_input *input, struct carve_cell_client *client)
{
	client->client = make_id(input);
	client->uid = fuzz_u8(input);
	client->pid = fuzz_u8(input);
	client->start_time = fuzz_u8(input) % 3;
	client->flags = fuzz_u8(input);
	if (client->flags & 4) {
		client->waiting = make_id(input);
		client->since_usec = fuzz_number(input);
		client->deadline_usec = fuzz_number(input);
	}
}

static void make_reservation(struct fuzz_input *input,
			     struct carve_cell_reservation *reservation)
{
	reservation->id = make_id(input);
	reservation->client = make_id(input);
	reservation->made_by = make_id(input);
	reservation->generation = fuzz_u8(input) % 3;
	reservation->uid = fuzz_u8(input);
	reservation->pid = fuzz_u8(input);
	reservation->flags = fuzz_u8(input);
	reservation->class_count = fuzz_u8(input) % 4;
	reservation->slot_count = fuzz_u8(input) % 8;
	make_name(input, reservation->name, sizeof(reservation->name));
	make_name(input, reservation->unit, sizeof(reservation->unit));
}

static void make_class(struct fuzz_input *input, struct carve_cell_class *class)
{
	uint8_t alignment;

	class->reservation = make_id(input);
	class->generation = fuzz_u8(input) % 3;
	class->class = fuzz_u8(input) % 18;
	class->count = fuzz_u8(input) % 8;
	class->bytes = make_pages(input);
	alignment = fuzz_u8(input);
	class->alignment = alignment < 200 ? PAGE : fuzz_number(input);
	if (alignment & 1) {
		class->limit = fuzz_number(input);
		class->before = make_pages(input);
		class->after = make_pages(input);
	}
}

static void make_slot(struct fuzz_input *input, struct carve_cell_slot *slot)
{
	slot->reservation = make_id(input);
	slot->generation = fuzz_u8(input) % 3;
	slot->offset = make_pages(input);
	slot->class = fuzz_u8(input) % 18;
}

static void make_buffer(struct fuzz_input *input, struct carve_cell_buffer *buffer)
{
	buffer->id = make_id(input);
	buffer->offset = make_pages(input);
	buffer->bytes = make_pages(input);
	buffer->uid = fuzz_u8(input);
	buffer->pid = fuzz_u8(input);
	make_name(input, buffer->unit, sizeof(buffer->unit));
}

static void make_cell(struct fuzz_input *input, struct carve_cell *cell)
{
	uint8_t where;

	memset(cell, 0, sizeof(*cell));
	cell->type = fuzz_u8(input) % 8;
	where = fuzz_u8(input);
	cell->region = where < 240 ? where & 1 : where;
	switch (cell->type) {
	case CARVE_CELL_CLIENT:
		make_client(input, &cell->client);
		break;
	case CARVE_CELL_RESERVATION:
		make_reservation(input, &cell->reservation);
		break;
	case CARVE_CELL_CLASS:
		make_class(input, &cell->class);
		break;
	case CARVE_CELL_SLOT:
		make_slot(input, &cell->slot);
		break;
	case CARVE_CELL_BUFFER:
		make_buffer(input, &cell->buffer);
		break;
	default:
		fuzz_take(input, cell->room, sizeof(cell->room));
	}
}

/* Written, replaced and dropped as a daemon does. */
static void write_facts(struct past *past, int fd)
{
	struct carve_state *state = world_state_open(fd);
	uint8_t count = fuzz_u8(&past->input) % CELLS_MAX;

	fuzz_require(carve_state_region(state, "main") == 0);
	fuzz_require(carve_state_region(state, "aux") == 1);
	for (uint8_t i = 0; i < count && past->input.left; i++) {
		uint8_t how = fuzz_u8(&past->input);
		uint32_t fresh = 0, *place = &fresh;
		struct carve_cell cell;

		if (past->place_count && how >= 224)
			place = &past->places[how % past->place_count];
		if (how >= 250) {
			carve_state_drop(state, place);
			continue;
		}
		make_cell(&past->input, &cell);
		fuzz_require(carve_state_put(state, &cell, place) == 0);
		if (place == &fresh)
			past->places[past->place_count++] = fresh;
	}
	carve_state_free(state);
}

/* What a writer that was killed cannot do: damage. */
static void spoil(struct past *past, int fd)
{
	uint8_t how = fuzz_u8(&past->input);

	if (how < 128)
		return;
	for (int i = 0; i < (how & 3); i++) {
		uint64_t value = fuzz_number(&past->input);
		off_t at = (fuzz_u16(&past->input) % 2048) * 8;

		fuzz_require(pwrite(fd, &value, sizeof(value), at) ==
			     sizeof(value));
	}
	if (how & 16)
		fuzz_require(ftruncate(fd, fuzz_u16(&past->input)) == 0);
}

static void write_raw(struct past *past, int fd)
{
	size_t bytes = past->input.left;

	fuzz_require(pwrite(fd, past->input.at, bytes, 0) == (ssize_t)bytes);
	past->input.left = 0;
}

static void export_some(struct past *past)
{
	uint8_t count = fuzz_u8(&past->input) % (EXTENTS_MAX + 1);

	for (uint8_t i = 0; i < count; i++) {
		uint8_t region = fuzz_u8(&past->input) & 1;
		uint64_t offset = make_pages(&past->input);
		uint64_t bytes = make_pages(&past->input);
		uint64_t id = make_id(&past->input);
		int fd = world_export(region, offset, bytes, id,
				      fuzz_u8(&past->input));

		if (fd >= 0)
			past->buffers[past->buffer_count++] = fd;
	}
}

static void drop_one(struct past *past)
{
	if (past->buffer_count)
		close(past->buffers[--past->buffer_count]);
}

/* One daemon after the other; each leaves a state that the next one believes. */
static void live(struct past *past, int fd)
{
	unsigned int daemons = 1 + fuzz_u8(&past->input) % 3;
	struct world world;

	for (unsigned int i = 0; i < daemons; i++) {
		struct carve_state *state = world_state_open(fd);

		fuzz_require(i == 0 || !carve_state_refused(state));
		world_start(&world, state);
		world_check(&world);
		world_configure(&world, fuzz_u8(&past->input));
		world_turn(&world, fuzz_u8(&past->input) % 32);
		drop_one(past);
		world_turn(&world, fuzz_u8(&past->input) % 32);
		world_check(&world);
		if (i < daemons - 1)
			world_stop(&world);
	}
	while (past->buffer_count)
		drop_one(past);
	world_settle(&world);
	world_stop(&world);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	world_prepare();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct past past = { .input = { data, bytes } };
	unsigned int fds = fuzz_count_fds();
	int fd = world_state_fd();

	fuzz_clock_reset();
	export_some(&past);
	if (fuzz_u8(&past.input) < 240) {
		write_facts(&past, fd);
		spoil(&past, fd);
	} else {
		write_raw(&past, fd);
	}
	live(&past, fd);
	close(fd);
	fuzz_require(fuzz_count_fds() == fds);
	return 0;
}
