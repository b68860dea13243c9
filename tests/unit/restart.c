// SPDX-License-Identifier: MIT
/* See restart.h. */
#include "restart.h"

#include <unistd.h>

struct restart_seen restart_seen;

void restart_note(struct peer *peer)
{
	unsigned int i = restart_seen.count;

	if (i < RESTART_SEEN_MAX) {
		restart_seen.ids[i] = peer->last.header.id;
		restart_seen.timeouts[i] = peer->last.header.type == CARVE_MSG_ALLOC ?
				   peer->last.alloc.timeout_nsec : 0;
	}
	restart_seen.count = i + 1;
}

struct carve *restart_begin(struct peer *peer)
{
	restart_seen.count = 0;
	return peer_connect(peer);
}

void restart_end(struct peer *peer, struct carve *carve)
{
	carve_free(carve);
	peer_stop(peer);
}

int restart_alloc(struct carve *carve, uint64_t timeout_nsec)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	int r;

	request.bytes = PEER_PAGE;
	request.timeout_nsec = timeout_nsec;
	r = carve_alloc(carve, &request, &buffer);
	if (r == 0)
		carve_buffer_unref(buffer);
	return r;
}

int restart_regions(struct carve *carve)
{
	struct carve_regions *list;
	int r = carve_regions_new(carve, &list);

	if (r == 0)
		carve_regions_free(list);
	return r;
}

struct carve_reservation *restart_reserve(struct carve *carve)
{
	const struct carve_class class = {
		.struct_size = sizeof(class), .bytes = PEER_PAGE, .count = 2,
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation = NULL;

	profile.classes = &class;
	profile.class_count = 1;
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL), 0);
	return reservation;
}

void restart_await(_Atomic unsigned int *what, unsigned int value)
{
	for (int i = 0; i < 60000 && *what < value; i++)
		usleep(1000);
	assert_true(*what >= value);
}

void restart_die_first(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count % 2 == 0)
		return;
	answer->silent = true;
	peer_epoch(peer);
}
