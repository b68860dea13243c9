// SPDX-License-Identifier: MIT
/*
 * Answers that are not what protocol.h says. Whatever comes, a call fails with
 * the errno documented, writes nothing, leaks no descriptor, and the connection
 * is dead from then on. Only to one who hangs up is it made anew, in vain here.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum call { ALLOC, REGIONS, LIST, QUERY };

struct hostile {
	const char *name;
	enum call call;
	int error;
	void (*spoil)(struct peer *peer, struct peer_answer *answer);
};

#define SPOIL(name) \
	static void name(struct peer *peer, struct peer_answer *answer) \
	{ (void)peer;
#define END }

/* Every kind of answer */
SPOIL(hang_up) answer->hang_up = true; END
SPOIL(no_bytes) answer->length = 0; END
SPOIL(one_byte) answer->length = 1; END
SPOIL(header_cut) answer->length = sizeof(answer->message.header) - 1; END
SPOIL(header_only)
	answer->length = sizeof(answer->message.header);
	answer->message.header.bytes = answer->length;
END
SPOIL(shorter) answer->length -= 1; END
SPOIL(shorter_consistent) answer->message.header.bytes = --answer->length; END
SPOIL(longer) answer->length += 8; END
SPOIL(longer_consistent)
	answer->length += 8;
	answer->message.header.bytes = answer->length;
END
SPOIL(beyond_packet)
	answer->length = CARVE_WIRE_MAX + 8;
	answer->message.header.bytes = answer->length;
END
SPOIL(bytes_lie) answer->message.header.bytes = 0xffffffff; END
SPOIL(other_type) answer->message.header.type++; END
SPOIL(other_id) answer->message.header.id++; END
SPOIL(last_id) answer->message.header.id--; END
SPOIL(status_positive) answer->message.header.status = 1; END
SPOIL(status_no_errno) answer->message.header.status = INT16_MIN; END
SPOIL(status_with_body) answer->message.header.status = -ENOMEM; END
SPOIL(garbage) memset(answer->message.raw, 0xa5, answer->length); END
SPOIL(stray_fd)
	answer->fds[answer->fd_count++] = peer_memfd(PEER_PAGE, true);
END
SPOIL(all_fds)
	while (answer->fd_count < PEER_FDS)
		answer->fds[answer->fd_count++] = peer_memfd(PEER_PAGE, true);
END
SPOIL(garbage_with_fds)
	all_fds(peer, answer);
	garbage(peer, answer);
END

/* ALLOC */
SPOIL(alloc_no_fds)
	while (answer->fd_count)
		close(answer->fds[--answer->fd_count]);
END
SPOIL(alloc_fd_short) close(answer->fds[--answer->fd_count]); END
SPOIL(alloc_count) answer->message.alloc.count++; END
SPOIL(alloc_count_huge) answer->message.alloc.count = 0x10000001; END
SPOIL(alloc_bytes_more) answer->message.alloc.items[1].bytes += PEER_PAGE; END
SPOIL(alloc_bytes_zero) answer->message.alloc.items[1].bytes = 0; END
static void replace_fd(struct peer_answer *answer, int fd)
{
	close(answer->fds[1]);
	answer->fds[1] = fd;
}
SPOIL(alloc_fd_smaller) replace_fd(answer, peer_memfd(PEER_PAGE, true)); END
SPOIL(alloc_fd_unsealed)
	replace_fd(answer, peer_memfd(answer->message.alloc.items[1].bytes, false));
END
SPOIL(alloc_fd_no_buffer)
	replace_fd(answer, open("/dev/null", O_RDWR | O_CLOEXEC));
END
SPOIL(alloc_fd_path) replace_fd(answer, open("/", O_PATH | O_CLOEXEC)); END
SPOIL(alloc_fd_directory) replace_fd(answer, open("/usr", O_RDONLY | O_CLOEXEC)); END
SPOIL(alloc_refused_with_fds)
	memset(&answer->message.refusal.index, 0,
	       sizeof(answer->message.refusal) - sizeof(answer->message.header));
	answer->message.header.status = -ENOSPC;
	answer->length = sizeof(answer->message.refusal);
	answer->message.header.bytes = answer->length;
END
SPOIL(alloc_refused_bare)
	alloc_no_fds(peer, answer);
	answer->message.header.status = -ENOSPC;
	header_only(peer, answer);
END
SPOIL(alloc_refused_index)
	alloc_no_fds(peer, answer);
	alloc_refused_with_fds(peer, answer);
	answer->message.refusal.index = 2;
