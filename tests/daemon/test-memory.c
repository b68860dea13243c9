// SPDX-License-Identifier: MIT
/*
 * A machine that has no memory left, as the daemon sees it: it is not given one
 * page more than it has when it is ready, and goes on answering.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CLIENTS		100
#define BUFFERS		20

/* A member of /proc/PID/status that is in kB. */
static uint64_t status_of(const struct daemon *daemon, const char *member)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, member, strlen(member)))
			sscanf(line + strlen(member), ": %llu", &kib);
	fclose(file);
	return kib * KIB;
}

static void set_limit(const struct daemon *daemon, int resource, uint64_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	assert_int_equal(prlimit(daemon->pid, resource, &limit, NULL), 0);
}

static struct carve *clients[CLIENTS];
static struct carve_buffer *buffers[CLIENTS][BUFFERS];

/* All come, take what they can carry, look at everything, and go. */
static void crowd(const struct daemon *daemon)
{
	struct carve_request requests[BUFFERS];
	struct carve_buffers *list;

	for (int i = 0; i < BUFFERS; i++)
		requests[i] = (struct carve_request){
			.struct_size = sizeof(requests[i]), .bytes = PAGE,
		};
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client_new(daemon);
		assert_int_equal(carve_alloc_many(clients[i], requests, BUFFERS,
						  buffers[i], NULL), 0);
	}
	assert_int_equal(carve_buffers_new(clients[0], &list), 0);
	assert_true(carve_buffers_count(list) >= CLIENTS * BUFFERS);
	carve_buffers_free(list);
	for (int i = 0; i < CLIENTS; i++)
		for (int j = 0; j < BUFFERS; j++)
			carve_buffer_unref(buffers[i][j]);
	assert_all_clean(clients[0]);
	for (int i = 0; i < CLIENTS; i++)
		carve_free(clients[i]);
}

static void test_no_page_more(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	struct carve *carve;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	carve = client_new(daemon);
	assert_all_clean(carve);
	carve_free(carve);
	set_limit(daemon, RLIMIT_AS, status_of(daemon, "VmSize"));
	set_limit(daemon, RLIMIT_DATA, status_of(daemon, "VmData"));
	for (int i = 0; i < 3; i++)
		crowd(daemon);
	daemon_stop(daemon);
}

/* Beyond what was prepared somebody is told so, and the others live on. */
static void test_too_many_for_it(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	struct carve_request request = CARVE_REQUEST_INIT;
	static struct carve_buffer *many[15000];
	struct carve *carve, *other;
	size_t count = 0;
	int r = 0;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	carve = client_new(daemon);
	assert_all_clean(carve);
	other = client_new(daemon);
	set_limit(daemon, RLIMIT_AS, status_of(daemon, "VmSize"));
	set_limit(daemon, RLIMIT_DATA, status_of(daemon, "VmData"));
	request.bytes = 1;
	while (r == 0 && count < 15000) {
		r = carve_alloc(carve, &request, &many[count]);
		count += r == 0;
	}
	assert_int_equal(r, -ENOMEM);
	assert_true(count > CLIENTS * BUFFERS);
	/* It is told again, and so is another one, who may still look. */
	assert_int_equal(carve_alloc(other, &request, &many[count]), -ENOMEM);
	assert_int_equal(client_region(other).buffers, count);
	for (int i = 0; i < 100; i++)
		carve_buffer_unref(many[--count]);
	assert_live_becomes(other, count * PAGE);
	assert_int_equal(carve_alloc(other, &request, &many[count]), 0);
	carve_buffer_unref(many[count]);
	while (count)
		carve_buffer_unref(many[--count]);
	assert_all_clean(other);
	carve_free(carve);
	carve_free(other);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_no_page_more),
		DAEMON_TEST(test_too_many_for_it),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
