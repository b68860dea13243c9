// SPDX-License-Identifier: MIT
/*
 * libcarve and a daemon that says whatever it likes. An input is a list of calls,
 * each followed by what the daemon answers to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "carve.h"
#include "fuzz.h"
#include "hostile.h"

#define HELD_MAX	64
#define RESERVED_MAX	8
#define CALLS_MAX	128
#define MANY_MAX	6

/**
 * struct caller - a program that uses the library
 */
struct caller {
	struct carve *carve;
	struct carve_buffer *buffers[HELD_MAX];
	size_t buffer_count;
	struct carve_reservation *reservations[RESERVED_MAX];
	size_t reservation_count;
	struct fuzz_input input;
};

/* Read every byte of it: is all of it written, and inside? */
static void touch(const void *data, size_t bytes)
{
	const volatile uint8_t *at = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < bytes; i++)
		sum ^= at[i];
	(void)sum;
}

static void check_string(const char *string, size_t room)
{
	fuzz_require(memchr(string, '\0', room));
}

/* A call gave a negative errno that exists, or 0. */
static void check_result(int r)
{
	fuzz_require(r <= 0 && r >= -4095);
}

/* ---- buffers ----------------------------------------------------------- */

static void hold(struct caller *caller, struct carve_buffer *buffer)
{
	if (caller->buffer_count < HELD_MAX)
		caller->buffers[caller->buffer_count++] = buffer;
	else
		carve_buffer_unref(buffer);
}

static void hold_all(struct caller *caller, int r, struct carve_buffer **buffers,
		     size_t count)
{
	check_result(r);
	for (size_t i = 0; i < count; i++) {
		/* Written on success only. */
		fuzz_require(!buffers[i] == (r < 0));
		if (r == 0)
			hold(caller, buffers[i]);
	}
}

static void check_refusal(int r, const struct carve_refusal *refusal)
{
	if (r != -ENOSPC && r != -EDQUOT && r != -ETIMEDOUT)
		return;
	fuzz_require(refusal->holder_count <= CARVE_HOLDERS_MAX);
	for (uint32_t i = 0; i < refusal->holder_count; i++)
		check_string(refusal->holders[i].unit,
			     sizeof(refusal->holders[i].unit));
}

static void call_alloc(struct caller *caller)
{
	static const char *const regions[] = { NULL, "main", "aux", "" };
	struct carve_request requests[MANY_MAX] = { 0 };
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer *buffers[MANY_MAX] = { 0 };
	uint8_t how = fuzz_u8(&caller->input);
	size_t count = how % MANY_MAX + 1;
	int r;

	if (count > MANY_MAX)
		count = MANY_MAX;
	for (size_t i = 0; i < count; i++) {
		requests[i] = (struct carve_request)CARVE_REQUEST_INIT;
		requests[i].bytes = 4096U + fuzz_u8(&caller->input) * 64U;
		requests[i].region = regions[how >> 6];
		requests[i].timeout_nsec = how & 32 ? CARVE_FOREVER : 0;
	}
	r = carve_alloc_many(caller->carve, requests, count, buffers,
			     how & 16 ? &refusal : NULL);
	for (size_t i = 0; r == 0 && i < count; i++)
		fuzz_require(carve_buffer_get_bytes(buffers[i]) >=
			     requests[i].bytes);
	hold_all(caller, r, buffers, count);
	check_refusal(r, &refusal);
}

static void use_buffer(struct caller *caller)
{
	struct carve_buffer *buffer;
	uint64_t bytes;
	void *data;
	int r;

	if (!caller->buffer_count)
		return;
	buffer = caller->buffers[fuzz_u8(&caller->input) % caller->buffer_count];
	bytes = carve_buffer_get_bytes(buffer);
	fuzz_require(carve_buffer_get_fd(buffer) >= 0);
	r = carve_buffer_map(buffer, &data);
	check_result(r);
	if (r < 0)
		return;
	/* Whatever the daemon sent: no SIGBUS. */
	touch(data, 1);
	touch((uint8_t *)data + bytes - 1, 1);
	check_result(carve_buffer_begin_cpu(buffer, 1));
	check_result(carve_buffer_end_cpu(buffer, 1));
}

