// SPDX-License-Identifier: MIT
/* What carve_alloc() and carve_alloc_many() take, send, and give back. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TEXT_31	"1234567890123456789012345678901"
#define TEXT_63	TEXT_31 "-" TEXT_31

struct bad {
	const char *what;
	int error;
	struct carve_request request;
};

#define SIZE	.struct_size = sizeof(struct carve_request)

static const struct bad bads[] = {
	{ "struct_size 0", -EINVAL, { .bytes = 1 } },
	{ "struct_size short", -EINVAL,
	  { .struct_size = offsetof(struct carve_request, timeout_nsec) - 8,
	    .bytes = 1 } },
	{ "struct_size uninitialised", -E2BIG,
	  { .struct_size = 0xbebebeb8, .bytes = 1 } },
	{ "struct_size odd", -EINVAL,
	  { .struct_size = sizeof(struct carve_request) + 1, .bytes = 1 } },
	{ "flag", -EINVAL, { SIZE, .bytes = 1, .flags = 1 } },
	{ "no bytes", -EINVAL, { SIZE } },
	{ "alignment 3", -EINVAL, { SIZE, .bytes = 1, .alignment = 3 } },
	{ "alignment near the end", -EINVAL,
	  { SIZE, .bytes = 1, .alignment = UINT64_MAX } },
	{ "alignment 2 GiB", -ERANGE,
	  { SIZE, .bytes = 1, .alignment = 1ULL << 31 } },
	{ "alignment 2^63", -ERANGE,
	  { SIZE, .bytes = 1, .alignment = 1ULL << 63 } },
	{ "bytes at the end", -EOVERFLOW, { SIZE, .bytes = UINT64_MAX } },
	{ "bytes in the last page", -EOVERFLOW,
	  { SIZE, .bytes = UINT64_MAX - PEER_PAGE + 2 } },
	{ "guard of broken pages", -EINVAL,
	  { SIZE, .bytes = 1, .guard_before = PEER_PAGE - 1 } },
	{ "guard of broken pages behind", -EINVAL,
	  { SIZE, .bytes = 1, .guard_after = 1U << 31 | 1 } },
	{ "guard above 1 MiB", -ERANGE,
	  { SIZE, .bytes = 1, .guard_after = (1U << 20) + PEER_PAGE } },
	{ "guard of nearly 4 GiB", -ERANGE,
	  { SIZE, .bytes = 1, .guard_before = 0U - PEER_PAGE } },
	{ "name of 64", -EINVAL, { SIZE, .bytes = 1, .name = TEXT_63 "x" } },
	{ "region of 32", -ENOENT, { SIZE, .bytes = 1, .region = TEXT_31 "x" } },
};

static void bad_requests_are_refused_without_a_round_trip(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct carve_buffer *buffer = NULL;
		int r = carve_alloc(carve, &bads[i].request, &buffer);

		if (r != bads[i].error || buffer)
			fail_msg("%s: %d, not %d", bads[i].what, r, bads[i].error);
	}
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(peer.requests, 0);
}

static void bad_arguments_are_refused(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	struct carve_request requests[CARVE_ALLOC_MAX + 1] = {
		{ SIZE, .bytes = 1 }, { SIZE, .bytes = 1, .region = "other" },
	};
	struct carve_buffer *buffers[CARVE_ALLOC_MAX + 1] = { 0 };
	struct carve_refusal refusal = { .struct_size = 8 };

	(void)state;
	assert_int_equal(carve_alloc_many(NULL, requests, 1, buffers, NULL), -EINVAL);
	assert_int_equal(carve_alloc_many(carve, NULL, 1, buffers, NULL), -EINVAL);
	assert_int_equal(carve_alloc_many(carve, requests, 1, NULL, NULL), -EINVAL);
	assert_int_equal(carve_alloc_many(carve, requests, 0, buffers, NULL), -EINVAL);
	assert_int_equal(carve_alloc_many(carve, requests, CARVE_ALLOC_MAX + 1,
					  buffers, NULL), -EINVAL);
	/* Regions that differ; a mistake in the second request alone. */
	assert_int_equal(carve_alloc_many(carve, requests, 2, buffers, NULL), -EINVAL);
	requests[1] = (struct carve_request) { SIZE };
	assert_int_equal(carve_alloc_many(carve, requests, 2, buffers, NULL), -EINVAL);
	assert_int_equal(carve_alloc_many(carve, requests, 1, buffers, &refusal),
			 -EINVAL);
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(peer.requests, 0);
}

