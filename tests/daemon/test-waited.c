// SPDX-License-Identifier: MIT
/*
 * Who was waiting when the daemon died: the next one knows the place, the deadline
 * and the wish to hear of pressure.
 */
#include "restarting.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGION_BYTES	(16 * MIB)

/* As in daemon/hold.h. */
#define HOLD_MS		1000

/* It is a matter of how busy the machine is. */
#define TRIES_MAX	30

static struct restarting start(void)
{
	static const char *const arguments[] = { "--simulate", "16M", NULL };

	return restarting_start(arguments);
}

static void watchers_still_hear(void **state)
{
	struct restarting scene = start();
	struct session watcher = session_new(scene.daemon);
	struct session holder = session_new(scene.daemon);
	struct session waiter = session_new(scene.daemon);
	struct carve_wire_watch watch = { .flags = CARVE_WIRE_WATCH_PRESSURE };
	struct carve_wire_pressure pressure;

	(void)state;
	session_ask(&watcher, CARVE_MSG_WATCH, &watch, sizeof(watch));
	assert_int_equal(session_receive(&watcher, CARVE_MSG_WATCH, &watch,
					 sizeof(watch)), 0);
	session_ask_buffer(&holder, REGION_BYTES, 0);
	assert_int_equal(session_receive_buffer(&holder), 0);
	supervisor_kill(scene.supervisor);
	session_go_on(&waiter);
	session_ask_buffer(&waiter, MIB, CARVE_WIRE_FOREVER);
	session_expect_epoch(&watcher);
	assert_int_equal(session_receive(&watcher, CARVE_MSG_PRESSURE, &pressure,
					 sizeof(pressure)), 0);
	assert_int_equal(pressure.wanted_bytes, MIB);
	session_free(&holder);
	assert_int_equal(session_receive_buffer(&waiter), 0);
	session_free(&watcher);
	session_free(&waiter);
	restarting_end(&scene);
}

static void await_waiting(struct session *session, unsigned int count)
{
	int64_t end = patient_ms() + PATIENCE * 1000;

	while (session_region(session).waiting != count) {
		assert_true(patient_ms() < end);
		sleep_ms(1);
	}
}

static void await_reserved(struct session *session, uint64_t bytes)
{
	int64_t end = patient_ms() + PATIENCE * 1000;

	while (session_region(session).reserved_bytes != bytes) {
		assert_true(patient_ms() < end);
		sleep_ms(1);
	}
}

static void let_go(struct session *session)
{
	assert_true(session->buffer >= 0);
	close(session->buffer);
	session->buffer = -1;
}

static void old_places_count(void **state)
{
	struct restarting scene = start();
	struct session holder = session_new(scene.daemon);
	struct session first = session_new(scene.daemon);
	struct session second = session_new(scene.daemon);

	(void)state;
	session_ask_buffer(&holder, REGION_BYTES, 0);
	assert_int_equal(session_receive_buffer(&holder), 0);
	session_ask_buffer(&first, REGION_BYTES, CARVE_WIRE_FOREVER);
	await_waiting(&holder, 1);
	session_ask_buffer(&second, REGION_BYTES, CARVE_WIRE_FOREVER);
	await_waiting(&holder, 2);
	supervisor_kill(scene.supervisor);
	session_expect_epoch(&second);
	session_expect_epoch(&first);
	assert_int_equal(session_resume(&second), 0);
	session_ask_buffer_again(&second, REGION_BYTES, CARVE_WIRE_FOREVER,
				 second.id - 1);
	assert_int_equal(session_resume(&first), 0);
	session_ask_buffer_again(&first, REGION_BYTES, CARVE_WIRE_FOREVER,
				 first.id - 1);
	session_go_on(&holder);
	await_waiting(&holder, 2);
	let_go(&holder);
	assert_int_equal(session_receive_buffer(&first), 0);
	session_expect_silence(&second);
	let_go(&first);
	assert_int_equal(session_receive_buffer(&second), 0);
	session_free(&holder);
	session_free(&first);
	session_free(&second);
	restarting_end(&scene);
}

/* Somebody waits for all of the region, which comes free while there is no daemon. */
static void let_go_meanwhile(struct restarting *scene, struct session *holder,
			     struct session *waiter)
{
	session_ask_buffer(holder, REGION_BYTES, 0);
	assert_int_equal(session_receive_buffer(holder), 0);
	session_ask_buffer(waiter, REGION_BYTES, CARVE_WIRE_FOREVER);
	await_waiting(holder, 1);
	supervisor_pause(scene->supervisor);
	let_go(holder);
}

