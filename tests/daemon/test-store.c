// SPDX-License-Identifier: MIT
/*
 * What keeping connections costs the service manager, which serves the whole
 * machine, and what is kept when it has no time.
 */
#include "restarting.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one user, that come and go. */
#define VISITS		4000

/* More than wait unread at a service manager (net.unix.max_dgram_qlen is 512). */
#define CROWD		700

static const char *const arguments[] = { "--simulate", "16M", NULL };

static unsigned int stored(const struct restarting *scene)
{
	return supervisor_get_status(scene->supervisor).stored;
}

/* So many are stored in the end. */
static void await_stored(const struct restarting *scene, unsigned int count)
{
	int64_t end_ms = patient_ms() + PATIENCE * 1000;

	while (stored(scene) != count)
		if (patient_ms() >= end_ms)
			fail_msg("%u are stored instead of %u", stored(scene), count);
}

static void await_stored_less(const struct restarting *scene, unsigned int count)
{
	int64_t end_ms = patient_ms() + PATIENCE * 1000;

	while (stored(scene) >= count)
		assert_true(patient_ms() < end_ms);
}

static int visit_often(void *data)
{
	struct restarting *scene = data;

	CHILD_CHECK(setuid(65533) == 0);
	for (int i = 0; i < VISITS; i++) {
		struct session session = session_new(scene->daemon);

		session_free(&session);
	}
	return 0;
}

static void visitors_do_not_load_the_service_manager(void **state)
{
	struct restarting scene = restarting_start(arguments);
	unsigned int before, kept;
	struct session session;
	int64_t begin = now_ms();

	(void)state;
	if (geteuid() != 0) {
		restarting_end(&scene);
		skip_because("needs root, to be another user");
	}
	assert_int_equal(chmod(scene.daemon->socket, 0666), 0);
	before = supervisor_get_status(scene.supervisor).kept;
	child_expect(child_start(visit_often, &scene), 0);
	kept = supervisor_get_status(scene.supervisor).kept - before;
	/* 250 at once, and as many in each second. */
	print_message("# %u of %d kept in %lld ms\n", kept, VISITS,
		      (long long)(now_ms() - begin));
	assert_in_range(kept, 10, 300 + (now_ms() - begin) / 4);
	/* Another one's is. */
	await_stored(&scene, 2);
	session = session_new(scene.daemon);
	session_expect_served(&session);
	await_stored(&scene, 3);
	session_free(&session);
	restarting_end(&scene);
}

/**
 * struct stay - one who stays
 * @told: a pipe: it has asked for the last time
 */
struct stay {
	struct restarting scene;
	int told[2];
};

/* It is kept when there is time again, with what it asks for then. */
static int visit_and_stay(void *data)
{
	struct stay *stay = data;
	struct session session;

	if (visit_often(&stay->scene) != 0)
		return 1;
	session = session_new(stay->scene.daemon);
	for (int i = 0; i < 30; i++) {
		session_expect_served(&session);
		usleep(100000);
	}
	CHILD_CHECK(write(stay->told[1], "", 1) == 1);
	session_go_on(&session);
	return 0;
}

static void who_stays_is_kept_in_the_end(void **state)
{
	struct stay stay = { .scene = restarting_start(arguments) };
	pid_t child;
	char byte;

	(void)state;
	if (geteuid() != 0) {
		restarting_end(&stay.scene);
		skip_because("needs root, to be another user");
	}
	assert_int_equal(pipe2(stay.told, O_CLOEXEC), 0);
	assert_int_equal(chmod(stay.scene.daemon->socket, 0666), 0);
	child = child_start(visit_and_stay, &stay);
	read_soon(stay.told[0], &byte, 1);
	await_stored(&stay.scene, 3);
	supervisor_kill(stay.scene.supervisor);
	child_expect(child, 0);
	close(stay.told[0]);
	close(stay.told[1]);
	restarting_end(&stay.scene);
}

/* A service manager that does not read: what has gone is dropped when it does. */
static void nothing_that_has_gone_stays(void **state)
{
	struct restarting scene = restarting_start(arguments);
	struct session *crowd = calloc(CROWD, sizeof(*crowd)), last;

	(void)state;
	await_stored(&scene, 2);
	for (int i = 0; i < CROWD; i++)
		crowd[i] = session_new(scene.daemon);
	/* One that could not be kept in time is, when it asks for something. */
	for (int64_t end = patient_ms() + PATIENCE * 1000; stored(&scene) != 2 + CROWD;) {
		assert_true(patient_ms() < end);
		for (int k = 0; k < CROWD; k++)
			session_expect_served(&crowd[k]);
	}
	supervisor_freeze(scene.supervisor);
	for (int i = 0; i < CROWD; i++)
		session_free(&crowd[i]);
	/* It has seen them all go. */
	last = session_new(scene.daemon);
	session_expect_served(&last);
	supervisor_thaw(scene.supervisor);
	/* Nobody asks for anything meanwhile. */
	await_stored_less(&scene, 4);
	session_expect_served(&last);
	await_stored(&scene, 3);
	supervisor_kill(scene.supervisor);
	session_go_on(&last);
	session_free(&last);
	free(crowd);
	restarting_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(visitors_do_not_load_the_service_manager),
		DAEMON_TEST(who_stays_is_kept_in_the_end),
		DAEMON_TEST(nothing_that_has_gone_stays),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