static void drop_buffer(struct caller *caller)
{
	size_t which = fuzz_u8(&caller->input);

	if (!caller->buffer_count)
		return;
	which %= caller->buffer_count;
	carve_buffer_unref(caller->buffers[which]);
	caller->buffers[which] = caller->buffers[--caller->buffer_count];
}

static void call_query(struct caller *caller)
{
	struct carve_buffer_info info = { .struct_size = sizeof(info) };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r = carve_query(caller->carve, fd, &info);

	check_result(r);
	close(fd);
	if (r < 0)
		return;
	check_string(info.name, sizeof(info.name));
	check_string(info.region, sizeof(info.region));
}

/* ---- lists ------------------------------------------------------------- */

static void call_regions(struct caller *caller)
{
	struct carve_regions *regions = NULL;
	int r = carve_regions_new(caller->carve, &regions);

	check_result(r);
	fuzz_require(!regions == (r < 0));
	for (size_t i = 0; r == 0 && i < carve_regions_count(regions); i++) {
		const struct carve_region_info *info =
			carve_regions_get(regions, i);

		touch(info, sizeof(*info));
		check_string(info->label, sizeof(info->label));
	}
	carve_regions_free(regions);
}

static void call_buffers(struct caller *caller)
{
	struct carve_buffers *buffers = NULL;
	int r = carve_buffers_new(caller->carve, &buffers);

	check_result(r);
	fuzz_require(!buffers == (r < 0));
	for (size_t i = 0; r == 0 && i < carve_buffers_count(buffers); i++) {
		const struct carve_buffer_info *info =
			carve_buffers_get(buffers, i);

		touch(info, sizeof(*info));
		check_string(info->name, sizeof(info->name));
		check_string(info->region, sizeof(info->region));
	}
	carve_buffers_free(buffers);
}

static void call_reservations(struct caller *caller)
{
	struct carve_reservations *all = NULL;
	int r = carve_reservations_new(caller->carve, &all);

	check_result(r);
	fuzz_require(!all == (r < 0));
	for (size_t i = 0; r == 0 && i < carve_reservations_count(all); i++) {
		const struct carve_reservation_info *info =
			carve_reservations_get(all, i);

		touch(info, sizeof(*info));
		check_string(info->name, sizeof(info->name));
	}
	carve_reservations_free(all);
}

/* ---- reservations ------------------------------------------------------ */

static void check_granted(const struct carve_reservation *reservation)
{
	for (size_t i = 0; i < carve_reservation_count(reservation); i++)
		touch(carve_reservation_get(reservation, i),
		      sizeof(struct carve_class));
}

static void make_profile(struct caller *caller, struct carve_profile *profile,
			 struct carve_class *classes)
{
	*profile = (struct carve_profile)CARVE_PROFILE_INIT;
	profile->classes = classes;
	profile->class_count = fuzz_u8(&caller->input) % MANY_MAX;
	for (uint32_t i = 0; i < profile->class_count; i++) {
		classes[i] = (struct carve_class)CARVE_CLASS_INIT;
		classes[i].count = 1 + fuzz_u8(&caller->input) % 32;
		classes[i].bytes = 1 + fuzz_number(&caller->input) % (1U << 24);
	}
}