/* Return: a time before which it was not ready. */
static int64_t go_on(struct restarting *scene)
{
	int64_t end = patient_ms() + PATIENCE * 1000, now = now_ms(), before;

	supervisor_go_on(scene->supervisor);
	do {
		before = now;
		now = now_ms();
		assert_true(patient_ms() < end);
	} while (!supervisor_get_status(scene->supervisor).ready);
	return before;
}

static bool is_silent(const struct session *session)
{
	struct pollfd pollfd = { .fd = session->fd, .events = POLLIN };

	return poll(&pollfd, 1, 100) == 0;
}

/* Return: could all ask within a second? Otherwise nothing is known. */
static bool is_held_back(void)
{
	struct restarting scene = start();
	struct session holder = session_new(scene.daemon);
	struct session waiter = session_new(scene.daemon);
	struct session newcomer;
	bool in_time, silent;
	int64_t begin;

	let_go_meanwhile(&scene, &holder, &waiter);
	begin = go_on(&scene);
	newcomer = session_new(scene.daemon);
	session_ask_buffer(&newcomer, REGION_BYTES, 0);
	silent = is_silent(&newcomer);
	session_go_on(&waiter);
	session_ask_buffer_again(&waiter, REGION_BYTES, CARVE_WIRE_FOREVER,
				 waiter.id - 1);
	in_time = now_ms() - begin < HOLD_MS * 3 / 4;
	if (in_time) {
		assert_true(silent);
		assert_int_equal(session_receive_buffer(&waiter), 0);
		assert_int_equal(session_receive_buffer(&newcomer), -ENOSPC);
	}
	session_free(&newcomer);
	session_free(&holder);
	session_free(&waiter);
	restarting_end(&scene);
	return in_time;
}

/* Memory came free while there was no daemon; who had waited has it. */
static void newcomers_are_held_back(void **state)
{
	int tries = 1;

	(void)state;
	while (!is_held_back())
		assert_true(tries++ < TRIES_MAX);
}

/* One that does not come keeps nobody for longer than a second. */
static void newcomers_are_not_held_back_for_long(void **state)
{
	struct restarting scene = start();
	struct session holder = session_new(scene.daemon);
	struct session waiter = session_new(scene.daemon);
	struct session newcomer = session_new(scene.daemon);
	int64_t begin, patient;

	(void)state;
	let_go_meanwhile(&scene, &holder, &waiter);
	begin = now_ms();
	patient = patient_ms();
	supervisor_go_on(scene.supervisor);
	session_go_on(&newcomer);
	session_ask_buffer(&newcomer, REGION_BYTES, 0);
	assert_int_equal(session_receive_buffer(&newcomer), 0);
	assert_true(now_ms() - begin >= HOLD_MS);
	assert_true(patient_ms() - patient < PATIENCE * 1000 / 2);
	session_free(&newcomer);
	session_free(&holder);
	session_free(&waiter);
	restarting_end(&scene);
}

/* The clock of a request does not begin anew. */
static void deadlines_go_on(void **state)
{
	struct restarting scene = start();
	struct session holder = session_new(scene.daemon);
	struct session waiter = session_new(scene.daemon);

	(void)state;
	session_ask_buffer(&holder, REGION_BYTES, 0);
	assert_int_equal(session_receive_buffer(&holder), 0);
	session_ask_buffer(&waiter, MIB, 2000000000);
	await_waiting(&holder, 1);
	supervisor_pause(scene.supervisor);
	sleep_ms(2100);
	supervisor_go_on(scene.supervisor);
	session_go_on(&waiter);
	/* Anew it would be so long that no answer came in time. */
	session_ask_buffer_again(&waiter, MIB, 10000000000ULL * PATIENCE, waiter.id - 1);
	assert_int_equal(session_receive_buffer(&waiter), -ETIMEDOUT);
	session_free(&holder);
	session_free(&waiter);
	restarting_end(&scene);
}

/* ---- claims --------------------------------------------------------------- */

#define FILM	"[reservation film]\nuid=%u\nclass=1 x %s\n"

static void configure_film(const struct restarting *scene, const char *bytes)
{
	char text[128];

	snprintf(text, sizeof(text), FILM, (unsigned int)getuid(), bytes);
	daemon_configure(scene->daemon, text);
}

static void claim(struct session *session, uint64_t timeout_nsec, uint64_t id)
{
	struct carve_wire_reserve request = {
		.flags = CARVE_WIRE_RESERVE_CLAIM,
		.timeout_nsec = timeout_nsec,
		.name = "film",
	};

	session_ask_again(session, CARVE_MSG_RESERVE, &request, sizeof(request), id);
}

static int receive_claim(struct session *session)
{
	char reply[CARVE_WIRE_MAX];

	return session_receive(session, CARVE_MSG_RESERVE, reply, sizeof(reply));
}