END
static void one_holder(struct peer *peer, struct peer_answer *answer)
{
	alloc_no_fds(peer, answer);
	alloc_refused_with_fds(peer, answer);
	memset(&answer->message.refusal.holders[0], 0,
	       sizeof(answer->message.refusal.holders[0]));
	answer->message.refusal.holder_count = 1;
	answer->length += sizeof(answer->message.refusal.holders[0]);
	answer->message.header.bytes = answer->length;
}
SPOIL(alloc_refused_holders_missing)
	one_holder(peer, answer);
	answer->message.refusal.holder_count = 2;
END
SPOIL(alloc_refused_holders_too_many)
	one_holder(peer, answer);
	answer->message.refusal.holder_count = CARVE_WIRE_HOLDERS_MAX + 1;
	answer->length = sizeof(answer->message.refusal) +
			 (CARVE_WIRE_HOLDERS_MAX + 1) *
			 sizeof(answer->message.refusal.holders[0]);
	memset(answer->message.refusal.holders, 0,
	       answer->length - sizeof(answer->message.refusal));
	answer->message.header.bytes = answer->length;
END
SPOIL(alloc_refused_unit_without_end)
	one_holder(peer, answer);
	memset(answer->message.refusal.holders[0].unit, 'x',
	       sizeof(answer->message.refusal.holders[0].unit));
END

/* REGIONS, LIST, QUERY */
SPOIL(regions_none)
	answer->message.regions.count = 0;
	answer->length = sizeof(answer->message.regions);
	answer->message.header.bytes = answer->length;
END
SPOIL(regions_count) answer->message.regions.count = 0xffffffff; END
SPOIL(regions_label_endless)
	memset(answer->message.regions.items[1].label, 'x', CARVE_WIRE_LABEL);
END
SPOIL(regions_label_empty) answer->message.regions.items[1].label[0] = 0; END
SPOIL(regions_page_zero) answer->message.regions.items[0].page_bytes = 0; END
SPOIL(regions_page_odd) answer->message.regions.items[0].page_bytes = 4097; END
SPOIL(regions_bytes_zero) answer->message.regions.items[0].bytes = 0; END
SPOIL(list_count) answer->message.list.count--; END
SPOIL(list_count_huge) answer->message.list.count = 0x1e1e1e1f; END
SPOIL(list_reserved) answer->message.list.reserved = 1; END
SPOIL(list_name_endless)
	memset(answer->message.list.items[0].name, 'x', CARVE_WIRE_NAME);
END
SPOIL(list_region_endless)
	memset(answer->message.list.items[0].region, 'x', CARVE_WIRE_LABEL);
END
SPOIL(list_stands_still)
	answer->message.list.cursor = peer->last.list.cursor ?: 1;
END
SPOIL(list_goes_back)
	if (peer->last.list.cursor)
		answer->message.list.cursor = 1;
END
SPOIL(list_empty_for_ever)
	answer->message.list.cursor = peer->last.list.cursor + 1;
	answer->message.list.count = 0;
	answer->length = sizeof(answer->message.list);
	answer->message.header.bytes = answer->length;
END
SPOIL(list_full_for_ever)
	for (int i = 0; i < CARVE_WIRE_LIST_MAX; i++)
		answer->message.list.items[i] = answer->message.list.items[0];
	answer->message.list.count = CARVE_WIRE_LIST_MAX;
	answer->message.list.cursor = peer->last.list.cursor + 1;
	answer->length = sizeof(answer->message.list) + CARVE_WIRE_LIST_MAX *
			 sizeof(answer->message.list.items[0]);
	answer->message.header.bytes = answer->length;
END
SPOIL(query_name_endless)
	memset(answer->message.query.buffer.name, 'x', CARVE_WIRE_NAME);
END
SPOIL(query_no_region) answer->message.query.buffer.region[0] = 0; END
SPOIL(query_bytes_zero) answer->message.query.buffer.bytes = 0; END

