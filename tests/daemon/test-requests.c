// SPDX-License-Identifier: MIT
/*
 * What can be asked for, what is refused, with which error and which numbers.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION_BYTES	MIB

/* All memory is dirty at the start; figures are steady when it is clean. */
static struct carve *start(struct daemon **ret)
{
	struct carve *carve;

	*ret = daemon_start("--simulate", "1M", NULL);
	carve = client_new(*ret);
	assert_all_clean(carve);
	return carve;
}

static void end(struct daemon *daemon, struct carve *carve)
{
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

static int try(struct carve *carve, uint64_t bytes, uint64_t alignment)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	int r;

	request.bytes = bytes;
	request.alignment = alignment;
	r = carve_alloc(carve, &request, &buffer);
	if (r == 0)
		carve_buffer_unref(buffer);
	return r;
}

static void test_bad_requests(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	carve = start(&daemon);
	assert_int_equal(try(carve, 0, 0), -EINVAL);
	assert_int_equal(try(carve, UINT64_MAX, 0), -EOVERFLOW);
	assert_int_equal(try(carve, UINT64_MAX - PAGE + 2, 0), -EOVERFLOW);
	assert_int_equal(try(carve, UINT64_MAX - PAGE + 1, 0), -ERANGE);
	assert_int_equal(try(carve, 1ULL << 63, 0), -ERANGE);
	assert_int_equal(try(carve, REGION_BYTES + 1, 0), -ERANGE);
	assert_int_equal(try(carve, PAGE, 3), -EINVAL);
	assert_int_equal(try(carve, PAGE, PAGE + 1), -EINVAL);
	assert_int_equal(try(carve, PAGE, 1ULL << 31), -ERANGE);
	assert_int_equal(try(carve, PAGE, 1ULL << 63), -ERANGE);
	assert_int_equal(try(carve, 1, 1), 0);
	assert_int_equal(try(carve, REGION_BYTES, REGION_BYTES), 0);

	request.bytes = PAGE;
	request.region = "nowhere";
	assert_int_equal(carve_alloc(carve, &request, &buffer), -ENOENT);
	request.region = "main";
	request.name = "with\na line of its own";
	assert_int_equal(carve_alloc(carve, &request, &buffer), -EINVAL);
	end(daemon, carve);
}

static void test_sizes_are_whole_pages(void **state)
{
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	carve = start(&daemon);
	buffer = client_alloc(carve, PAGE + 1, NULL);
	/* Up to the next page and no further: no power of two. */
	assert_int_equal(carve_buffer_get_bytes(buffer), 2 * PAGE);
	assert_live_becomes(carve, 2 * PAGE);
	carve_buffer_unref(buffer);
	assert_live_becomes(carve, 0);
	buffer = client_alloc(carve, 5 * PAGE, NULL);
	assert_int_equal(carve_buffer_get_bytes(buffer), 5 * PAGE);
	assert_live_becomes(carve, 5 * PAGE);
	assert_int_equal(lseek(carve_buffer_get_fd(buffer), 0, SEEK_END), 5 * PAGE);
	carve_buffer_unref(buffer);
	end(daemon, carve);
}

static void test_all_or_none(void **state)
{
	struct carve_request requests[3] = {
		CARVE_REQUEST_INIT, CARVE_REQUEST_INIT, CARVE_REQUEST_INIT,
	};
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer *buffers[3] = { NULL, NULL, NULL };
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
	int i;

	(void)state;
	carve = start(&daemon);
	fds = daemon_fds(daemon);
	requests[0].bytes = REGION_BYTES / 2;
	requests[1].bytes = REGION_BYTES / 4;
	requests[2].bytes = REGION_BYTES / 4 + 1;
	assert_int_equal(carve_alloc_many(carve, requests, 3, buffers, &refusal), -ENOSPC);
	assert_int_equal(refusal.index, 2);
	assert_int_equal(refusal.wanted_bytes, REGION_BYTES / 4 + PAGE);
	for (i = 0; i < 3; i++)
		assert_null(buffers[i]);
	assert_int_equal(client_region(carve).live_bytes, 0);
	assert_int_equal(daemon_fds(daemon), fds);

	requests[2].bytes = REGION_BYTES / 4;
	assert_int_equal(carve_alloc_many(carve, requests, 3, buffers, &refusal), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(carve_buffer_get_bytes(buffers[i]), requests[i].bytes);
		carve_buffer_unref(buffers[i]);
	}
	end(daemon, carve);
}

