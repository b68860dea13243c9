// SPDX-License-Identifier: MIT
/* What the calls about reservations take, send, believe and give back. */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TEXT_31	"1234567890123456789012345678901"
#define SIZE	.struct_size = sizeof(struct carve_class)

static struct carve_profile profile_of(const struct carve_class *classes,
				       uint32_t count)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.classes = classes;
	profile.class_count = count;
	return profile;
}

static const struct carve_class two[] = {
	{ SIZE, .bytes = 5000, .alignment = 8192, .limit = 1ULL << 32,
	  .guard_before = 4096, .guard_after = 8192, .count = 3 },
	{ SIZE, .bytes = 4096, .count = 1021 },
};

static void mistakes_are_told_without_a_round_trip(void **state)
{
	static const struct {
		int error;
		struct carve_class class;
	} bads[] = {
		{ -EINVAL, { .bytes = 1, .count = 1 } },
		{ -EINVAL, { SIZE, .count = 1 } },
		{ -EINVAL, { SIZE, .bytes = 1 } },
		{ -EINVAL, { SIZE, .bytes = 1, .alignment = 3, .count = 1 } },
		{ -EINVAL, { SIZE, .bytes = 1, .count = CARVE_SLOTS_MAX + 1 } },
		{ -E2BIG, { .struct_size = 0xbebebeb8, .bytes = 1, .count = 1 } },
		{ -EINVAL, { .struct_size = sizeof(struct carve_class) + 4,
			     .bytes = 1, .count = 1 } },
	};
	static const struct carve_class many[CARVE_CLASSES_MAX + 1] = {
		[0 ... CARVE_CLASSES_MAX] = { SIZE, .bytes = 1, .count = 1 },
	};
	static const struct carve_class sum[] = {
		{ SIZE, .bytes = 1, .count = 1000 }, { SIZE, .bytes = 1, .count = 25 },
	};
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	struct carve_reservation *reservation = NULL;
	struct carve_profile profile;

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		profile = profile_of(&bads[i].class, 1);
		assert_int_equal(carve_reserve(carve, &profile, &reservation,
					       NULL), bads[i].error);
	}
	profile = profile_of(many, CARVE_CLASSES_MAX + 1);
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	profile = profile_of(sum, 2);
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	profile = profile_of(two, 0);
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	profile = profile_of(NULL, 1);
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	profile = profile_of(two, 2);
	profile.name = TEXT_31 "x";
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	profile = profile_of(two, 2);
	profile.region = TEXT_31 "x";
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -ENOENT);
	profile = profile_of(two, 2);
	profile.struct_size = 0;
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	profile = profile_of(two, 2);
	assert_int_equal(carve_reserve(NULL, &profile, &reservation, NULL),
			 -EINVAL);
	assert_int_equal(carve_reserve(carve, &profile, NULL, NULL), -EINVAL);
	assert_int_equal(carve_reservation_claim(carve, "", 0, &reservation),
			 -EINVAL);
	assert_int_equal(carve_reservation_claim(carve, TEXT_31 "x", 0,
						 &reservation), -ENOENT);
	assert_int_equal(peer.requests, 0);
	assert_null(reservation);
	assert_null(carve_reservation_free(NULL));
	carve_free(carve);
	peer_stop(&peer);
}

