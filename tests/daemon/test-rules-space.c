// SPDX-License-Identifier: MIT
/*
 * What the rules say about where: free memory that is kept for high priority,
 * addresses to stay below, and who may see them.
 */
#include "as-user.h"

#include <errno.h>
#include <unistd.h>

/* ---- what is kept -------------------------------------------------------- */

static int hold_what_is_ordinary(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;
	char byte = 0;

	CHILD_CHECK(take(carve, 6 * MIB + 1, &buffer) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_KEPT);
	CHILD_CHECK(refusal.kept_bytes == 2 * MIB && refusal.free_bytes == 8 * MIB);
	CHILD_CHECK(take(carve, 6 * MIB, &buffer) == 0);
	CHILD_CHECK(take(carve, 1, &buffer) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_KEPT);
	CHILD_CHECK(refusal.kept_bytes == 2 * MIB && refusal.free_bytes == 2 * MIB);
	CHILD_CHECK(write(scene->told, &byte, 1) == 1);
	CHILD_CHECK(read(scene->told, &byte, 1) == 1);
	return 0;
}

static int take_what_is_kept(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, 2 * MIB + 1, &buffer) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_SPACE);
	CHILD_CHECK(take(carve, 2 * MIB, &buffer) == 0);
	return 0;
}

static void test_priority_reserve(void **state)
{
	struct carve_region_info info;
	struct scene scene;
	struct carve *carve;
	pid_t ordinary;
	char byte;

	(void)state;
	scene_start(&scene, "[region main]\nkeep-for-priority=50:2M\n"
		    "[rule owner]\nuid=65533\npriority=50\n"
		    "[rule stranger]\nuid=65532\npriority=49\n");
	carve = client_new(scene.daemon);
	/* What is not scrubbed yet cannot be kept. */
	assert_all_clean(carve);
	info = client_region(carve);
	assert_int_equal(info.kept_bytes, 2 * MIB);
	ordinary = start_as(&scene, STRANGER, hold_what_is_ordinary);
	read_soon(scene.child, &byte, 1);
	do_as(&scene, OWNER, take_what_is_kept);
	assert_int_equal(write(scene.child, &byte, 1), 1);
	child_expect(ordinary, 0);
	assert_all_clean(carve);
	carve_free(carve);
	scene_end(&scene);
}

/* ---- where it lies ------------------------------------------------------- */

static int take_below(struct carve *carve, struct scene *scene)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *first, *second;

	(void)scene;
	CHILD_CHECK(take(carve, 2 * MIB + 1, &first) == -ERANGE);
	CHILD_CHECK(take(carve, 2 * MIB, &first) == 0);
	CHILD_CHECK(take(carve, 1, &second) == -ENOSPC);
	carve_buffer_unref(first);
	/* One's own limit may only be stricter. */
	request.bytes = 2 * MIB;
	request.limit = 4 * MIB;
	CHILD_CHECK(carve_alloc(carve, &request, &first) == 0);
	carve_buffer_unref(first);
	request.limit = MIB;
	CHILD_CHECK(carve_alloc(carve, &request, &first) == -ERANGE);
	request.limit = 0;
	request.guard_after = PAGE;
	CHILD_CHECK(carve_alloc(carve, &request, &first) == -EOPNOTSUPP);
	return 0;
}

static void test_limit_of_addresses(void **state)
{
	struct scene scene;

	(void)state;
	/* Guards of a rule are the driver's business; without one, none are. */
	scene_start(&scene, "[rule owner]\nuid=65533\nlimit=2M\nguard-after=4K\n");
	do_as(&scene, OWNER, take_below);
	do_as(&scene, STRANGER, take_it_all);
	scene_end(&scene);
}

static int see_where(struct carve *carve, bool expected)
{
	const struct carve_buffer_info *info;
	struct carve_buffers *buffers;
	struct carve_buffer *buffer;

	CHILD_CHECK(take(carve, 1, &buffer) == 0);
	CHILD_CHECK(carve_buffers_new(carve, &buffers) == 0);
	CHILD_CHECK(carve_buffers_count(buffers) > 0);
	info = carve_buffers_get(buffers, 0);
	CHILD_CHECK(!!(info->flags & CARVE_BUFFER_OFFSET_KNOWN) == expected);
	carve_buffers_free(buffers);
	return 0;
}

static int see_addresses(struct carve *carve, struct scene *scene)
{
	(void)scene;
	return see_where(carve, true);
}

static int see_no_addresses(struct carve *carve, struct scene *scene)
{
	(void)scene;
	return see_where(carve, false);
}

static void test_show_addresses(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule owner]\nuid=65533\nshow-addresses=yes\n");
	do_as(&scene, OWNER, see_addresses);
	do_as(&scene, STRANGER, see_no_addresses);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_priority_reserve),
		DAEMON_TEST(test_limit_of_addresses),
		DAEMON_TEST(test_show_addresses),
	};

	return cmocka_run_group_tests_name("rules-space", tests, NULL, NULL);
}
