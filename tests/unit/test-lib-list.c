// SPDX-License-Identifier: MIT
/* Regions, the list of buffers over many replies, and the query. */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void regions_say_what_the_daemon_says(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	const struct carve_region_info *info;
	struct carve_regions *regions;

	(void)state;
	assert_int_equal(carve_regions_new(NULL, &regions), -EINVAL);
	assert_int_equal(carve_regions_new(carve, NULL), -EINVAL);
	assert_int_equal(carve_regions_new(carve, &regions), 0);
	assert_int_equal(carve_regions_count(regions), 2);
	assert_null(carve_regions_get(regions, 2));
	info = carve_regions_get(regions, 1);
	assert_string_equal(info->label, "region1");
	assert_int_equal(info->flags, 0);
	info = carve_regions_get(regions, 0);
	assert_int_equal(info->struct_size, sizeof(*info));
	assert_int_equal(info->flags, CARVE_REGION_DEFAULT | CARVE_REGION_SIMULATED);
	assert_int_equal(info->bytes, 64 << 20);
	assert_int_equal(info->free_bytes, 60 << 20);
	assert_int_equal(info->largest_bytes, 50 << 20);
	assert_int_equal(info->dirty_bytes, 1 << 20);
	assert_int_equal(info->live_bytes, 3 << 20);
	assert_int_equal(info->buffers, 7);
	assert_int_equal(info->page_bytes, PEER_PAGE);
	assert_int_equal(info->clients, 3);
	assert_null(carve_regions_free(regions));
	assert_null(carve_regions_free(NULL));
	carve_free(carve);
	peer_stop(&peer);
}

static void a_list_of_any_length_is_whole(void **state)
{
	static const unsigned int counts[] = {
		0, 1, CARVE_WIRE_LIST_MAX - 1, CARVE_WIRE_LIST_MAX,
		CARVE_WIRE_LIST_MAX + 1, 1000, 2 * CARVE_WIRE_LIST_MAX,
	};
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct carve_buffers *buffers = NULL;
		unsigned int asked = peer.requests;

		peer.buffers = counts[i];
		assert_int_equal(carve_buffers_new(carve, &buffers), 0);
		assert_int_equal(carve_buffers_count(buffers), counts[i]);
		for (unsigned int k = 0; k < counts[i]; k++)
			assert_int_equal(carve_buffers_get(buffers, k)->id, k + 1);
		assert_null(carve_buffers_get(buffers, counts[i]));
		assert_null(carve_buffers_free(buffers));
		/* No more round trips than that takes. */
		assert_int_equal(peer.requests - asked, counts[i] ?
				 (counts[i] + CARVE_WIRE_LIST_MAX - 1) /
				 CARVE_WIRE_LIST_MAX : 1);
	}
	assert_null(carve_buffers_free(NULL));
	carve_free(carve);
	peer_stop(&peer);
}

/* One region has ended, the next one is still to come. */
static void gap_after_the_first_page(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.list.cursor != CARVE_WIRE_LIST_MAX)
		return;
	answer->message.list.count = 0;
	answer->message.list.cursor = CARVE_WIRE_LIST_MAX + 1;
	answer->length = answer->message.header.bytes =
		sizeof(answer->message.list);
}

static void an_empty_page_is_not_the_end(void **state)
{
	struct peer peer = {
		.buffers = 2 * CARVE_WIRE_LIST_MAX,
		.spoil = gap_after_the_first_page,
	};
	struct carve *carve = peer_connect(&peer);
	struct carve_buffers *buffers;

	(void)state;
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	assert_int_equal(carve_buffers_count(buffers), 2 * CARVE_WIRE_LIST_MAX - 1);
	carve_buffers_free(buffers);
	carve_free(carve);
	peer_stop(&peer);
}

static void a_query_says_what_a_descriptor_is(void **state)
{
	struct {
		struct carve_buffer_info now;
		uint64_t later;
	} info = { { .struct_size = sizeof(info) }, 99 };
	struct carve_buffer_info none = { 0 };
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);

	(void)state;
	assert_int_equal(carve_query(carve, 0, NULL), -EINVAL);
	assert_int_equal(carve_query(carve, 0, &none), -EINVAL);
	assert_int_equal(carve_query(carve, -1, &info.now), -EBADF);
	assert_int_equal(carve_query(carve, 4000, &info.now), -EBADF);
	assert_int_equal(peer.requests, 0);

	assert_int_equal(carve_query(carve, 0, &info.now), 0);
	assert_int_equal(peer.last_fds, 1);
	assert_int_equal(info.now.struct_size, sizeof(info.now));
	assert_int_equal(info.now.flags, CARVE_BUFFER_OWNER_KNOWN |
			 CARVE_BUFFER_OFFSET_KNOWN);
	assert_int_equal(info.now.id, 1);
	assert_int_equal(info.now.bytes, PEER_PAGE);
	assert_int_equal(info.now.offset, PEER_PAGE);
	assert_int_equal(info.now.uid, 1000);
	assert_int_equal(info.now.pid, 4711);
	assert_string_equal(info.now.region, "region0");
	assert_string_equal(info.now.name, "frame 1");
	assert_int_equal(info.later, 0);
	carve_free(carve);
	peer_stop(&peer);
}

static void unknown(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	answer->message.header.status = -ENOENT;
	answer->length = answer->message.header.bytes =
		sizeof(answer->message.header);
}

static void a_foreign_descriptor_ends_nothing(void **state)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct peer peer = { .spoil = unknown };
	struct carve *carve = peer_connect(&peer);

	(void)state;
	assert_int_equal(carve_query(carve, 0, &info), -ENOENT);
	peer.spoil = NULL;
	assert_int_equal(carve_query(carve, 0, &info), 0);
	carve_free(carve);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_say_what_the_daemon_says),
		cmocka_unit_test(a_list_of_any_length_is_whole),
		cmocka_unit_test(an_empty_page_is_not_the_end),
		cmocka_unit_test(a_query_says_what_a_descriptor_is),
		cmocka_unit_test(a_foreign_descriptor_ends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