/* Everything that is asked for arrives, and what is granted can be read. */
static void a_reservation_from_its_begin_to_its_end(void **state)
{
	static const size_t indexes[] = { 1, 0, 1 };
	static const char *const names[] = { "a", NULL, "c" };
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	const struct carve_wire_reserve *sent = &peer.last.reserve;
	const struct carve_wire_alloc *alloc = &peer.last.alloc;
	struct carve_profile profile = profile_of(two, 2);
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_reservation *reservation = NULL;
	struct carve_buffer *buffers[3];
	unsigned int fds = count_fds();

	(void)state;
	profile.name = TEXT_31;
	profile.region = "video";
	profile.timeout_nsec = 12345;
	assert_int_equal(carve_reserve(carve, &profile, &reservation, &refusal), 0);
	assert_string_equal(sent->name, TEXT_31);
	assert_string_equal(sent->region, "video");
	assert_int_equal(sent->timeout_nsec, 12345);
	assert_int_equal(sent->reservation, 0);
	assert_int_equal(sent->flags, CARVE_WIRE_RESERVE_EXPLAIN);
	assert_int_equal(sent->count, 2);
	assert_int_equal(sent->classes[0].bytes, 5000);
	assert_int_equal(sent->classes[0].alignment, 8192);
	assert_int_equal(sent->classes[0].limit, 1ULL << 32);
	assert_int_equal(sent->classes[0].guard_before, 4096);
	assert_int_equal(sent->classes[0].guard_after, 8192);
	assert_int_equal(sent->classes[1].count, 1021);
	assert_int_equal(carve_reservation_count(reservation), 2);
	assert_int_equal(carve_reservation_get(reservation, 0)->bytes, 8192);
	assert_int_equal(carve_reservation_get(reservation, 0)->struct_size,
			 sizeof(struct carve_class));
	assert_null(carve_reservation_get(reservation, 2));

	assert_int_equal(carve_reservation_alloc_many(reservation, indexes, names,
						      3, 77, buffers, NULL), 0);
	assert_int_equal(alloc->reservation, 42);
	assert_int_equal(alloc->timeout_nsec, 77);
	assert_int_equal(alloc->flags, 0);
	assert_int_equal(alloc->items[0].class, 1);
	assert_int_equal(alloc->items[1].class, 0);
	assert_int_equal(alloc->items[1].bytes, 0);
	assert_string_equal(alloc->items[0].name, "a");
	assert_string_equal(alloc->items[1].name, "");
	assert_int_equal(carve_buffer_get_bytes(buffers[0]), 4096);
	assert_int_equal(carve_buffer_get_bytes(buffers[1]), 8192);
	for (size_t i = 0; i < 3; i++)
		carve_buffer_unref(buffers[i]);
	/* A class that there is not needs no round trip. */
	assert_int_equal(peer.requests, 2);
	assert_int_equal(carve_reservation_alloc(reservation, 2, NULL, 0, buffers),
			 -EINVAL);
	assert_int_equal(carve_reservation_alloc_many(reservation, indexes, NULL,
						      0, 0, buffers, NULL), -EINVAL);
	assert_int_equal(carve_reservation_alloc_many(reservation, indexes, NULL,
				CARVE_ALLOC_MAX + 1, 0, buffers, NULL), -EINVAL);
	assert_int_equal(peer.requests, 2);

	/* Neither region nor name can be changed, so they are not sent. */
	profile.classes = &two[1];
	profile.class_count = 1;
	assert_int_equal(carve_reservation_change(reservation, &profile, NULL), 0);
	assert_int_equal(sent->reservation, 42);
	assert_int_equal(sent->region[0] + sent->name[0] + sent->flags, 0);
	assert_int_equal(carve_reservation_count(reservation), 1);

	assert_null(carve_reservation_free(reservation));
	assert_int_equal(sent->reservation, 42);
	assert_int_equal(sent->count, 0);
	assert_int_equal(peer.requests, 4);
	assert_int_equal(count_fds(), fds);
	carve_free(carve);
	peer_stop(&peer);
}

static void a_claim_brings_classes(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	const struct carve_wire_reserve *sent = &peer.last.reserve;
	struct carve_reservation *reservation = NULL;
	struct carve_buffer *buffer;

	(void)state;
	assert_int_equal(carve_reservation_claim(carve, "film", CARVE_FOREVER,
						 &reservation), 0);
	assert_int_equal(sent->flags, CARVE_WIRE_RESERVE_CLAIM);
	assert_string_equal(sent->name, "film");
	assert_int_equal(sent->timeout_nsec, CARVE_WIRE_FOREVER);
	assert_int_equal(sent->count, 0);
	assert_int_equal(carve_reservation_count(reservation), 1);
	assert_int_equal(carve_reservation_get(reservation, 0)->count, 3);
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0,
						 &buffer), 0);
	assert_int_equal(carve_buffer_get_bytes(buffer), PEER_PAGE);
	carve_buffer_unref(buffer);
	carve_reservation_free(reservation);
	carve_free(carve);
	peer_stop(&peer);
}

/* ---- a peer that lies ------------------------------------------------------ */

static unsigned int lie;

static void spoil_grant(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_reserve_reply *reply = &answer->message.reserve;

	(void)peer;
	switch (lie) {
	case 0:
		reply->reservation = 0;
		break;
	case 1:
		reply->count++;
		break;
	case 2:
		reply->count = CARVE_CLASSES_MAX + 1;
		break;
	case 3:
		reply->reserved = 1;
		break;
	case 4:
		reply->classes[0].count++;
		break;
	case 5:
		reply->classes[0].bytes = 4096;
		break;
	case 6:
		reply->classes[1].reserved = 1;
		break;
	case 7:
		answer->length = reply->header.bytes = sizeof(*reply) - 8;
		break;
	case 8:
		answer->length -= sizeof(reply->classes[0]);
		reply->header.bytes = answer->length;
		break;
	case 9:
		answer->fds[answer->fd_count++] = peer_memfd(PEER_PAGE, true);
		break;
	case 10:
		reply->header.status = -ENOSPC;
		break;
	case 11:
		answer->hang_up = true;
		break;
	}
}

