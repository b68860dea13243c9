// SPDX-License-Identifier: MIT
/*
 * Connections that are kept over the death of the daemon: what the next one says
 * and does on them, by a client that does everything at the worst moment.
 */
#include "restarting.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct restarting start(void)
{
	static const char *const arguments[] = { "--simulate", "16M", NULL };

	return restarting_start(arguments);
}

/* ---- EPOCH and RESUME ---------------------------------------------------- */

static void goes_on_after_each_death(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (i % 2)
			supervisor_restart(scene.supervisor);
		else
			supervisor_kill(scene.supervisor);
		session_go_on(&session);
		session_expect_served(&session);
	}
	session_free(&session);
	restarting_end(&scene);
}

static void epoch_comes_behind_replies(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct pollfd pollfd = { .fd = session.fd, .events = POLLIN };
	struct carve_wire_header regions;
	char reply[CARVE_WIRE_MAX];

	(void)state;
	session_ask(&session, CARVE_MSG_REGIONS, &regions, sizeof(regions));
	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	supervisor_kill(scene.supervisor);
	assert_int_equal(session_receive(&session, CARVE_MSG_REGIONS, reply,
					 sizeof(reply)), 0);
	session_go_on(&session);
	session_expect_served(&session);
	session_free(&session);
	restarting_end(&scene);
}