static void requests_reach_the_wire_and_buffers_come_in_order(void **state)
{
	static const uint64_t bytes[] = { 1, PEER_PAGE, PEER_PAGE + 1 };
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	struct carve_request requests[3];
	struct carve_buffer *buffers[3];
	const struct carve_wire_alloc *wire = &peer.last.alloc;

	(void)state;
	for (int i = 0; i < 3; i++)
		requests[i] = (struct carve_request) {
			SIZE, .bytes = bytes[i], .alignment = 1ULL << (28 + i),
			.name = i ? TEXT_63 : NULL, .region = TEXT_31,
			.limit = UINT64_MAX - i, .guard_before = i * PEER_PAGE,
			.guard_after = 1U << 20,
		};
	assert_int_equal(carve_alloc_many(carve, requests, 3, buffers, NULL), 0);

	assert_int_equal(wire->count, 3);
	assert_int_equal(wire->flags, 0);
	assert_string_equal(wire->region, TEXT_31);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wire->items[i].bytes, bytes[i]);
		assert_int_equal(wire->items[i].alignment, 1ULL << (28 + i));
		assert_string_equal(wire->items[i].name, i ? TEXT_63 : "");
		assert_true(wire->items[i].limit == UINT64_MAX - i);
		assert_int_equal(wire->items[i].guard_before, i * PEER_PAGE);
		assert_int_equal(wire->items[i].guard_after, 1U << 20);
	}
	assert_int_equal(carve_buffer_get_bytes(buffers[0]), PEER_PAGE);
	assert_int_equal(carve_buffer_get_bytes(buffers[1]), PEER_PAGE);
	assert_int_equal(carve_buffer_get_bytes(buffers[2]), 2 * PEER_PAGE);

	for (int i = 0; i < 3; i++) {
		int flags = fcntl(carve_buffer_get_fd(buffers[i]), F_GETFD);

		assert_int_equal(flags, FD_CLOEXEC);
		assert_null(carve_buffer_unref(buffers[i]));
	}
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