static void test_refusal_numbers(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer *buffers[4], *none;
	struct daemon *daemon;
	struct carve *carve;
	int i;

	(void)state;
	carve = start(&daemon);
	for (i = 0; i < 4; i++)
		buffers[i] = client_alloc(carve, REGION_BYTES / 4, NULL);
	/* Two holes that do not meet, wherever the quarters lie. */
	carve_buffer_unref(buffers[0]);
	assert_live_becomes(carve, REGION_BYTES / 4 * 3);
	carve_buffer_unref(buffers[2]);
	assert_live_becomes(carve, REGION_BYTES / 2);
	request.bytes = REGION_BYTES / 2;
	assert_int_equal(carve_alloc_many(carve, &request, 1, &none, &refusal), -ENOSPC);
	assert_int_equal(refusal.index, 0);
	assert_int_equal(refusal.wanted_bytes, REGION_BYTES / 2);
	assert_int_equal(refusal.region_bytes, REGION_BYTES);
	assert_int_equal(refusal.live_bytes, REGION_BYTES / 2);
	assert_int_equal(refusal.own_bytes, REGION_BYTES / 2);
	assert_int_equal(refusal.free_bytes, REGION_BYTES / 2);
	assert_int_equal(refusal.dirty_bytes, 0);
	assert_int_equal(refusal.largest_bytes, REGION_BYTES / 4);
	carve_buffer_unref(buffers[1]);
	carve_buffer_unref(buffers[3]);
	end(daemon, carve);
}

static void test_alignment(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *page, *buffer;
	struct daemon *daemon;
	struct carve *carve;
	uint64_t alignment;

	(void)state;
	carve = start(&daemon);
	page = client_alloc(carve, PAGE, NULL);
	for (alignment = 1; alignment <= REGION_BYTES / 2; alignment *= 2) {
		request.bytes = PAGE;
		request.alignment = alignment;
		assert_int_equal(carve_alloc(carve, &request, &buffer), 0);
		assert_int_equal(carve_query(carve, carve_buffer_get_fd(buffer), &info), 0);
		assert_true(info.flags & CARVE_BUFFER_OFFSET_KNOWN);
		assert_int_equal(info.offset % alignment, 0);
		carve_buffer_unref(buffer);
	}
	carve_buffer_unref(page);
	end(daemon, carve);
}

static void test_regions(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	const struct carve_region_info *region;
	struct carve_regions *regions;
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	daemon = daemon_start("--simulate", "1M", "--region", "video", "--region",
		     "camera", NULL);
	carve = client_new(daemon);
	assert_int_equal(carve_regions_new(carve, &regions), 0);
	assert_int_equal(carve_regions_count(regions), 2);
	region = carve_regions_get(regions, 0);
	assert_string_equal(region->label, "video");
	assert_int_equal(region->flags & (CARVE_REGION_SIMULATED | CARVE_REGION_DEFAULT),
			 CARVE_REGION_SIMULATED | CARVE_REGION_DEFAULT);
	region = carve_regions_get(regions, 1);
	assert_string_equal(region->label, "camera");
	assert_int_equal(region->flags & CARVE_REGION_DEFAULT, 0);
	assert_int_equal(region->bytes, MIB);
	assert_int_equal(region->clients, 1);
	carve_regions_free(regions);

	request.bytes = MIB;
	request.region = "camera";
	assert_int_equal(carve_alloc(carve, &request, &buffer), 0);
	assert_int_equal(carve_query(carve, carve_buffer_get_fd(buffer), &info), 0);
	assert_string_equal(info.region, "camera");
	assert_int_equal(try(carve, MIB, 0), 0);
	carve_buffer_unref(buffer);
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_query(void **state)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;
	int foreign, zero;

	(void)state;
	carve = start(&daemon);
	buffer = client_alloc(carve, 3 * PAGE, "die Straße");
	assert_int_equal(carve_query(carve, carve_buffer_get_fd(buffer), &info), 0);
	assert_int_equal(info.bytes, 3 * PAGE);
	assert_string_equal(info.name, "die Straße");
	assert_string_equal(info.region, "main");
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.uid, getuid());
	assert_true(info.id > 0);
	assert_true(info.flags & CARVE_BUFFER_OWNER_KNOWN);
	assert_true(info.flags & CARVE_BUFFER_SIMULATED);

	foreign = memfd_create("foreign", MFD_CLOEXEC);
	assert_int_equal(carve_query(carve, foreign, &info), -ENOENT);
	close(foreign);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_int_equal(carve_query(carve, zero, &info), -ENOENT);
	close(zero);
	assert_int_equal(carve_query(carve, -1, &info), -EBADF);
	carve_buffer_unref(buffer);
	end(daemon, carve);
}