/* A resume of the epoch before, too: the client will hear of the next one. */
static void old_messages_are_dropped(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct carve_wire_resume resume = { .epoch = session.epoch };
	struct carve_wire_header regions;

	(void)state;
	supervisor_pause(scene.supervisor);
	session_ask(&session, CARVE_MSG_REGIONS, &regions, sizeof(regions));
	session_ask(&session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	session_ask(&session, 99, &regions, sizeof(regions));
	supervisor_go_on(scene.supervisor);
	session_expect_epoch(&session);
	session_expect_silence(&session);
	session_ask(&session, CARVE_MSG_REGIONS, &regions, sizeof(regions));
	session_expect_silence(&session);
	assert_int_equal(session_resume(&session), 0);
	session_expect_served(&session);
	/* Once is enough. */
	resume.epoch = session.epoch;
	resume.client = session.client;
	session_ask(&session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	raw_expect_hangup(session.fd);
	restarting_end(&scene);
}

/* The daemon died between HELLO and its answer, as far as the client knows. */
static void hello_follows(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct carve_wire_hello hello = {
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	struct carve_wire_hello_reply reply;

	(void)state;
	supervisor_kill(scene.supervisor);
	session_expect_epoch(&session);
	session.client = 0;
	memset(session.secret, 0, sizeof(session.secret));
	assert_int_equal(session_resume(&session), 0);
	assert_int_equal(session.client, 0);
	session_ask(&session, CARVE_MSG_HELLO, &hello, sizeof(hello));
	assert_int_equal(session_receive(&session, CARVE_MSG_HELLO, &reply,
					 sizeof(reply)), 0);
	assert_int_equal(reply.epoch, session.epoch);
	session.client = reply.client;
	memcpy(session.secret, reply.secret, sizeof(reply.secret));
	session_expect_served(&session);
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	session_free(&session);
	restarting_end(&scene);
}

static void wrong_secret_loses(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct session other = session_new(scene.daemon);

	(void)state;
	session_reserve(&session, MIB);
	session_reserve(&other, MIB);
	supervisor_kill(scene.supervisor);
	session_go_on(&other);
	session_expect_epoch(&session);
	session.secret[15] ^= 1;
	assert_int_equal(session_resume(&session), CARVE_WIRE_RESUME_LOST);
	assert_int_equal(session_count_reservations(&session), 1);
	assert_int_equal(session_count_reservations(&other), 1);
	/* With what it was told now it is known again. */
	session_reserve(&session, MIB);
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	assert_int_equal(session_count_reservations(&session), 2);
	session_free(&session);
	session_free(&other);
	restarting_end(&scene);
}

static void damaged_state_is_told(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	uint8_t damage[4096];
	char *log;
	int fd;

	(void)state;
	session_reserve(&session, MIB);
	supervisor_pause(scene.supervisor);
	fd = supervisor_get_stored(scene.supervisor, "state");
	assert_true(fd >= 0);
	memset(damage, 0x5a, sizeof(damage));
	assert_int_equal(pwrite(fd, damage, sizeof(damage), 0), sizeof(damage));
	close(fd);
	supervisor_go_on(scene.supervisor);
	session_expect_epoch(&session);
	assert_int_equal(session_resume(&session), CARVE_WIRE_RESUME_LOST);
	assert_int_equal(session_count_reservations(&session), 0);
	log = daemon_read_log(scene.daemon);
	assert_non_null(strstr(log, "was not taken up"));
	free(log);
	session_free(&session);
	restarting_end(&scene);
}

/* Damaged, or made up: two connections are kept under one name. */
static void a_number_is_ones_alone(void **state)
{
	struct restarting scene = start();
	struct session first = session_new(scene.daemon);
	struct session second = session_new(scene.daemon);
	char names[2][40];

	(void)state;
	session_reserve(&first, MIB);
	session_reserve(&second, MIB);
	snprintf(names[0], sizeof(names[0]), "client-%llu",
		 (unsigned long long)first.client);
	snprintf(names[1], sizeof(names[1]), "client-%llu",
		 (unsigned long long)second.client);
	supervisor_pause(scene.supervisor);
	supervisor_rename_stored(scene.supervisor, names[1], names[0]);
	supervisor_go_on(scene.supervisor);
	session_go_on(&first);
	assert_int_equal(session_count_reservations(&first), 2);
	/* Known by what it knows, on another connection. */
	session_connect_again(&second, scene.daemon);
	assert_int_equal(session_resume(&second), 0);
	for (int i = 0; i < 2; i++) {
		supervisor_kill(scene.supervisor);
		session_go_on(&first);
		session_go_on(&second);
		assert_int_equal(session_count_reservations(&first), 2);
	}
	session_free(&first);
	session_free(&second);
	restarting_end(&scene);
}

/* ---- what is kept -------------------------------------------------------- */

static void reserve_is_answered_once(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	uint64_t number = session_reserve(&session, MIB), id = session.id;

	(void)state;
	for (int i = 0; i < 2; i++) {
		supervisor_kill(scene.supervisor);
		session_go_on(&session);
		assert_int_equal(session_reserve_again(&session, MIB, id), number);
		assert_int_equal(session_count_reservations(&session), 1);
	}
	/* Only what comes first can be one that was asked before. */
	assert_int_not_equal(session_reserve_again(&session, MIB, id), number);
	assert_int_equal(session_count_reservations(&session), 2);
	session_free(&session);
	restarting_end(&scene);
}

/* The library may have to say this and that before it asks again. */
static void reserve_is_answered_once_behind_others(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct carve_wire_watch watch = { .flags = CARVE_WIRE_WATCH_PRESSURE };
	struct carve_wire_reserve give_back = { 0 };
	uint64_t number, id;
	char reply[CARVE_WIRE_MAX];

	(void)state;
	give_back.reservation = session_reserve(&session, MIB);
	number = session_reserve(&session, MIB);
	id = session.id;
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	session_ask(&session, CARVE_MSG_WATCH, &watch, sizeof(watch));
	assert_int_equal(session_receive(&session, CARVE_MSG_WATCH, reply,
					 sizeof(reply)), 0);
	session_ask(&session, CARVE_MSG_RESERVE, &give_back, sizeof(give_back));
	assert_int_equal(session_receive(&session, CARVE_MSG_RESERVE, reply,
					 sizeof(reply)), 0);
	assert_int_equal(session_reserve_again(&session, MIB, id), number);
	assert_int_equal(session_count_reservations(&session), 1);
	session_free(&session);
	restarting_end(&scene);
}

/* What the library asks when it has given up a RESERVE: nothing new is granted. */
static int ask_what_was_granted(struct session *session, uint64_t id,
				uint64_t *ret_number)
{
	struct carve_wire_reserve request = { .count = 0 };
	struct {
		struct carve_wire_reserve_reply reply;
		struct carve_wire_class class;
	} answer;
	int r;

	session_ask_again(session, CARVE_MSG_RESERVE, &request, sizeof(request), id);
	r = session_receive(session, CARVE_MSG_RESERVE, &answer, sizeof(answer));
	if (r == 0)
		*ret_number = answer.reply.reservation;
	return r;
}

static void what_was_granted_can_be_asked_for(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	uint64_t number, found = 0, id;

	(void)state;
	number = session_reserve(&session, 4 * MIB);
	id = session.id;
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	assert_int_equal(ask_what_was_granted(&session, id, &found), 0);
	assert_int_equal(found, number);
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	assert_true(ask_what_was_granted(&session, id + 1, &found) < 0);
	session_expect_served(&session);
	assert_int_equal(session_count_reservations(&session), 1);
	session_free(&session);
	restarting_end(&scene);
}

static void change_is_answered_once(void **state)
{
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct {
		struct carve_wire_reserve reserve;
		struct carve_wire_class class;
	} change = {
		.reserve.count = 1,
		.class = { .bytes = 2 * MIB, .count = 2 },
	};
	char reply[CARVE_WIRE_MAX];

	(void)state;
	change.reserve.reservation = session_reserve(&session, MIB);
	session_ask(&session, CARVE_MSG_RESERVE, &change, sizeof(change));
	assert_int_equal(session_receive(&session, CARVE_MSG_RESERVE, reply,
					 sizeof(reply)), 0);
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	assert_int_equal(session_region(&session).reserved_bytes, 4 * MIB);
	/* Given back, and again. */
	change.reserve.count = 0;
	session_ask(&session, CARVE_MSG_RESERVE, &change, sizeof(change.reserve));
	assert_int_equal(session_receive(&session, CARVE_MSG_RESERVE, reply,
					 sizeof(reply)), 0);
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	session_ask_again(&session, CARVE_MSG_RESERVE, &change,
			  sizeof(change.reserve), session.id);
	assert_int_equal(session_receive(&session, CARVE_MSG_RESERVE, reply,
					 sizeof(reply)), -ENOENT);
	session_free(&session);
	restarting_end(&scene);
}

static void cursor_of_another_epoch_is_stale(void **state)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item items[40];
	} request = { .alloc.count = 40 };
	struct restarting scene = start();
	struct session session = session_new(scene.daemon);
	struct session holder = session_new(scene.daemon);
	struct pollfd pollfd = { .fd = holder.fd, .events = POLLIN };
	struct carve_wire_list list = { .cursor = 0 };
	union {
		struct carve_wire_list_reply list;
		char room[CARVE_WIRE_MAX];
	} reply;

	(void)state;
	for (int i = 0; i < 40; i++)
		request.items[i].bytes = PAGE;
	/* What is not read lives. */
	session_ask(&holder, CARVE_MSG_ALLOC, &request, sizeof(request));
	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	session_ask(&session, CARVE_MSG_LIST, &list, sizeof(list));
	assert_int_equal(session_receive(&session, CARVE_MSG_LIST, &reply,
					 sizeof(reply)), 0);
	list.cursor = reply.list.cursor;
	assert_int_not_equal(list.cursor, 0);
	list.cursor++;
	session_ask(&session, CARVE_MSG_LIST, &list, sizeof(list));
	assert_int_equal(session_receive(&session, CARVE_MSG_LIST, &reply,
					 sizeof(reply)), -EINVAL);
	supervisor_kill(scene.supervisor);
	session_go_on(&session);
	session_ask(&session, CARVE_MSG_LIST, &list, sizeof(list));
	assert_int_equal(session_receive(&session, CARVE_MSG_LIST, &reply,
					 sizeof(reply)), -ESTALE);
	session_free(&holder);
	session_free(&session);
	restarting_end(&scene);
}

/* ---- who has gone -------------------------------------------------------- */

static void the_dead_leave_nothing(void **state)
{
	struct restarting scene = start();
	struct session gone = session_new(scene.daemon);
	struct session left = session_new(scene.daemon);
	int64_t end_ms = patient_ms() + PATIENCE * 1000;

	(void)state;
	session_reserve(&gone, 8 * MIB);
	session_reserve(&left, 4 * MIB);
	supervisor_pause(scene.supervisor);
	session_free(&gone);
	supervisor_go_on(scene.supervisor);
	session_go_on(&left);
	while (session_count_reservations(&left) != 1)
		assert_true(patient_ms() < end_ms);
	session_free(&left);
	/* All connections are forgotten; the state and the watches stay. */
	while (supervisor_get_status(scene.supervisor).stored != 2)
		assert_true(patient_ms() < end_ms);
	restarting_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(goes_on_after_each_death),
		DAEMON_TEST(epoch_comes_behind_replies),
		DAEMON_TEST(old_messages_are_dropped),
		DAEMON_TEST(hello_follows),
		DAEMON_TEST(wrong_secret_loses),
		DAEMON_TEST(damaged_state_is_told),
		DAEMON_TEST(a_number_is_ones_alone),
		DAEMON_TEST(reserve_is_answered_once),
		DAEMON_TEST(reserve_is_answered_once_behind_others),
		DAEMON_TEST(what_was_granted_can_be_asked_for),
		DAEMON_TEST(change_is_answered_once),
		DAEMON_TEST(cursor_of_another_epoch_is_stale),
		DAEMON_TEST(the_dead_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