static void as_many_as_one_message_holds(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	struct carve_request requests[CARVE_ALLOC_MAX];
	struct carve_buffer *buffers[CARVE_ALLOC_MAX];

	(void)state;
	for (int i = 0; i < CARVE_ALLOC_MAX; i++)
		requests[i] = (struct carve_request) {
			SIZE, .bytes = (i + 1) * PEER_PAGE,
			.region = i % 2 ? "" : NULL,
		};
	assert_int_equal(carve_alloc_many(carve, requests, CARVE_ALLOC_MAX,
					  buffers, NULL), 0);
	for (int i = 0; i < CARVE_ALLOC_MAX; i++) {
		assert_int_equal(carve_buffer_get_bytes(buffers[i]),
				 (i + 1) * PEER_PAGE);
		carve_buffer_unref(buffers[i]);
	}
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

/* A caller of a later version, whose structure has one member more. */
struct later_request {
	struct carve_request now;
	uint64_t later;
};

static void structures_of_a_later_version(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = peer_connect(&peer);
	struct later_request requests[2] = {
		{ { .struct_size = sizeof(requests[0]), .bytes = PEER_PAGE }, 0 },
		{ { .struct_size = sizeof(requests[0]), .bytes = 3 * PEER_PAGE }, 0 },
	};
	struct carve_buffer *buffers[2];

	(void)state;
	assert_int_equal(carve_alloc_many(carve, &requests[0].now, 2, buffers,
					  NULL), 0);
	assert_int_equal(carve_buffer_get_bytes(buffers[1]), 3 * PEER_PAGE);
	carve_buffer_unref(buffers[0]);
	carve_buffer_unref(buffers[1]);

	requests[1].later = 1ULL << 63;
	assert_int_equal(carve_alloc_many(carve, &requests[0].now, 2, buffers,
					  NULL), -E2BIG);
	requests[1].later = 0;
	requests[1].now.struct_size = sizeof(struct carve_request);
	assert_int_equal(carve_alloc_many(carve, &requests[0].now, 2, buffers,
					  NULL), -EINVAL);
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(peer.requests, 1);
}

static int refused_with;

static void refuse(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_refusal *refusal = &answer->message.refusal;

	while (answer->fd_count)
		close(answer->fds[--answer->fd_count]);
	memset(&refusal->index, 0, sizeof(*refusal) - sizeof(refusal->header));
	refusal->header.status = refused_with;
	refusal->index = peer->last.alloc.count - 1;
	refusal->wanted_bytes = 2 * PEER_PAGE;
	refusal->region_bytes = 3;
	refusal->free_bytes = 4;
	refusal->largest_bytes = 5;
	refusal->dirty_bytes = 6;
	refusal->live_bytes = 7;
	refusal->own_bytes = 8;
	refusal->reserved_bytes = 9;
	refusal->kept_bytes = 10;
	refusal->own_limit = 11;
	refusal->reason = CARVE_REFUSED_BUFFERS;
	if (peer->last.alloc.flags == CARVE_WIRE_ALLOC_EXPLAIN)
		refusal->holder_count = CARVE_WIRE_HOLDERS_MAX;
	for (uint32_t i = 0; i < refusal->holder_count; i++) {
		refusal->holders[i] = (struct carve_wire_holder){
			.flags = i, .uid = 1000 + i, .bytes = 2000 + i,
			.buffers = 3000 + i,
		};
		memset(refusal->holders[i].unit, 'u', sizeof(refusal->holders[i].unit) - 1);
	}
	answer->length = refusal->header.bytes = sizeof(*refusal) +
		refusal->holder_count * sizeof(refusal->holders[0]);
}

static void a_refusal_says_why_and_ends_nothing(void **state)
{
	struct {
		struct carve_refusal now;
		uint64_t later;
	} refusal = { { .struct_size = sizeof(refusal) }, 99 };
	struct peer peer = { .spoil = refuse };
	struct carve *carve = peer_connect(&peer);
	struct carve_request request = { SIZE, .bytes = 2 * PEER_PAGE };
	struct carve_buffer *buffer = NULL;

	(void)state;
	refused_with = -ENOSPC;
	request.timeout_nsec = 12;
	assert_int_equal(carve_alloc_many(carve, &request, 1, &buffer,
					  &refusal.now), -ENOSPC);
	assert_int_equal(peer.last.alloc.timeout_nsec, 12);
	assert_null(buffer);
	assert_int_equal(refusal.now.struct_size, sizeof(struct carve_refusal));
	assert_int_equal(refusal.now.index, 0);
	assert_int_equal(refusal.now.wanted_bytes, 2 * PEER_PAGE);
	assert_int_equal(refusal.now.region_bytes, 3);
	assert_int_equal(refusal.now.free_bytes, 4);
	assert_int_equal(refusal.now.largest_bytes, 5);
	assert_int_equal(refusal.now.dirty_bytes, 6);
	assert_int_equal(refusal.now.live_bytes, 7);
	assert_int_equal(refusal.now.own_bytes, 8);
	assert_int_equal(refusal.now.reserved_bytes, 9);
	assert_int_equal(refusal.now.kept_bytes, 10);
	assert_int_equal(refusal.now.own_limit, 11);
	assert_int_equal(refusal.now.reason, CARVE_REFUSED_BUFFERS);
	assert_int_equal(refusal.now.holder_count, CARVE_HOLDERS_MAX);
	for (unsigned int i = 0; i < CARVE_HOLDERS_MAX; i++) {
		const struct carve_holder *holder = &refusal.now.holders[i];

		assert_int_equal(holder->flags, i);
		assert_int_equal(holder->uid, 1000 + i);
		assert_int_equal(holder->bytes, 2000 + i);
		assert_int_equal(holder->buffers, 3000 + i);
		assert_int_equal(strlen(holder->unit), sizeof(holder->unit) - 1);
	}
	assert_int_equal(refusal.later, 0);

	assert_int_equal(carve_alloc(carve, &request, &buffer), -ENOSPC);
	assert_int_equal(peer.last.alloc.flags, 0);
	refused_with = -EDQUOT;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -EDQUOT);
	refused_with = -ETIMEDOUT;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -ETIMEDOUT);
	peer.spoil = NULL;
	assert_int_equal(carve_alloc(carve, &request, &buffer), 0);
	carve_buffer_unref(buffer);
	carve_free(carve);
	peer_stop(&peer);
}

