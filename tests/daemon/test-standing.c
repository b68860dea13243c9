// SPDX-License-Identifier: MIT
/*
 * Reservations of the configuration: there from the start, claimed by whom they
 * are for, pending while they do not fit.
 */
#include "standing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "as-user.h"

static struct carve_reservation *claim(struct carve *carve)
{
	struct carve_reservation *reservation = NULL;
	int r = carve_reservation_claim(carve, "film", 0, &reservation);

	if (r < 0)
		fail_msg("not claimed: %s", strerror(-r));
	return reservation;
}

/* Zeroing may take a moment when the daemon starts. */
static struct carve_reservation_info granted(struct carve *carve)
{
	struct carve_reservation_info info = standing_only_one(carve);

	for (int64_t end = patient_ms() + PATIENCE * 1000;
	     info.flags & CARVE_RESERVATION_PENDING; info = standing_only_one(carve)) {
		assert_true(patient_ms() < end);
		sleep_ms(1);
	}
	return info;
}

static void test_is_there_from_the_start(void **state)
{
	struct daemon *daemon = standing_start(FILM);
	struct carve *carve = client_new(daemon), *other = client_new(daemon);
	struct carve_reservation *reservation, *second;
	struct carve_reservation_info info = granted(carve);
	struct carve_buffer *buffers[4], *more;

	(void)state;
	assert_int_equal(info.flags, CARVE_RESERVATION_CONFIGURED |
				     CARVE_RESERVATION_KNOWN);
	assert_string_equal(info.name, "film");
	assert_int_equal(info.bytes, FILM_BYTES);
	assert_int_equal(info.slots, 6);
	assert_int_equal(info.pid, 0);
	assert_int_equal(client_region(carve).reserved_bytes, FILM_BYTES);
	assert_refused(other, 8 * MIB - FILM_BYTES + PAGE);

	reservation = claim(carve);
	assert_int_equal(carve_reservation_count(reservation), 2);
	assert_int_equal(carve_reservation_get(reservation, 0)->bytes, 512 * KIB);
	assert_int_equal(carve_reservation_get(reservation, 0)->count, 4);
	info = standing_only_one(carve);
	assert_int_equal(info.flags, CARVE_RESERVATION_CONFIGURED |
			 CARVE_RESERVATION_CLAIMED | CARVE_RESERVATION_KNOWN);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(carve_reservation_claim(other, "film", 0, &second),
			 -EBUSY);
	assert_int_equal(change(reservation,
				carve_reservation_get(reservation, 1), 1),
			 -EACCES);
	take_slots(reservation, 0, buffers, 4);
	carve_reservation_free(reservation);

	/* It goes back to the daemon with what is alive in it. */
	reservation = claim(carve);
	assert_int_equal(standing_only_one(carve).live, 4);
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0, &more),
			 -ENOSPC);
	drop_all(buffers, 4);
	take_slots(reservation, 0, buffers, 4);
	carve_reservation_free(reservation);
	assert_int_equal(standing_only_one(carve).flags, CARVE_RESERVATION_CONFIGURED |
						CARVE_RESERVATION_KNOWN);
	drop_all(buffers, 4);
	assert_reserved_becomes(carve, FILM_BYTES);
	standing_reload(daemon, "");
	assert_all_clean(carve);
	carve_free(other);
	carve_free(carve);
	daemon_stop(daemon);
}

struct dying {
	struct daemon *daemon;
	int socket;
};

static int claim_and_hang(void *data)
{
	const struct dying *dying = data;
	struct carve_reservation *reservation;
	struct carve_buffer *buffer;
	struct carve *carve;

	CHILD_CHECK(carve_new(&carve, dying->daemon->socket) == 0);
	CHILD_CHECK(carve_reservation_claim(carve, "film", 0, &reservation) == 0);
	CHILD_CHECK(carve_reservation_alloc(reservation, 0, NULL, 0,
					    &buffer) == 0);
	CHILD_CHECK(send_fd(dying->socket, carve_buffer_get_fd(buffer)) == 0);
	pause();
	return 0;
}

/* The next one finds what the last one left: 3 of 4, until that is closed. */
static void test_survives_its_client(void **state)
{
	struct dying dying = { .daemon = standing_start(FILM) };
	struct carve *carve = client_new(dying.daemon);
	struct carve_reservation *reservation;
	struct carve_buffer *buffers[4];
	int pair[2], fd;
	pid_t child;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	dying.socket = pair[1];
	child = child_start(claim_and_hang, &dying);
	fd = receive_fd(pair[0]);
	assert_true(fd >= 0);
	assert_int_equal(standing_only_one(carve).pid, child);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	while (standing_only_one(carve).flags & CARVE_RESERVATION_CLAIMED)
		sleep_ms(1);
	reservation = claim(carve);
	take_slots(reservation, 0, buffers, 3);
	close(fd);
	take_slot(reservation, 0, &buffers[3]);
	drop_all(buffers, 4);
	carve_reservation_free(reservation);
	standing_reload(dying.daemon, "");
	assert_all_clean(carve);
	carve_free(carve);
	close(pair[0]);
	close(pair[1]);
	daemon_stop(dying.daemon);
}