static void lies_about_a_grant_end_the_connection(void **state)
{
	struct carve_profile profile = profile_of(two, 2);
	unsigned int fds = count_fds();

	(void)state;
	for (lie = 0; lie < 12; lie++) {
		struct peer peer = { .spoil = spoil_grant };
		struct carve *carve = peer_connect(&peer);
		struct carve_reservation *reservation = NULL;

		assert_int_equal(carve_reserve(carve, &profile, &reservation,
					       NULL),
				 lie == 11 ? -ECONNRESET : -EPROTO);
		assert_null(reservation);
		/* One who hangs up is asked again, in vain; a liar is not. */
		assert_int_equal(carve_reserve(carve, &profile, &reservation,
					       NULL),
				 lie == 11 ? -ECONNRESET : -EPIPE);
		carve_free(carve);
		peer_stop(&peer);
		assert_int_equal(count_fds(), fds);
	}
}

static void spoil_size(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type == CARVE_MSG_ALLOC)
		answer->message.alloc.items[0].bytes += PEER_PAGE;
}

/* A buffer of another size than its class's is none. */
static void sizes_of_buffers_are_checked(void **state)
{
	struct peer peer = { .spoil = spoil_size };
	struct carve *carve = peer_connect(&peer);
	struct carve_profile profile = profile_of(two, 2);
	struct carve_reservation *reservation;
	struct carve_buffer *buffer = NULL;
	unsigned int fds;

	(void)state;
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL), 0);
	fds = count_fds();
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0,
						 &buffer), -EPROTO);
	assert_null(buffer);
	/*
	 * Both ends of the connection are in this process, and the other one may
	 * not have closed its copy of the buffer yet.
	 */
	for (int i = 0; i < 1000 && count_fds() >= fds; i++)
		usleep(1000);
	assert_true(count_fds() < fds);
	assert_int_equal(carve_reservation_change(reservation, &profile, NULL),
			 -EPIPE);
	carve_reservation_free(reservation);
	carve_free(carve);
	peer_stop(&peer);
}

/* ---- the list ---------------------------------------------------------------- */

static void a_list_of_several_pages(void **state)
{
	struct peer peer = { .reservations = 3 * CARVE_WIRE_LIST_MAX + 1 };
	struct carve *carve = peer_connect(&peer);
	struct carve_reservations *list = NULL;

	(void)state;
	assert_int_equal(carve_reservations_new(carve, &list), 0);
	assert_int_equal(peer.requests, 4);
	assert_int_equal(carve_reservations_count(list), peer.reservations);
	for (uint64_t i = 0; i < peer.reservations; i++) {
		const struct carve_reservation_info *info =
			carve_reservations_get(list, i);

		assert_int_equal(info->struct_size, sizeof(*info));
		assert_int_equal(info->id, i + 1);
		assert_int_equal(info->pid, 4711);
		assert_string_equal(info->name, "film");
	}
	assert_null(carve_reservations_get(list, peer.reservations));
	assert_null(carve_reservations_free(list));
	assert_null(carve_reservations_free(NULL));
	assert_int_equal(carve_reservations_new(NULL, &list), -EINVAL);
	assert_int_equal(carve_reservations_new(carve, NULL), -EINVAL);
	carve_free(carve);
	peer_stop(&peer);
}

static void spoil_list(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_reservations_reply *reply = &answer->message.reservations;

	(void)peer;
	switch (lie) {
	case 0:
		reply->reserved = 1;
		break;
	case 1:
		reply->count = CARVE_WIRE_LIST_MAX + 1;
		break;
	case 2:
		reply->items[0].id = 0;
		break;
	case 3:
		reply->items[1].region[0] = 0;
		break;
	case 4:
		memset(reply->items[0].name, 'a', sizeof(reply->items[0].name));
		break;
	case 5:
		/* For ever. */
		reply->cursor = peer->last.reservations.cursor + 1;
		reply->count = 0;
		answer->length = reply->header.bytes = sizeof(*reply);
		break;
	case 6:
		reply->cursor = peer->last.reservations.cursor;
		if (!reply->cursor)
			reply->items[0].reserved = 1;
		break;
	}
}

static void lies_about_the_list_end_the_connection(void **state)
{
	(void)state;
	for (lie = 0; lie < 7; lie++) {
		struct peer peer = { .spoil = spoil_list, .reservations = 40 };
		struct carve *carve = peer_connect(&peer);
		struct carve_reservations *list = NULL;

		assert_int_equal(carve_reservations_new(carve, &list), -EPROTO);
		assert_null(list);
		carve_free(carve);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_without_a_round_trip),
		cmocka_unit_test(a_reservation_from_its_begin_to_its_end),
		cmocka_unit_test(a_claim_brings_classes),
		cmocka_unit_test(lies_about_a_grant_end_the_connection),
		cmocka_unit_test(sizes_of_buffers_are_checked),
		cmocka_unit_test(a_list_of_several_pages),
		cmocka_unit_test(lies_about_the_list_end_the_connection),
	};

	return cmocka_run_group_tests_name("lib-reservation", tests, NULL, NULL);
}
