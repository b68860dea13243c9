// SPDX-License-Identifier: MIT
/*
 * A place to die at that the load of test-crash-points.c comes to only when zeroing
 * falls behind. Belongs to a build made by CRASH=1.
 */
#include "restarting.h"
#include "waiter.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../scratch.h"

/* Each gives the request more time to be sent while the daemon stands still. */
#define ROUNDS_MAX	100

static char place[32];

/* Where the daemons that are started from now on look. */
static void prepare(void)
{
	int fd;

	snprintf(place, sizeof(place), "%s/carve-place-XXXXXX", scratch_folder());
	fd = mkstemp(place);
	assert_true(fd >= 0);
	close(fd);
	unlink(place);
	setenv("CARVE_CRASH_FILE", place, 1);
}

static void arm(const char *name)
{
	char other[64];
	FILE *file;

	snprintf(other, sizeof(other), "%s.new", place);
	file = fopen(other, "we");
	assert_non_null(file);
	fprintf(file, "%s\n", name);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(other, place), 0);
}

/* The next daemon may not know that all was zeroed, and do that once more. */
static void await_reserved(struct carve *carve, uint64_t bytes)
{
	int64_t end = patient_ms() + PATIENCE * 1000;

	while (client_region(carve).reserved_bytes != bytes) {
		assert_true(patient_ms() < end);
		sleep_ms(1);
	}
}

/**
 * struct asked - a reservation that is asked for in a thread of its own
 */
struct asked {
	struct carve *carve;
	struct carve_profile profile;
	struct carve_reservation *reservation;
	int result;
};

static void *ask(void *data)
{
	struct asked *asked = data;

	asked->result = carve_reserve(asked->carve, &asked->profile,
				      &asked->reservation, NULL);
	return NULL;
}

/* @buffer ends and its place is asked for, and the daemon hears of both at once. */
static void reserve_behind(struct supervisor *supervisor,
			   struct carve_buffer *buffer, struct asked *asked,
			   int patience_ms)
{
	pthread_t thread;

	supervisor_signal(supervisor, SIGSTOP);
	carve_buffer_unref(buffer);
	assert_int_equal(pthread_create(&thread, NULL, ask, asked), 0);
	sleep_ms(patience_ms);
	supervisor_signal(supervisor, SIGCONT);
	join_soon(thread);
	assert_int_equal(asked->result, 0);
}

static void killed_when_a_reservation_has_waited(void **state)
{
	static const char *const arguments[] = { "--simulate", "64M", NULL };
	const struct carve_class class = {
		.struct_size = sizeof(class), .bytes = 60 * MIB, .count = 1,
	};
	struct asked asked = { .profile = CARVE_PROFILE_INIT };
	struct restarting scene;
	struct carve *carve;

	(void)state;
	prepare();
	scene = restarting_start(arguments);
	carve = client_new(scene.daemon);
	assert_all_clean(carve);
	asked.carve = carve;
	asked.profile.classes = &class;
	asked.profile.class_count = 1;
	arm("reserve-waited");
	for (int i = 0; i < ROUNDS_MAX && access(place, F_OK) == 0; i++) {
		/* What it leaves has to be zeroed first. */
		reserve_behind(scene.supervisor,
			       client_alloc(carve, 60 * MIB, "before"), &asked, i);
		await_reserved(carve, 60 * MIB);
		carve_reservation_free(asked.reservation);
	}
	assert_int_equal(access(place, F_OK), -1);
	unsetenv("CARVE_CRASH_FILE");
	assert_all_clean(carve);
	carve_free(carve);
	restarting_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(killed_when_a_reservation_has_waited),
	};

	return cmocka_run_group_tests_name("crash-places", tests, NULL, NULL);
}