/* ---- never two at one place ---------------------------------------------- */

#define WORKERS 4
#define WORKER_BUFFERS 24

struct churner {
	struct daemon *daemon;
	int end[2];
};

/* Allocates and drops at random until the other end of its pipe is closed. */
static int churn(void *data)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffers[WORKER_BUFFERS] = { NULL };
	struct churner *churner = data;
	struct pollfd end = { .fd = churner->end[0] };
	struct carve *carve;
	int slot, r;

	srandom((unsigned int)getpid());
	close(churner->end[1]);
	CHILD_CHECK(carve_new(&carve, churner->daemon->socket) == 0);
	while (poll(&end, 1, 0) == 0) {
		slot = (int)(random() % WORKER_BUFFERS);
		buffers[slot] = carve_buffer_unref(buffers[slot]);
		request.bytes = (uint64_t)(random() % 12 + 1) * PAGE;
		request.alignment = PAGE << random() % 4;
		r = carve_alloc(carve, &request, &buffers[slot]);
		CHILD_CHECK(r == 0 || r == -ENOSPC);
	}
	for (slot = 0; slot < WORKER_BUFFERS; slot++)
		carve_buffer_unref(buffers[slot]);
	carve_free(carve);
	return 0;
}

/* One reply is one moment; a list that fits into it has no excuse. */
static size_t assert_disjoint(struct carve *carve)
{
	const struct carve_buffer_info *buffer;
	struct carve_buffers *buffers;
	uint64_t end = 0;
	size_t i, count;

	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	count = carve_buffers_count(buffers);
	for (i = 0; i < count; i++) {
		buffer = carve_buffers_get(buffers, i);
		assert_true(buffer->flags & CARVE_BUFFER_OFFSET_KNOWN);
		assert_true(buffer->offset >= end);
		end = buffer->offset + buffer->bytes;
		assert_true(end > buffer->offset && end <= REGION_BYTES);
	}
	carve_buffers_free(buffers);
	return count;
}

static void test_extents_never_overlap(void **state)
{
	int64_t enough, deadline;
	pid_t workers[WORKERS];
	struct churner churner;
	struct carve *carve;
	size_t most = 0, count;
	int i;

	(void)state;
	carve = start(&churner.daemon);
	assert_int_equal(pipe2(churner.end, O_CLOEXEC), 0);
	for (i = 0; i < WORKERS; i++)
		workers[i] = child_start(churn, &churner);
	enough = now_ms() + 1900;
	deadline = patient_ms() + PATIENCE * 1000;
	/* There has to be something to look at. */
	while (now_ms() < enough || most <= 16) {
		assert_true(patient_ms() < deadline);
		count = assert_disjoint(carve);
		most = count > most ? count : most;
	}
	close(churner.end[0]);
	close(churner.end[1]);
	for (i = 0; i < WORKERS; i++)
		child_expect(workers[i], 0);
	end(churner.daemon, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_bad_requests),
		DAEMON_TEST(test_sizes_are_whole_pages),
		DAEMON_TEST(test_all_or_none),
		DAEMON_TEST(test_refusal_numbers),
		DAEMON_TEST(test_alignment),
		DAEMON_TEST(test_regions),
		DAEMON_TEST(test_query),
		DAEMON_TEST(test_extents_never_overlap),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