/* ---- whose it is ----------------------------------------------------------- */

static int may_not_claim(struct carve *carve, struct scene *scene)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct carve_reservations *list;
	struct carve_reservation *reservation;
	bool is_pending;

	(void)scene;
	CHILD_CHECK(carve_reservation_claim(carve, "film", 0, &reservation) ==
		    -EACCES);
	/* Granted, or about to be. */
	do {
		CHILD_CHECK(patient_ms() < end);
		CHILD_CHECK(carve_reservations_new(carve, &list) == 0);
		CHILD_CHECK(carve_reservations_count(list) == 1);
		is_pending = carve_reservations_get(list, 0)->flags &
			     CARVE_RESERVATION_PENDING;
		if (is_pending)
			carve_reservations_free(list);
	} while (is_pending);
	CHILD_CHECK(carve_reservations_get(list, 0)->flags ==
		    CARVE_RESERVATION_CONFIGURED);
	CHILD_CHECK(carve_reservations_get(list, 0)->bytes == 1 * MIB);
	CHILD_CHECK(!carve_reservations_get(list, 0)->name[0]);
	CHILD_CHECK(!carve_reservations_get(list, 0)->uid);
	carve_reservations_free(list);
	return 0;
}

static int claims(struct carve *carve, struct scene *scene)
{
	struct carve_reservation *reservation;
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(carve_reservation_claim(carve, "film", 0, &reservation) == 0);
	CHILD_CHECK(carve_reservation_alloc(reservation, 0, NULL, 0,
					    &buffer) == 0);
	carve_buffer_unref(buffer);
	carve_reservation_free(reservation);
	return 0;
}

static void test_is_for_its_owner(void **state)
{
	struct carve_reservation *reservation;
	struct scene scene;
	struct carve *carve;

	(void)state;
	scene_start(&scene, "[reservation film]\nuid=1234\nclass=1 x 1M\n");
	do_as(&scene, 1235, may_not_claim);
	do_as(&scene, 1234, claims);
	/* Not even for the superuser, who may write the file. */
	carve = client_new(scene.daemon);
	assert_int_equal(carve_reservation_claim(carve, "film", 0,
						 &reservation), -EACCES);
	standing_reload(scene.daemon, "");
	carve_free(carve);
	scene_end(&scene);
}

static int may_reserve(struct carve *carve, struct scene *scene)
{
	const struct carve_class class = CLASS(MIB, 0, 1);

	(void)scene;
	carve_reservation_free(reserve(carve, &class, 1));
	return 0;
}

static int may_not_reserve(struct carve *carve, struct scene *scene)
{
	const struct carve_class class = CLASS(MIB, 0, 1);
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;

	(void)scene;
	profile.classes = &class;
	profile.class_count = 1;
	CHILD_CHECK(carve_reserve(carve, &profile, &reservation, NULL) == -EDQUOT);
	return 0;
}

/* What it takes counts for whom it is, and no longer for whom it was. */
static void test_another_owner_is_charged(void **state)
{
	static const char rule[] = "[rule all]\nmax-reserved=1M\n";
	struct scene scene;
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "%s[reservation film]\nuid=1234\n"
		 "class=1 x 1M\n", rule);
	scene_start(&scene, text);
	do_as(&scene, 1234, claims);
	do_as(&scene, 1234, may_not_reserve);
	do_as(&scene, 1235, may_reserve);
	snprintf(text, sizeof(text), "%s[reservation film]\nuid=1235\n"
		 "class=1 x 1M\n", rule);
	standing_reload(scene.daemon, text);
	do_as(&scene, 1235, may_not_reserve);
	do_as(&scene, 1234, may_reserve);
	standing_reload(scene.daemon, rule);
	do_as(&scene, 1235, may_reserve);
	scene_end(&scene);
}

/* ---- pending ------------------------------------------------------------------ */

