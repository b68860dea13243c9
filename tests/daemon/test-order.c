// SPDX-License-Identifier: MIT
/*
 * The order of a list tells nobody where buffers lie who may not know it. Needs
 * root, to be several users.
 */
#include "fixture.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRANGER	65533

/* A list of several replies. */
#define BUFFERS		90

/* What this user is told. */
static struct carve_buffers *list_as(const struct daemon *daemon, uid_t uid)
{
	struct carve_buffers *buffers = NULL;
	struct carve *carve;

	assert_int_equal(seteuid(uid), 0);
	carve = client_new(daemon);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	carve_free(carve);
	return buffers;
}

/* Let numbers and addresses be in different orders. */
static void mix(struct carve *carve, struct carve_buffer **buffers)
{
	uint64_t live = 0;
	int i;

	for (i = 0; i < BUFFERS; i++) {
		buffers[i] = client_alloc(carve, (uint64_t)(i % 7 + 1) * PAGE, NULL);
		live += (uint64_t)(i % 7 + 1) * PAGE;
	}
	for (i = 0; i < BUFFERS; i += 3) {
		live -= carve_buffer_get_bytes(buffers[i]);
		buffers[i] = carve_buffer_unref(buffers[i]);
	}
	assert_live_becomes(carve, live);
	/* Later numbers into the holes before earlier ones. */
	for (i = BUFFERS - 3; i >= 0; i -= 3)
		buffers[i] = client_alloc(carve, PAGE, NULL);
}

static void assert_by_number(const struct carve_buffers *list)
{
	const struct carve_buffer_info *info;
	uint64_t last = 0;
	size_t i;

	assert_int_equal(carve_buffers_count(list), BUFFERS);
	for (i = 0; i < BUFFERS; i++) {
		info = carve_buffers_get(list, i);
		assert_int_equal(info->flags & CARVE_BUFFER_OFFSET_KNOWN, 0);
		assert_int_equal(info->offset, 0);
		assert_true(info->id > last);
		last = info->id;
	}
}

/* Return: are the numbers in another order? */
static bool assert_by_address(const struct carve_buffers *list)
{
	const struct carve_buffer_info *info;
	uint64_t end = 0, last = 0;
	bool mixed = false;
	size_t i;

	assert_int_equal(carve_buffers_count(list), BUFFERS);
	for (i = 0; i < BUFFERS; i++) {
		info = carve_buffers_get(list, i);
		assert_true(info->flags & CARVE_BUFFER_OFFSET_KNOWN);
		assert_true(info->offset >= end);
		end = info->offset + info->bytes;
		mixed |= info->id < last;
		last = info->id;
	}
	return mixed;
}

static void test_order_tells_no_address(void **state)
{
	struct carve_buffer *buffers[BUFFERS];
	struct carve_buffers *list;
	struct daemon *daemon;
	struct carve *carve;
	int i;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "4M", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	carve = client_new(daemon);
	assert_all_clean(carve);
	mix(carve, buffers);
	list = list_as(daemon, 0);
	assert_true(assert_by_address(list));
	carve_buffers_free(list);
	list = list_as(daemon, STRANGER);
	assert_by_number(list);
	carve_buffers_free(list);
	for (i = 0; i < BUFFERS; i++)
		carve_buffer_unref(buffers[i]);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Memory nobody has had has no number: it comes first, and all of it. */
static void test_dirty_memory_is_listed_too(void **state)
{
	const struct carve_buffer_info *info;
	struct carve_buffers *list;
	struct daemon *daemon;
	uint64_t last = 0;
	size_t i;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "2G", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	list = list_as(daemon, STRANGER);
	for (i = 0; i < carve_buffers_count(list); i++) {
		info = carve_buffers_get(list, i);
		assert_true(info->flags & CARVE_BUFFER_DIRTY);
		assert_int_equal(info->id, 0);
		assert_true(info->bytes >= last);
		last = info->bytes;
	}
	carve_buffers_free(list);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_order_tells_no_address),
		DAEMON_TEST(test_dirty_memory_is_listed_too),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
