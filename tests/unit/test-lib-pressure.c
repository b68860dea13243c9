// SPDX-License-Identifier: MIT
/* Pressure from a daemon that is not what it should be. */
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static unsigned int calls;
static struct carve_pressure last;

static void note(const struct carve_pressure *pressure, void *data)
{
	assert_ptr_equal(data, &calls);
	calls++;
	last = *pressure;
}

static struct carve_wire_pressure message(const char *region, uint64_t bytes)
{
	struct carve_wire_pressure pressure = {
		.header.bytes = sizeof(pressure),
		.header.type = CARVE_MSG_PRESSURE,
		.wanted_bytes = bytes,
	};

	strncpy(pressure.region, region, sizeof(pressure.region));
	return pressure;
}

static void tell(struct peer *peer, const struct carve_wire_pressure *pressure)
{
	assert_int_equal(send(peer->socket, pressure, sizeof(*pressure), 0),
			 sizeof(*pressure));
}

/* What the peer says before it answers. */
static struct carve_wire_pressure before[40];
static size_t before_count;

static void tell_before(struct peer *peer, struct peer_answer *answer)
{
	(void)answer;
	if (answer->message.header.type == CARVE_MSG_WATCH)
		return;
	for (size_t i = 0; i < before_count; i++)
		tell(peer, &before[i]);
}

static struct carve *watch(struct peer *peer)
{
	struct carve *carve = peer_connect(peer);

	calls = 0;
	assert_int_equal(carve_watch_pressure(carve, note, &calls), 0);
	return carve;
}

/* In the middle of a round trip: kept for later, of each region the last. */
static void the_last_of_each_region_is_kept(void **state)
{
	struct peer peer = { .spoil = tell_before };
	struct carve *carve = watch(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	struct carve_regions *regions;

	(void)state;
	before[0] = message("a", 1);
	before[1] = message("b", 2);
	before[2] = message("a", 3);
	before_count = 3;
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	assert_int_equal(carve_regions_new(carve, &regions), 0);
	carve_regions_free(regions);
	assert_int_equal(calls, 0);
	assert_int_equal(poll(&pollfd, 1, 0), 1);
	assert_int_equal(carve_dispatch(carve), 2);
	assert_int_equal(calls, 2);
	assert_string_equal(last.region, "b");
	assert_int_equal(last.wanted_bytes, 2);
	assert_int_equal(last.struct_size, sizeof(last));
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	assert_int_equal(carve_dispatch(carve), 0);
	carve_free(carve);
	peer_stop(&peer);
}

/* More regions than a daemon has: dropped, and nothing else happens. */
static void too_many_regions_are_dropped(void **state)
{
	struct peer peer = { .spoil = tell_before };
	struct carve *carve = watch(&peer);
	struct carve_regions *regions;
	char label[8];

	(void)state;
	for (before_count = 0; before_count < 40; before_count++) {
		snprintf(label, sizeof(label), "r%zu", before_count);
		before[before_count] = message(label, before_count + 1);
	}
	assert_int_equal(carve_regions_new(carve, &regions), 0);
	carve_regions_free(regions);
	assert_int_equal(carve_dispatch(carve), CARVE_WIRE_REGIONS_MAX);
	/* Nobody has asked for these. */
	assert_int_equal(carve_watch_pressure(carve, NULL, NULL), 0);
	assert_int_equal(carve_regions_new(carve, &regions), 0);
	carve_regions_free(regions);
	assert_int_equal(carve_dispatch(carve), 0);
	carve_free(carve);
	peer_stop(&peer);
}

/* carve_dispatch() comes back, whatever else there is. */
static void one_that_does_not_stop_talking(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = watch(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	struct carve_wire_pressure pressure = message("a", 1);
	unsigned int times = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		tell(&peer, &pressure);
	for (; poll(&pollfd, 1, 0) == 1; times++)
		assert_int_equal(carve_dispatch(carve), 1);
	assert_int_equal(times, 4);
	assert_int_equal(calls, times);
	carve_free(carve);
	peer_stop(&peer);
}

static void make_bad(int which, struct carve_wire_pressure *pressure)
{
	*pressure = message("a", 1);
	switch (which) {
	case 0:
		pressure->header.bytes--;
		break;
	case 1:
		pressure->header.id = 1;
		break;
	case 2:
		pressure->header.status = -EINVAL;
		break;
	case 3:
		pressure->region[0] = '\0';
		break;
	case 4:
		memset(pressure->region, 'x', sizeof(pressure->region));
		break;
	default:
		/* A reply to nothing. */
		pressure->header.type = CARVE_MSG_REGIONS;
	}
}

static void nonsense_ends_the_connection(void **state)
{
	(void)state;
	for (int which = 0; which < 6; which++) {
		struct peer peer = { .spoil = tell_before };
		struct carve *carve = watch(&peer);
		struct carve_regions *regions;
		struct pollfd pollfd = { .fd = carve_get_fd(carve),
					 .events = POLLIN };

		before_count = 1;
		make_bad(which, &before[0]);
		assert_int_equal(carve_regions_new(carve, &regions), -EPROTO);
		assert_int_equal(carve_dispatch(carve), -EPIPE);
		assert_int_equal(poll(&pollfd, 1, 0), 1);
		carve_free(carve);
		peer_stop(&peer);

		/* Nobody waits for it: the same by carve_dispatch(). */
		peer = (struct peer){ 0 };
		carve = watch(&peer);
		tell(&peer, &before[0]);
		assert_int_equal(carve_dispatch(carve), -EPROTO);
		assert_int_equal(carve_dispatch(carve), -EPIPE);
		assert_int_equal(calls, 0);
		carve_free(carve);
		peer_stop(&peer);
	}
}

static void no_descriptor_stays(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = watch(&peer);

	(void)state;
	assert_true(carve_get_fd(carve) >= 0);
	assert_int_equal(carve_get_fd(carve), carve_get_fd(carve));
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_of_each_region_is_kept),
		cmocka_unit_test(too_many_regions_are_dropped),
		cmocka_unit_test(one_that_does_not_stop_talking),
		cmocka_unit_test(nonsense_ends_the_connection),
		cmocka_unit_test(no_descriptor_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