static int status;

static void answer_status(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	while (answer->fd_count)
		close(answer->fds[--answer->fd_count]);
	answer->message.header.status = status;
	answer->length = answer->message.header.bytes =
		sizeof(answer->message.header);
}

static void the_daemons_errors_come_through(void **state)
{
	static const int errors[] = { -ENOENT, -ERANGE, -EBUSY, -EINVAL, -4095 };
	struct peer peer = { .spoil = answer_status };
	struct carve *carve = peer_connect(&peer);
	struct carve_request request = { SIZE, .bytes = 1 };
	struct carve_buffer *buffer = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		status = errors[i];
		assert_int_equal(carve_alloc(carve, &request, &buffer), status);
	}
	peer.spoil = NULL;
	assert_int_equal(carve_alloc(carve, &request, &buffer), 0);
	carve_buffer_unref(buffer);
	carve_free(carve);
	peer_stop(&peer);
}

static rlim_t limit;

static void set_limit(rlim_t to)
{
	struct rlimit rlimit;

	getrlimit(RLIMIT_NOFILE, &rlimit);
	limit = rlimit.rlim_cur;
	rlimit.rlim_cur = to;
	setrlimit(RLIMIT_NOFILE, &rlimit);
}

/* Everything to be sent is open by now; what is received finds two holes. */
static void leave_no_room(struct peer *peer, struct peer_answer *answer)
{
	(void)answer;
	set_limit(peer->socket + 1);
}

static void no_room_for_descriptors_is_told_and_survived(void **state)
{
	unsigned int fds = count_fds();
	int holes[2] = { dup(0), dup(0) };
	struct peer peer = { .spoil = leave_no_room };
	struct carve *carve = peer_connect(&peer);
	struct carve_request requests[4] = {
		{ SIZE, .bytes = 1 }, { SIZE, .bytes = 1 },
		{ SIZE, .bytes = 1 }, { SIZE, .bytes = 1 },
	};
	struct carve_buffer *buffers[4] = { 0 };
	int r;

	(void)state;
	close(holes[0]);
	close(holes[1]);
	/* The peer's own memfds fill the holes first: leave some. */
	r = carve_alloc_many(carve, requests, 4, buffers, NULL);
	set_limit(limit);
	assert_int_equal(r, -EMFILE);
	assert_null(buffers[0]);

	peer.spoil = NULL;
	assert_int_equal(carve_alloc_many(carve, requests, 4, buffers, NULL), 0);
	for (int i = 0; i < 4; i++)
		carve_buffer_unref(buffers[i]);
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests_are_refused_without_a_round_trip),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(requests_reach_the_wire_and_buffers_come_in_order),
		cmocka_unit_test(as_many_as_one_message_holds),
		cmocka_unit_test(structures_of_a_later_version),
		cmocka_unit_test(a_refusal_says_why_and_ends_nothing),
		cmocka_unit_test(the_daemons_errors_come_through),
		cmocka_unit_test(no_room_for_descriptors_is_told_and_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
