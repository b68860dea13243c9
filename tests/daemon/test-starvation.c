// SPDX-License-Identifier: MIT
/*
 * Small requests do not starve a big one that waits, and a big one that waits
 * does not freeze the region for them.
 */
#include "waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAMS		6
#define OTHER_USER	65100
#define FILL_MAX	64

/* As in daemon/window.h. */
#define EARMARK_MS	5000

/* ---- a stream of small ones against a big one ------------------------------ */

struct stream {
	const struct daemon *daemon;
	_Atomic bool *stop;
	_Atomic uint64_t *given_back;
	unsigned int seed;
	pthread_t thread;
};

/* A few buffers at a time, each for some milliseconds, and never none. */
static void *run_stream(void *data)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffers[6] = { NULL };
	struct stream *stream = data;
	struct carve *carve = client_new(stream->daemon);
	int i;

	request.bytes = 1 * MIB;
	request.timeout_nsec = 50 * MSEC;
	while (!*stream->stop) {
		i = (int)(rand_r(&stream->seed) % 6);
		if (buffers[i])
			*stream->given_back += carve_buffer_get_bytes(buffers[i]);
		buffers[i] = carve_buffer_unref(buffers[i]);
		if (carve_alloc(carve, &request, &buffers[i]) < 0)
			buffers[i] = NULL;
		usleep(1000 + (useconds_t)(rand_r(&stream->seed) % 3000));
	}
	for (i = 0; i < 6; i++)
		carve_buffer_unref(buffers[i]);
	carve_free(carve);
	return NULL;
}

static void test_small_ones_do_not_starve_a_big_one(void **state)
{
	_Atomic uint64_t given_back = 0;
	_Atomic bool stop = false;
	struct stream streams[STREAMS];
	struct waiter waiter;
	struct daemon *daemon;
	struct carve *carve;
	uint64_t before;
	int i, round;

	(void)state;
	daemon = daemon_start("--simulate", "32M", NULL);
	carve = client_new(daemon);
	for (i = 0; i < STREAMS; i++) {
		streams[i] = (struct stream){
			.daemon = daemon, .stop = &stop, .seed = (unsigned int)i,
			.given_back = &given_back,
		};
		assert_int_equal(pthread_create(&streams[i].thread, NULL,
						run_stream, &streams[i]), 0);
	}
	for (int64_t end = patient_ms() + PATIENCE * 1000;
	     client_region(carve).live_bytes < 24 * MIB; sleep_ms(1))
		assert_true(patient_ms() < end);
	for (round = 0; round < 5; round++) {
		before = given_back;
		waiter_start(&waiter, daemon, 24 * MIB,
			     PATIENCE * 1000 * MSEC);
		waiter_expect(&waiter, 0);
		print_message("# 24 MiB after %.1f times as much came back, %lld ms\n",
			      (double)(given_back - before) / (24.0 * MIB),
			      (long long)waiter.took_ms);
		/* Each buffer of a stream comes back within a few dozen others. */
		assert_true(given_back - before < 50 * 24 * MIB);
		sleep_ms(20);
	}
	stop = true;
	for (i = 0; i < STREAMS; i++)
		pthread_join(streams[i].thread, NULL);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- a big one against small ones ------------------------------------------ */

static unsigned int fill(struct carve *carve, struct carve_buffer **buffers)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	unsigned int count = 0;

	request.bytes = 1 * MIB;
	while (count < FILL_MAX &&
	       carve_alloc(carve, &request, &buffers[count]) == 0)
		count++;
	return count;
}

static void drop(struct carve_buffer **buffers, unsigned int count)
{
	while (count)
		carve_buffer_unref(buffers[--count]);
}

static struct carve *client_of(const struct daemon *daemon, uid_t uid)
{
	struct carve *carve;

	assert_int_equal(seteuid(uid), 0);
	carve = client_new(daemon);
	assert_int_equal(seteuid(0), 0);
	return carve;
}

/*
 * Of 32 MiB, 8 are held: those from 4 MiB on. Whoever wants 24 MiB has to wait for
 * half of them; small ones may have what is left beside its window, 4 MiB, or all
 * 24 MiB that are free.
 */
struct scene {
	struct daemon *daemon;
	struct carve *root;
	struct carve *other;
	struct carve_buffer *held[2];
	struct waiter waiter;
};