#define ANY(spoil, error)				\
	{ #spoil, ALLOC, error, spoil },		\
	{ #spoil, REGIONS, error, spoil },		\
	{ #spoil, LIST, error, spoil },			\
	{ #spoil, QUERY, error, spoil }
#define ONE(call, spoil) { #spoil, call, -EPROTO, spoil }

static const struct hostile hostiles[] = {
	ANY(hang_up, -ECONNRESET),
	/* An empty packet and the end of the stream look the same. */
	ANY(no_bytes, -ECONNRESET),
	ANY(one_byte, -EPROTO),
	ANY(header_cut, -EPROTO),
	ANY(header_only, -EPROTO),
	ANY(shorter, -EPROTO),
	ANY(shorter_consistent, -EPROTO),
	ANY(longer, -EPROTO),
	ANY(longer_consistent, -EPROTO),
	ANY(beyond_packet, -EPROTO),
	ANY(bytes_lie, -EPROTO),
	ANY(other_type, -EPROTO),
	ANY(other_id, -EPROTO),
	ANY(last_id, -EPROTO),
	ANY(status_positive, -EPROTO),
	ANY(status_no_errno, -EPROTO),
	ANY(status_with_body, -EPROTO),
	ANY(garbage, -EPROTO),
	ANY(stray_fd, -EPROTO),
	ANY(all_fds, -EPROTO),
	ANY(garbage_with_fds, -EPROTO),
	ONE(ALLOC, alloc_no_fds),
	ONE(ALLOC, alloc_fd_short),
	ONE(ALLOC, alloc_count),
	ONE(ALLOC, alloc_count_huge),
	ONE(ALLOC, alloc_bytes_more),
	ONE(ALLOC, alloc_bytes_zero),
	ONE(ALLOC, alloc_fd_smaller),
	ONE(ALLOC, alloc_fd_unsealed),
	ONE(ALLOC, alloc_fd_no_buffer),
	ONE(ALLOC, alloc_fd_path),
	ONE(ALLOC, alloc_fd_directory),
	ONE(ALLOC, alloc_refused_with_fds),
	ONE(ALLOC, alloc_refused_bare),
	ONE(ALLOC, alloc_refused_index),
	ONE(ALLOC, alloc_refused_holders_missing),
	ONE(ALLOC, alloc_refused_holders_too_many),
	ONE(ALLOC, alloc_refused_unit_without_end),
	ONE(REGIONS, regions_none),
	ONE(REGIONS, regions_count),
	ONE(REGIONS, regions_label_endless),
	ONE(REGIONS, regions_label_empty),
	ONE(REGIONS, regions_page_zero),
	ONE(REGIONS, regions_page_odd),
	ONE(REGIONS, regions_bytes_zero),
	ONE(LIST, list_count),
	ONE(LIST, list_count_huge),
	ONE(LIST, list_reserved),
	ONE(LIST, list_name_endless),
	ONE(LIST, list_region_endless),
	ONE(LIST, list_stands_still),
	ONE(LIST, list_goes_back),
	ONE(LIST, list_empty_for_ever),
	ONE(LIST, list_full_for_ever),
	ONE(QUERY, query_name_endless),
	ONE(QUERY, query_no_region),
	ONE(QUERY, query_bytes_zero),
};

#define N_HOSTILES	(sizeof(hostiles) / sizeof(hostiles[0]))

/* Two buffers, of two pages each, so that one alone is never all. */
static int call_alloc(struct carve *carve, bool *ret_written)
{
	struct carve_request requests[2] = { CARVE_REQUEST_INIT, CARVE_REQUEST_INIT };
	struct carve_refusal refusal = CARVE_REFUSAL_INIT, before;
	void *untouched = &refusal;
	struct carve_buffer *buffers[2] = { untouched, untouched };
	int r;

	requests[0].bytes = requests[1].bytes = 2 * PEER_PAGE;
	before = refusal;
	r = carve_alloc_many(carve, requests, 2, buffers, &refusal);
	*ret_written = buffers[0] != untouched || buffers[1] != untouched ||
		       memcmp(&before, &refusal, sizeof(refusal)) != 0;
	if (r == 0) {
		carve_buffer_unref(buffers[0]);
		carve_buffer_unref(buffers[1]);
	}
	return r;
}

static int call_query(struct carve *carve, bool *ret_written)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT, before = info;
	int r = carve_query(carve, STDERR_FILENO, &info);

	*ret_written = memcmp(&before, &info, sizeof(info)) != 0;
	return r;
}

static int make_call(enum call call, struct carve *carve, bool *ret_written)
{
	struct carve_regions *regions = NULL;
	struct carve_buffers *buffers = NULL;
	int r;

	switch (call) {
	case ALLOC:
		return call_alloc(carve, ret_written);
	case REGIONS:
		r = carve_regions_new(carve, &regions);
		break;
	case LIST:
		r = carve_buffers_new(carve, &buffers);
		break;
	default:
		return call_query(carve, ret_written);
	}
	*ret_written = regions || buffers;
	carve_regions_free(regions);
	carve_buffers_free(buffers);
	return r;
}

/* Without this, the cases below could fail for a reason of the test's own. */
static void unspoiled_answers_are_taken(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .buffers = 100 };
	struct carve *carve = peer_connect(&peer);
	bool written;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (enum call call = ALLOC; call <= QUERY; call++) {
			assert_int_equal(make_call(call, carve, &written), 0);
			assert_true(written);
		}
	}
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

static void try_hostile(const struct hostile *hostile)
{
	unsigned int fds = count_fds();
	struct peer peer = { .buffers = 100, .spoil = hostile->spoil };
	struct carve *carve = peer_connect(&peer);
	unsigned int asked;
	bool written;
	int r;

	r = make_call(hostile->call, carve, &written);
	if (r != hostile->error || written)
		fail_msg("%s, call %d: %d, not %d%s", hostile->name,
			 hostile->call, r, hostile->error,
			 written ? "; output written" : "");

	asked = peer.requests;
	if (hostile->error == -ECONNRESET) {
		/* A bounded number of times, and the next call begins anew. */
		assert_int_equal(asked, 17);
		for (enum call call = ALLOC; call <= QUERY; call++)
			assert_int_equal(make_call(call, carve, &written),
					 -ECONNRESET);
		asked += 4 * 17;
	}
	/* A list that leads nowhere is given up where it turns, not in the end. */
	if (hostile->spoil == list_stands_still || hostile->spoil == list_goes_back)
		assert_true(asked <= 3);
	/* Dead for good, without asking the peer again. */
	for (enum call call = ALLOC; call <= QUERY && hostile->error == -EPROTO;
	     call++)
		assert_int_equal(make_call(call, carve, &written), -EPIPE);
	carve_free(carve);
	peer_stop(&peer);
	assert_int_equal(peer.requests, asked);
	if (count_fds() != fds)
		fail_msg("%s, call %d: descriptors leak", hostile->name,
			 hostile->call);
}

static void hostile_answers_end_the_connection(void **state)
{
	uint64_t before = carve_patience_nsec;

	(void)state;
	/* It is the number of times that ends them. */
	carve_patience_nsec = 300000 * PEER_MSEC;
	for (size_t i = 0; i < N_HOSTILES; i++)
		try_hostile(&hostiles[i]);
	carve_patience_nsec = before;
}

SPOIL(hello_version_newer) answer->message.hello.version++; END
SPOIL(hello_version_zero) answer->message.hello.version = 0; END
SPOIL(hello_reserved) answer->message.hello.reserved = 1; END
SPOIL(hello_nobody) answer->message.hello.client = 0; END
SPOIL(hello_no_version)
	answer->message.header.status = -EPROTONOSUPPORT;
	header_only(peer, answer);
END

static const struct hostile hellos[] = {
	{ "hang_up", 0, -ECONNRESET, hang_up },
	{ "one_byte", 0, -EPROTO, one_byte },
	{ "header_only", 0, -EPROTO, header_only },
	{ "shorter_consistent", 0, -EPROTO, shorter_consistent },
	{ "longer_consistent", 0, -EPROTO, longer_consistent },
	{ "beyond_packet", 0, -EPROTO, beyond_packet },
	{ "other_id", 0, -EPROTO, other_id },
	{ "garbage", 0, -EPROTO, garbage },
	{ "stray_fd", 0, -EPROTO, stray_fd },
	{ "all_fds", 0, -EPROTO, all_fds },
	{ "version_newer", 0, -EPROTO, hello_version_newer },
	{ "version_zero", 0, -EPROTO, hello_version_zero },
	{ "reserved", 0, -EPROTO, hello_reserved },
	{ "nobody", 0, -EPROTO, hello_nobody },
	{ "no_version", 0, -EPROTONOSUPPORT, hello_no_version },
};

static void hostile_greetings_make_no_connection(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
		unsigned int fds = count_fds();
		struct peer peer = {
			.spoil = hellos[i].spoil, .spoil_hello = true,
		};
		struct carve *carve = NULL;
		int r;

		peer_start(&peer);
		r = carve_new(&carve, peer.path);
		if (r != hellos[i].error || carve)
			fail_msg("%s: %d, not %d", hellos[i].name, r,
				 hellos[i].error);
		peer_stop(&peer);
		assert_int_equal(count_fds(), fds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unspoiled_answers_are_taken),
		cmocka_unit_test(hostile_answers_end_the_connection),
		cmocka_unit_test(hostile_greetings_make_no_connection),
	};

	carve_patience_nsec = 50 * PEER_MSEC;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