static void call_reserve(struct caller *caller)
{
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_reservation *reservation = NULL;
	struct carve_class classes[MANY_MAX];
	struct carve_profile profile;
	int r;

	make_profile(caller, &profile, classes);
	if (fuzz_u8(&caller->input) & 1)
		r = carve_reservation_claim(caller->carve, "film", 0,
					    &reservation);
	else
		r = carve_reserve(caller->carve, &profile, &reservation,
				  &refusal);
	check_result(r);
	check_refusal(r, &refusal);
	fuzz_require(!reservation == (r < 0));
	if (r < 0)
		return;
	check_granted(reservation);
	if (caller->reservation_count < RESERVED_MAX)
		caller->reservations[caller->reservation_count++] = reservation;
	else
		carve_reservation_free(reservation);
}

static struct carve_reservation *pick_reservation(struct caller *caller)
{
	uint8_t which = fuzz_u8(&caller->input);

	return caller->reservation_count ?
		caller->reservations[which % caller->reservation_count] : NULL;
}

static void call_change(struct caller *caller)
{
	struct carve_reservation *reservation = pick_reservation(caller);
	struct carve_class classes[MANY_MAX];
	struct carve_profile profile;

	if (!reservation)
		return;
	make_profile(caller, &profile, classes);
	check_result(carve_reservation_change(reservation, &profile, NULL));
	check_granted(reservation);
}

static void call_reservation_alloc(struct caller *caller)
{
	struct carve_reservation *reservation = pick_reservation(caller);
	struct carve_buffer *buffers[MANY_MAX] = { 0 };
	size_t indexes[MANY_MAX] = { 0 };
	size_t count = 1 + fuzz_u8(&caller->input) % MANY_MAX;

	if (!reservation)
		return;
	for (size_t i = 0; i < count; i++)
		indexes[i] = fuzz_u8(&caller->input) % 3;
	hold_all(caller, carve_reservation_alloc_many(reservation, indexes, NULL,
						      count, 0, buffers, NULL),
		 buffers, count);
}

static void drop_reservation(struct caller *caller)
{
	if (caller->reservation_count)
		carve_reservation_free(
			caller->reservations[--caller->reservation_count]);
}

/* ---- the rest ---------------------------------------------------------- */

static void on_pressure(const struct carve_pressure *pressure, void *data)
{
	(void)data;
	check_string(pressure->region, sizeof(pressure->region));
}

static void disconnect(struct caller *caller)
{
	while (caller->reservation_count)
		drop_reservation(caller);
	caller->carve = carve_free(caller->carve);
	hostile_stop();
}

static void reconnect(struct caller *caller)
{
	int r;

	disconnect(caller);
	r = carve_new(&caller->carve, hostile_path());
	check_result(r);
	fuzz_require(!caller->carve == (r < 0));
}

static void (*const calls[])(struct caller *caller) = {
	call_alloc, call_regions, call_buffers, call_reservations, call_query,
	call_reserve, call_change, call_reservation_alloc, drop_reservation,
	use_buffer, drop_buffer, reconnect,
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

/* The numbers are those of the seeds: new ones go to the end. */
static void call(struct caller *caller)
{
	size_t which = fuzz_u8(&caller->input) % (CALLS + 3);

	hostile_shrink();
	if (!caller->carve)
		reconnect(caller);
	else if (which < CALLS)
		calls[which](caller);
	else if (which == CALLS)
		check_result(carve_watch_pressure(caller->carve,
				fuzz_u8(&caller->input) & 1 ? on_pressure : NULL,
				NULL));
	else if (which == CALLS + 1)
		fuzz_require(carve_dispatch(caller->carve) >= -4095);
	else
		check_result(carve_cancel(caller->carve));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hostile_prepare();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct caller caller = { .input = { data, bytes } };
	unsigned int fds = fuzz_count_fds();

	hostile_start(&caller.input);
	for (int i = 0; i < CALLS_MAX && caller.input.left; i++)
		call(&caller);
	disconnect(&caller);
	/* Buffers outlive the connection. */
	while (caller.buffer_count)
		carve_buffer_unref(caller.buffers[--caller.buffer_count]);
	fuzz_require(fuzz_count_fds() == fds);
	return 0;
}