static uint64_t offset_of(struct carve *root, const struct carve_buffer *buffer)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;

	assert_int_equal(carve_query(root, carve_buffer_get_fd(buffer), &info), 0);
	assert_true(info.flags & CARVE_BUFFER_OFFSET_KNOWN);
	return info.offset;
}

/* Whatever the policy is: fill all, and keep what lies right. */
static void hold(struct scene *scene, struct carve *carve)
{
	struct carve_buffer *buffers[8];
	int i;

	for (i = 0; i < 8; i++)
		buffers[i] = client_alloc(carve, 4 * MIB, NULL);
	for (i = 0; i < 8; i++) {
		uint64_t offset = offset_of(scene->root, buffers[i]);

		if (offset == 4 * MIB || offset == 8 * MIB)
			scene->held[offset / (4 * MIB) - 1] = buffers[i];
		else
			carve_buffer_unref(buffers[i]);
	}
}

static void scene_start(struct scene *scene, const char *config, bool other_holds)
{
	scene->daemon = daemon_prepare();
	if (config)
		daemon_configure(scene->daemon, config);
	daemon_start_again(scene->daemon,
			   (const char *[]){ "--simulate", "32M", NULL });
	assert_int_equal(chmod(scene->daemon->socket, 0666), 0);
	scene->root = client_new(scene->daemon);
	scene->other = client_of(scene->daemon, OTHER_USER);
	hold(scene, other_holds ? scene->other : scene->root);
	assert_live_becomes(scene->root, 8 * MIB);
}

static void scene_wait(struct scene *scene, uint64_t timeout_nsec)
{
	waiter_start(&scene->waiter, scene->daemon, 24 * MIB, timeout_nsec);
	assert_waiting_becomes(scene->root, 1);
}

static void scene_end(struct scene *scene)
{
	carve_buffer_unref(scene->held[0]);
	carve_buffer_unref(scene->held[1]);
	waiter_expect(&scene->waiter, 0);
	assert_all_clean(scene->root);
	carve_free(scene->other);
	carve_free(scene->root);
	daemon_stop(scene->daemon);
}

/* As soon as its earmark comes or goes; it does so every EARMARK_MS. */
static void assert_fill_becomes(struct scene *scene, unsigned int count)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct carve_buffer *buffers[FILL_MAX];
	unsigned int filled;

	do {
		filled = fill(scene->root, buffers);
		drop(buffers, filled);
		assert_live_becomes(scene->root, 8 * MIB);
		if (patient_ms() > end)
			fail_msg("%u fit, and not %u", filled, count);
		sleep_ms(20);
	} while (filled != count);
}

static void test_an_earmark_expires(void **state)
{
	struct carve_buffer *buffers[FILL_MAX];
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer *buffer;
	struct scene scene;
	unsigned int count;
	int64_t begin;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	scene_start(&scene, NULL, true);
	begin = now_ms();
	scene_wait(&scene, 4 * PATIENCE * 1000 * MSEC);
	count = fill(scene.root, buffers);
	assert_int_equal(count, 4);
	/* The numbers alone would say that there is room. */
	request.bytes = 1 * MIB;
	assert_int_equal(carve_alloc_many(scene.other, &request, 1, &buffer,
					  &refusal), -ENOSPC);
	assert_int_equal(refusal.reason, CARVE_REFUSED_EARMARKED);
	assert_int_equal(refusal.free_bytes, 20 * MIB);
	drop(buffers, count);
	assert_live_becomes(scene.root, 8 * MIB);

	assert_fill_becomes(&scene, 24);
	assert_true(now_ms() - begin >= EARMARK_MS);
	/* After as long a rest it has another one. */
	assert_fill_becomes(&scene, 4);
	assert_true(now_ms() - begin >= 2 * EARMARK_MS);
	scene_end(&scene);
}

/* Neither cancelling and asking again, nor another request, makes it longer. */
static void test_asking_again_is_no_trick(void **state)
{
	struct carve_buffer *buffers[FILL_MAX];
	struct scene scene;
	unsigned int count;
	int64_t end;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	scene_start(&scene, NULL, true);
	end = patient_ms() + PATIENCE * 1000;
	do {
		scene_wait(&scene, PATIENCE * 1000 * MSEC);
		sleep_ms(100);
		count = fill(scene.other, buffers);
		drop(buffers, count);
		if (count > 4)
			break;
		assert_int_equal(count, 4);
		carve_cancel(scene.waiter.carve);
		waiter_expect(&scene.waiter, -ECANCELED);
		assert_live_becomes(scene.root, 8 * MIB);
	} while (patient_ms() < end);
	assert_int_equal(count, 24);
	scene_end(&scene);
}

