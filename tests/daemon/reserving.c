// SPDX-License-Identifier: MIT
#include "reserving.h"

#include <errno.h>
#include <string.h>

struct carve_reservation *reserve(struct carve *carve,
				  const struct carve_class *classes,
				  size_t count)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation = NULL;
	int r;

	profile.classes = classes;
	profile.class_count = (uint32_t)count;
	r = carve_reserve(carve, &profile, &reservation, NULL);
	if (r < 0)
		fail_msg("not reserved: %s", strerror(-r));
	return reservation;
}

int change(struct carve_reservation *reservation,
	   const struct carve_class *classes, size_t count)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.classes = classes;
	profile.class_count = (uint32_t)count;
	return carve_reservation_change(reservation, &profile, NULL);
}

void take_slot(struct carve_reservation *reservation, size_t index,
	  struct carve_buffer **ret)
{
	int r = carve_reservation_alloc(reservation, index, "reserved", 0, ret);

	if (r < 0)
		fail_msg("a reservation did not give a buffer: %s", strerror(-r));
	assert_int_equal(carve_buffer_get_bytes(*ret),
			 carve_reservation_get(reservation, index)->bytes);
}

void take_slots(struct carve_reservation *reservation, size_t index,
	      struct carve_buffer **ret, size_t count)
{
	struct carve_buffer *more;

	for (size_t i = 0; i < count; i++)
		take_slot(reservation, index, &ret[i]);
	assert_int_equal(carve_reservation_alloc(reservation, index, NULL, 0,
						 &more), -ENOSPC);
}

void drop_all(struct carve_buffer **buffers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffers[i] = carve_buffer_unref(buffers[i]);
}

void assert_refused(struct carve *carve, uint64_t bytes)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;

	request.bytes = bytes;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -ENOSPC);
}

struct carve_reservations *reservations(struct carve *carve, size_t count)
{
	struct carve_reservations *list = NULL;

	assert_int_equal(carve_reservations_new(carve, &list), 0);
	assert_int_equal(carve_reservations_count(list), count);
	return list;
}

void assert_reserved_becomes(struct carve *carve, uint64_t bytes)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	uint64_t now;

	while ((now = client_region(carve).reserved_bytes) != bytes) {
		if (patient_ms() > end)
			fail_msg("%llu bytes are reserved, and not %llu",
				 (unsigned long long)now,
				 (unsigned long long)bytes);
		sleep_ms(2);
	}
}

static uint8_t *map(struct carve_buffer *buffer)
{
	void *data;

	assert_int_equal(carve_buffer_map(buffer, &data), 0);
	return data;
}

void dirty(struct carve_buffer *buffer)
{
	uint8_t *data = map(buffer);

	for (uint64_t i = 0; i < carve_buffer_get_bytes(buffer); i += PAGE)
		data[i] = 0xa5;
}

void assert_zero(struct carve_buffer *buffer)
{
	const uint8_t *data = map(buffer);
	uint64_t bytes = carve_buffer_get_bytes(buffer);

	assert_true(data[0] == 0 && !memcmp(data, data + 1, bytes - 1));
	/* And not so for the next one. */
	dirty(buffer);
}
