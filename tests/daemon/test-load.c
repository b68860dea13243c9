// SPDX-License-Identifier: MIT
/*
 * Much of everything: nothing is lost and nothing is left over.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CYCLES	100000
#define CLIENTS	500

/* Buffers of many sizes, several at a time, and none at the end. */
static void test_hundred_thousand_cycles(void **state)
{
	struct carve_buffer *buffers[16] = { NULL };
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
	int i, slot;

	(void)state;
	daemon = daemon_start("--simulate", "4M", NULL);
	carve = client_new(daemon);
	assert_all_clean(carve);
	fds = daemon_fds(daemon);
	for (i = 0; i < CYCLES; i++) {
		slot = i * 7 % 16;
		carve_buffer_unref(buffers[slot]);
		buffers[slot] = client_alloc(carve, (uint64_t)(i % 31 + 1) * PAGE, "cycle");
	}
	for (slot = 0; slot < 16; slot++)
		carve_buffer_unref(buffers[slot]);
	assert_all_clean(carve);
	assert_fds_become(daemon, fds);
	carve_free(carve);
	daemon_stop(daemon);
}

/* How many it says it has descriptors for. */
static int clients_allowed(const struct daemon *daemon)
{
	char *log = daemon_read_log(daemon);
	const char *said = strstr(log, "ready for ");
	int count = said ? atoi(said + strlen("ready for ")) : 0;

	free(log);
	return count;
}

/* One buffer each, all at once; then all are gone at once. */
static void use_clients(struct daemon *daemon, struct carve *carve, int count)
{
	static struct carve *clients[CLIENTS];
	static struct carve_buffer *buffers[CLIENTS];
	struct carve_region_info info;
	struct carve_buffers *list;
	int i;

	for (i = 0; i < count; i++)
		clients[i] = client_new(daemon);
	for (i = 0; i < count; i++)
		buffers[i] = client_alloc(clients[i], 8 * PAGE, "one of many");
	info = client_region(carve);
	assert_int_equal(info.clients, count + 1);
	assert_int_equal(info.buffers, count);
	assert_int_equal(info.live_bytes, (uint64_t)count * 8 * PAGE);
	/* A list of many replies. */
	assert_int_equal(carve_buffers_new(carve, &list), 0);
	assert_int_equal(carve_buffers_count(list), count);
	carve_buffers_free(list);
	for (i = 0; i < count; i++) {
		carve_free(clients[i]);
		carve_buffer_unref(buffers[i]);
	}
}

static void test_five_hundred_clients(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	struct rlimit files;
	unsigned int fds;
	int count;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	fds = daemon_fds(daemon);
	count = clients_allowed(daemon) - 1;
	assert_true(count > 0);
	if (count > CLIENTS)
		count = CLIENTS;
	use_clients(daemon, carve, count);
	assert_all_clean(carve);
	assert_fds_become(daemon, fds);
	assert_int_equal(client_region(carve).clients, 1);
	carve_free(carve);
	daemon_stop(daemon);
	if (count < CLIENTS) {
		print_message("# skipped: done with %d clients; the limit of %llu "
			      "descriptors here does not allow %d\n", count,
			      (unsigned long long)files.rlim_max, CLIENTS);
		skip();
	}
}

static void test_too_many_clients(void **state)
{
	uint64_t patience = carve_patience_nsec;
	struct carve *first, *second, *third = NULL;
	struct daemon *daemon;
	int r;

	(void)state;
	daemon = daemon_start("--simulate", "1M", "--max-clients", "2", NULL);
	first = client_new(daemon);
	second = client_new(daemon);
	carve_patience_nsec = 100000000;
	r = carve_new(&third, daemon->socket);
	assert_int_equal(r, -ECONNRESET);
	carve_free(second);
	/* The daemon needs a moment to see that the place is free. */
	carve_patience_nsec = patience;
	r = carve_new(&third, daemon->socket);
	assert_int_equal(r, 0);
	carve_buffer_unref(client_alloc(third, PAGE, NULL));
	carve_free(third);
	carve_free(first);
	daemon_stop(daemon);
}

/* ---- at the same time ---------------------------------------------------- */

#define WORKERS 8

static int worker(void *data)
{
	struct carve_request requests[4] = {
		CARVE_REQUEST_INIT, CARVE_REQUEST_INIT,
		CARVE_REQUEST_INIT, CARVE_REQUEST_INIT,
	};
	struct daemon *daemon = data;
	struct carve_buffer *buffers[4];
	struct carve *carve;
	uint64_t *map;
	int i, j, r;

	for (i = 0; i < 200; i++) {
		CHILD_CHECK(carve_new(&carve, daemon->socket) == 0);
		for (j = 0; j < 4; j++)
			requests[j].bytes = (uint64_t)(j + 1) * PAGE;
		r = carve_alloc_many(carve, requests, 4, buffers, NULL);
		CHILD_CHECK(r == 0);
		for (j = 0; j < 4; j++) {
			CHILD_CHECK(carve_buffer_map(buffers[j], (void **)&map) == 0);
			CHILD_CHECK(map[0] == 0 && map[PAGE / 8 - 1] == 0);
			map[0] = (uint64_t)getpid();
		}
		for (j = 0; j < 4; j++) {
			CHILD_CHECK(carve_buffer_map(buffers[j], (void **)&map) == 0);
			CHILD_CHECK(map[0] == (uint64_t)getpid());
		}
		/* Every third leaves without a word, as a crash does. */
		if (i % 3 == 0 && i > 100)
			_exit(0);
		for (j = 0; j < 4; j++)
			carve_buffer_unref(buffers[j]);
		carve_free(carve);
	}
	return 0;
}

static void test_many_at_once(void **state)
{
	pid_t workers[WORKERS];
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
	int i;

	(void)state;
	daemon = daemon_start("--simulate", "1M", NULL);
	carve = client_new(daemon);
	fds = daemon_fds(daemon);
	for (i = 0; i < WORKERS; i++)
		workers[i] = child_start(worker, daemon);
	for (i = 0; i < WORKERS; i++)
		child_expect(workers[i], 0);
	assert_all_clean(carve);
	assert_fds_become(daemon, fds);
	carve_free(carve);
	daemon_stop(daemon);
}

/* An idle daemon sleeps: its threads are not run at all. */
static unsigned long switches(const struct daemon *daemon)
{
	char path[64], line[256];
	unsigned long sum = 0, n;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			sum += n;
	fclose(file);
	return sum;
}

static void test_idle_daemon_sleeps(void **state)
{
	struct daemon *daemon;
	struct carve *carve;
	struct carve_buffer *buffer;
	unsigned long before;
	int64_t end;

	(void)state;
	daemon = daemon_start("--simulate", "1M", NULL);
	carve = client_new(daemon);
	buffer = client_alloc(carve, PAGE, NULL);
	/* The status line is brought up to date a second later. */
	end = patient_ms() + PATIENCE * 1000;
	do {
		assert_true(patient_ms() < end);
		before = switches(daemon);
		patient_poll(NULL, 0, 2500);
	} while (switches(daemon) != before);
	sleep_ms(3000);
	assert_int_equal(switches(daemon), before);
	carve_buffer_unref(buffer);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_hundred_thousand_cycles),
		DAEMON_TEST(test_five_hundred_clients),
		DAEMON_TEST(test_too_many_clients),
		DAEMON_TEST(test_many_at_once),
		DAEMON_TEST(test_idle_daemon_sleeps),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