static void expect_fill(bool other_holds, uint64_t timeout_nsec,
			const char *config, bool other_fills, unsigned int count)
{
	struct carve_buffer *buffers[FILL_MAX];
	struct scene scene;
	unsigned int filled;

	scene_start(&scene, config, other_holds);
	scene_wait(&scene, timeout_nsec);
	filled = fill(other_fills ? scene.other : scene.root, buffers);
	drop(buffers, filled);
	assert_int_equal(filled, count);
	scene_end(&scene);
}

/* Without a deadline for others' buffers: nothing; for its own: something. */
static void test_without_end_nothing_is_earmarked(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	expect_fill(true, CARVE_FOREVER, NULL, false, 24);
	expect_fill(false, CARVE_FOREVER, NULL, false, 4);
	expect_fill(true, PATIENCE * 1000 * MSEC, NULL, true, 4);
}

/* What is beyond all clocks is no deadline. */
static void test_a_deadline_in_no_lifetime(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	expect_fill(true, UINT64_MAX - 1, NULL, false, 24);
	expect_fill(true, INT64_MAX + 1ULL, NULL, false, 24);
}

static void test_higher_priority_ignores_it(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	expect_fill(true, PATIENCE * 1000 * MSEC,
		    "[rule first]\nuid=65100\npriority=1\n", true, 24);
	expect_fill(true, PATIENCE * 1000 * MSEC,
		    "[rule last]\nuid=65100\npriority=-1\n", true, 4);
}

/* Of several that wait, the one of the highest priority first. */
static void test_priority_goes_before_age(void **state)
{
	struct carve_buffer *held;
	struct waiter old, young;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_prepare();
	daemon_configure(daemon, "[rule first]\nuid=65100\npriority=7\n");
	daemon_start_again(daemon, (const char *[]){ "--simulate", "32M", NULL });
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	carve = client_new(daemon);
	held = client_alloc(carve, 32 * MIB, NULL);
	waiter_start(&old, daemon, 32 * MIB, PATIENCE * 1000 * MSEC);
	assert_waiting_becomes(carve, 1);
	assert_int_equal(seteuid(65100), 0);
	waiter_start(&young, daemon, 32 * MIB, PATIENCE * 1000 * MSEC);
	assert_waiting_becomes(carve, 2);
	assert_int_equal(seteuid(0), 0);
	carve_buffer_unref(held);
	assert_int_equal(waiter_join(&young), 0);
	assert_false(old.finished);
	carve_buffer_unref(young.buffers[0]);
	waiter_expect(&old, 0);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* What its own limit forbids earmarks nothing, and is served when that allows. */
static void test_a_quota_earmarks_nothing(void **state)
{
	struct carve_buffer *held, *buffers[FILL_MAX];
	struct carve *carve, *other;
	struct waiter waiter;
	struct daemon *daemon;
	unsigned int count;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_prepare();
	daemon_configure(daemon, "[rule little]\nuid=65100\nmax-bytes=20M\n");
	daemon_start_again(daemon, (const char *[]){ "--simulate", "32M", NULL });
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	carve = client_new(daemon);
	other = client_of(daemon, OTHER_USER);
	held = client_alloc(other, 8 * MIB, NULL);
	assert_int_equal(seteuid(OTHER_USER), 0);
	waiter_start(&waiter, daemon, 16 * MIB, PATIENCE * 1000 * MSEC);
	assert_int_equal(seteuid(0), 0);
	assert_waiting_becomes(carve, 1);
	count = fill(carve, buffers);
	assert_int_equal(count, 24);
	drop(buffers, count);
	assert_live_becomes(carve, 8 * MIB);
	assert_false(waiter.finished);
	carve_buffer_unref(held);
	waiter_expect(&waiter, 0);
	assert_all_clean(carve);
	carve_free(other);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_small_ones_do_not_starve_a_big_one),
		DAEMON_TEST(test_an_earmark_expires),
		DAEMON_TEST(test_asking_again_is_no_trick),
		DAEMON_TEST(test_without_end_nothing_is_earmarked),
		DAEMON_TEST(test_a_deadline_in_no_lifetime),
		DAEMON_TEST(test_higher_priority_ignores_it),
		DAEMON_TEST(test_priority_goes_before_age),
		DAEMON_TEST(test_a_quota_earmarks_nothing),
	};

	return cmocka_run_group_tests_name("starvation", tests, NULL, NULL);
}
