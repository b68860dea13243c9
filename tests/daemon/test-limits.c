// SPDX-License-Identifier: MIT
/*
 * As many extents as there may be: what they cost, and that no more come.
 */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define EXTENTS		65536U
#define RESERVATIONS	(EXTENTS / CARVE_SLOTS_MAX)
/* The daemon's part of what its unit allows an extent; see daemon/memory.h. */
#define EXTENT_BYTES	1024U

static struct carve_reservation *reservations[RESERVATIONS];

static int reserve(struct carve *carve, uint32_t slots,
		   struct carve_reservation **ret)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_class class = CARVE_CLASS_INIT;

	class.count = slots;
	class.bytes = PAGE;
	profile.classes = &class;
	profile.class_count = 1;
	return carve_reserve(carve, &profile, ret, NULL);
}

static uint64_t anonymous_bytes(const struct daemon *daemon)
{
	unsigned long long kib = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "RssAnon:", strlen("RssAnon:")))
			sscanf(line, "RssAnon: %llu", &kib);
	fclose(file);
	return kib * KIB;
}

static void test_extents(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "512M", NULL);
	struct carve *carve = client_new(daemon), *other = client_new(daemon);
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_reservation *more;
	struct carve_buffer *buffer;
	uint64_t before, after;

	(void)state;
	before = anonymous_bytes(daemon);
	for (unsigned int i = 0; i < RESERVATIONS; i++)
		assert_int_equal(reserve(carve, CARVE_SLOTS_MAX,
					 &reservations[i]), 0);
	after = anonymous_bytes(daemon);
	print_message("# %llu bytes of the daemon's for each of %u extents\n",
		      (unsigned long long)(after - before) / EXTENTS, EXTENTS);
	assert_in_range(after, 0, before + (uint64_t)EXTENTS * EXTENT_BYTES);

	/* Half of the region is free, but there is an end to what is kept of it. */
	request.bytes = PAGE;
	assert_int_equal(carve_alloc(other, &request, &buffer), -ENOMEM);
	assert_int_equal(reserve(other, 1, &more), -ENOMEM);

	/* Inside of what was granted nothing is refused. */
	assert_int_equal(carve_reservation_alloc(reservations[0], 0, NULL, 0,
						 &buffer), 0);
	carve_buffer_unref(buffer);

	carve_reservation_free(reservations[1]);
	assert_int_equal(reserve(other, 1, &more), 0);
	assert_int_equal(carve_alloc(other, &request, &buffer), 0);
	carve_buffer_unref(buffer);
	carve_reservation_free(more);
	carve_free(carve);
	assert_all_clean(other);
	carve_free(other);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_extents, daemon_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