static void test_pending_until_it_fits(void **state)
{
	struct daemon *daemon = standing_start("");
	struct carve *carve = client_new(daemon);
	struct carve_reservation *reservation;
	struct carve_buffer *buffers[2];
	pthread_t thread;
	char *log;

	(void)state;
	buffers[0] = client_alloc(carve, 6 * MIB, NULL);
	buffers[1] = client_alloc(carve, 1 * MIB, NULL);
	standing_reload(daemon, "# a film\n\n" FILM);
	assert_int_equal(standing_only_one(carve).flags, CARVE_RESERVATION_CONFIGURED |
			 CARVE_RESERVATION_PENDING | CARVE_RESERVATION_KNOWN);
	assert_int_equal(standing_only_one(carve).bytes, FILM_BYTES);
	assert_int_equal(standing_only_one(carve).slots, 6);
	assert_int_equal(client_region(carve).reserved_bytes, 0);
	log = daemon_read_log(daemon);
	assert_non_null(strstr(log, "carved.conf:3: reservation film does not "
			       "fit beside what is alive"));
	free(log);
	assert_int_equal(carve_reservation_claim(carve, "film", 0,
						 &reservation), -ENOSPC);
	assert_int_equal(carve_reservation_claim(carve, "film", 20 * MSEC,
						 &reservation), -ETIMEDOUT);
	/* Not enough, and then enough: before whoever else comes. */
	thread = standing_claim_later(daemon);
	/* Who claims, and what is pending. */
	assert_waiting_becomes(carve, 2);
	carve_buffer_unref(buffers[1]);
	sleep_ms(20);
	assert_true(standing_only_one(carve).flags & CARVE_RESERVATION_PENDING);
	carve_buffer_unref(buffers[0]);
	assert_int_equal(standing_claimed(thread), 0);
	carve_reservation_free(claim(carve));
	assert_int_equal(client_region(carve).reserved_bytes, FILM_BYTES);
	standing_reload(daemon, "");
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Whoever waits to claim it does not wait for what is named no longer. */
static void test_pending_and_then_not_named(void **state)
{
	struct daemon *daemon = standing_start("");
	struct carve *carve = client_new(daemon);
	struct carve_buffer *buffer = client_alloc(carve, 7 * MIB, NULL);
	pthread_t thread;

	(void)state;
	standing_reload(daemon, FILM);
	thread = standing_claim_later(daemon);
	assert_waiting_becomes(carve, 2);
	/* Named still, for the same: it goes on. */
	standing_reload(daemon, "# the same\n" FILM);
	assert_waiting_becomes(carve, 2);
	standing_reload(daemon, "");
	assert_int_equal(standing_claimed(thread), -ENOENT);
	assert_waiting_becomes(carve, 0);
	carve_reservations_free(reservations(carve, 0));
	carve_buffer_unref(buffer);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- another configuration ------------------------------------------------- */

static void test_reload(void **state)
{
	struct daemon *daemon = standing_start(FILM);
	struct carve *carve = client_new(daemon), *other = client_new(daemon);
	struct carve_reservation *reservation = claim(carve), *second;
	struct carve_buffer *buffer;

	(void)state;
	/* As it was granted, whatever it says now. */
	standing_reload(daemon, "[reservation film]\nuid=%u\nclass=1 x 4K\n");
	assert_int_equal(standing_only_one(carve).bytes, FILM_BYTES);
	/* Not named any more, and yet its client's. */
	standing_reload(daemon, "");
	take_slot(reservation, 0, &buffer);
	carve_buffer_unref(buffer);
	carve_reservation_free(reservation);
	assert_all_clean(carve);
	assert_int_equal(carve_reservation_claim(carve, "film", 0, &second),
			 -ENOENT);
	/* What was pending and is wanted no more. */
	buffer = client_alloc(other, 8 * MIB, NULL);
	standing_reload(daemon, FILM);
	assert_true(standing_only_one(carve).flags & CARVE_RESERVATION_PENDING);
	standing_reload(daemon, "");
	carve_reservations_free(reservations(carve, 0));
	carve_buffer_unref(buffer);
	assert_all_clean(carve);
	carve_free(other);
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_what_cannot_be_is_said(void **state)
{
	struct daemon *daemon = standing_start("[reservation film]\nuid=%u\n"
				      "class=1 x 16M\n");
	struct carve *carve = client_new(daemon);
	struct carve_reservation *reservation;
	char *log = daemon_read_log(daemon);

	(void)state;
	assert_non_null(strstr(log, "carved.conf:1: there is no reservation film: "
			       "region main cannot have it"));
	free(log);
	assert_int_equal(carve_reservation_claim(carve, "film", 0,
						 &reservation), -ENOENT);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_is_there_from_the_start),
		DAEMON_TEST(test_survives_its_client),
		DAEMON_TEST(test_is_for_its_owner),
		DAEMON_TEST(test_another_owner_is_charged),
		DAEMON_TEST(test_pending_until_it_fits),
		DAEMON_TEST(test_pending_and_then_not_named),
		DAEMON_TEST(test_reload),
		DAEMON_TEST(test_what_cannot_be_is_said),
	};

	return cmocka_run_group_tests_name("standing", tests, NULL, NULL);
}