static bool has_answer(const struct session *session)
{
	struct pollfd pollfd = { .fd = session->fd, .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

/* How each was answered, and whether somebody was waited for in vain. */
struct claims {
	int first;
	int second;
	int newcomer;
	bool late;
};

/*
 * Two wait for what does not fit; in the next daemon it does, from its start, and
 * who has waited longer comes last.
 */
static struct claims claim_over_restart(void)
{
	static const char *const arguments[] = { "--simulate", "16M", NULL };
	struct restarting scene = { .daemon = daemon_prepare() };
	struct session holder, first, second, newcomer;
	struct claims claims;
	char *log;

	scene.supervisor = supervisor_start(scene.daemon, arguments);
	supervisor_wait_ready(scene.supervisor);
	holder = session_new(scene.daemon);
	session_ask_buffer(&holder, REGION_BYTES / 2, 0);
	assert_int_equal(session_receive_buffer(&holder), 0);
	configure_film(&scene, "12M");
	supervisor_signal(scene.supervisor, SIGHUP);
	while (session_region(&holder).waiting != 1)
		sleep_ms(1);
	first = session_new(scene.daemon);
	second = session_new(scene.daemon);
	claim(&first, CARVE_WIRE_FOREVER, ++first.id);
	while (session_region(&holder).waiting != 2)
		sleep_ms(1);
	claim(&second, CARVE_WIRE_FOREVER, ++second.id);
	while (session_region(&holder).waiting != 3)
		sleep_ms(1);
	supervisor_pause(scene.supervisor);
	configure_film(&scene, "4M");
	supervisor_go_on(scene.supervisor);
	session_go_on(&second);
	claim(&second, CARVE_WIRE_FOREVER, second.id - 1);
	newcomer = session_new(scene.daemon);
	claim(&newcomer, 0, ++newcomer.id);
	/* Were they not held back, they would have been served by now. */
	session_go_on(&holder);
	while (session_region(&holder).waiting < 2 && !has_answer(&newcomer))
		sleep_ms(1);
	session_go_on(&first);
	claim(&first, CARVE_WIRE_FOREVER, first.id - 1);
	claims.first = receive_claim(&first);
	claims.second = receive_claim(&second);
	claims.newcomer = receive_claim(&newcomer);
	log = daemon_read_log(scene.daemon);
	claims.late = strstr(log, "others are served now");
	free(log);
	session_free(&holder);
	session_free(&first);
	session_free(&second);
	session_free(&newcomer);
	restarting_end(&scene);
	return claims;
}

/* The places of those who wait to claim what is configured count, too. */
static void old_claims_come_first(void **state)
{
	struct claims claims;
	int tries = 20;

	(void)state;
	/* On a machine that was busy for a second nobody had to wait for them. */
	do {
		claims = claim_over_restart();
		daemon_cleanup(NULL);
	} while (claims.late && --tries);
	if (claims.late)
		skip_because("the machine is too busy to come back in a second");
	assert_int_equal(claims.first, 0);
	assert_int_equal(claims.second, -EBUSY);
	assert_int_equal(claims.newcomer, -EBUSY);
}

/*
 * What is not configured any more is nobody's in the end, also if that is read while
 * somebody is held back who waits to claim it, and does not wait to the end.
 */
static void old_claims_keep_nothing_configured(void **state)
{
	static const char *const arguments[] = { "--simulate", "16M", NULL };
	struct restarting scene = { .daemon = daemon_prepare() };
	struct session holder, first, second;

	(void)state;
	configure_film(&scene, "4M");
	scene.supervisor = supervisor_start(scene.daemon, arguments);
	supervisor_wait_ready(scene.supervisor);
	holder = session_new(scene.daemon);
	await_reserved(&holder, 4 * MIB);
	first = session_new(scene.daemon);
	session_ask_buffer(&first, REGION_BYTES, CARVE_WIRE_FOREVER);
	await_waiting(&holder, 1);
	supervisor_kill(scene.supervisor);
	session_go_on(&holder);
	/* The first one does not come back. */
	second = session_new(scene.daemon);
	claim(&second, CARVE_WIRE_FOREVER, ++second.id);
	daemon_configure(scene.daemon, "");
	supervisor_signal(scene.supervisor, SIGHUP);
	sleep_ms(HOLD_MS / 5);
	session_free(&second);
	await_reserved(&holder, 0);
	session_free(&first);
	session_free(&holder);
	restarting_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(watchers_still_hear),
		DAEMON_TEST(old_places_count),
		DAEMON_TEST(newcomers_are_held_back),
		DAEMON_TEST(newcomers_are_not_held_back_for_long),
		DAEMON_TEST(deadlines_go_on),
		DAEMON_TEST(old_claims_come_first),
		DAEMON_TEST(old_claims_keep_nothing_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
