// SPDX-License-Identifier: MIT
/*
 * Whom a refusal names: the largest holders, and the smallest set of them that is
 * in the way, compared with every set there is. Needs root, to be several users.
 */
#include "reserving.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USERS		5
#define FIRST_USER	65100
#define BUFFERS		40
#define REGION		(64 * PAGE)

static struct carve *client_of(const struct daemon *daemon, uid_t uid)
{
	struct carve *carve;

	assert_int_equal(seteuid(uid), 0);
	carve = client_new(daemon);
	assert_int_equal(seteuid(0), 0);
	return carve;
}

static struct carve_buffer *try_alloc(struct carve *carve, uint64_t bytes)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer = NULL;

	request.bytes = bytes;
	carve_alloc(carve, &request, &buffer);
	return buffer;
}

static int refused(struct carve *carve, uint64_t bytes,
		   struct carve_refusal *refusal)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer = NULL;
	int r;

	request.bytes = bytes;
	*refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	r = carve_alloc_many(carve, &request, 1, &buffer, refusal);
	carve_buffer_unref(buffer);
	return r;
}

/* ---- the naive twin: who has which page, and every set of users ------------- */

static void read_pages(struct carve *root, int *pages)
{
	struct carve_buffers *list;
	const struct carve_buffer_info *info;
	uint64_t i, page;

	for (i = 0; i < REGION / PAGE; i++)
		pages[i] = -1;
	assert_int_equal(carve_buffers_new(root, &list), 0);
	for (i = 0; (info = carve_buffers_get(list, i)); i++) {
		if (info->flags & CARVE_BUFFER_DIRTY)
			continue;
		assert_true(info->flags & CARVE_BUFFER_OFFSET_KNOWN);
		for (page = 0; page < info->bytes / PAGE; page++)
			pages[info->offset / PAGE + page] = (int)info->uid - FIRST_USER;
	}
	carve_buffers_free(list);
}

static bool fits_without(const int *pages, unsigned int gone, uint64_t wanted)
{
	uint64_t i, run = 0;

	for (i = 0; i < REGION / PAGE; i++) {
		run = pages[i] < 0 || gone & 1U << pages[i] ? run + 1 : 0;
		if (run == wanted)
			return true;
	}
	return false;
}

static int smallest_set(const int *pages, uint64_t wanted)
{
	int least = USERS;
	unsigned int set;

	for (set = 0; set < 1U << USERS; set++)
		if (__builtin_popcount(set) < least && fits_without(pages, set, wanted))
			least = __builtin_popcount(set);
	return least;
}

static void check_holders(struct carve *root, const struct carve_refusal *refusal,
			  uint64_t wanted)
{
	uint64_t used[USERS] = { 0 }, last = UINT64_MAX;
	int pages[64], needed = 0;
	unsigned int set = 0, users = 0, i;

	read_pages(root, pages);
	for (i = 0; i < REGION / PAGE; i++)
		if (pages[i] >= 0)
			used[pages[i]] += PAGE;
	for (i = 0; i < USERS; i++)
		users += used[i] != 0;
	assert_int_equal(refusal->holder_count, users);
	for (i = 0; i < refusal->holder_count; i++) {
		const struct carve_holder *holder = &refusal->holders[i];

		assert_true(holder->flags & CARVE_HOLDER_KNOWN);
		assert_int_equal(holder->flags & CARVE_HOLDER_SELF, 0);
		assert_in_range(holder->uid, FIRST_USER, FIRST_USER + USERS - 1);
		assert_int_equal(holder->bytes, used[holder->uid - FIRST_USER]);
		assert_true(holder->buffers > 0);
		assert_true(holder->bytes <= last);
		last = holder->bytes;
		if (holder->flags & CARVE_HOLDER_NEEDED) {
			set |= 1U << (holder->uid - FIRST_USER);
			needed++;
		}
	}
	assert_true(fits_without(pages, set, wanted));
	assert_int_equal(needed, smallest_set(pages, wanted));
}

static void test_names_the_smallest_set(void **state)
{
	struct carve *users[USERS], *root;
	struct carve_buffer *buffers[BUFFERS] = { 0 };
	struct carve_refusal refusal;
	unsigned int i, round, refusals = 0;
	struct daemon *daemon;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "256K", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	assert_int_equal(REGION, 256 * KIB);
	root = client_new(daemon);
	for (i = 0; i < USERS; i++)
		users[i] = client_of(daemon, FIRST_USER + i);
	srand(1);
	for (round = 0; round < 150; round++) {
		uint64_t wanted = 2 + (uint64_t)rand() % 40;

		for (i = 0; i < BUFFERS; i++) {
			buffers[i] = rand() % 3 ? buffers[i] :
				     carve_buffer_unref(buffers[i]);
			if (!buffers[i])
				buffers[i] = try_alloc(users[rand() % USERS],
						       (1 + (uint64_t)rand() % 4) * PAGE);
		}
		for (i = 0; i < BUFFERS; i += 1 + (unsigned int)rand() % 3)
			buffers[i] = carve_buffer_unref(buffers[i]);
		if (refused(root, wanted * PAGE, &refusal) != -ENOSPC)
			continue;
		refusals++;
		assert_int_equal(refusal.reason, CARVE_REFUSED_SPACE);
		check_holders(root, &refusal, wanted);
	}
	assert_true(refusals > 50);
	print_message("# %u refusals\n", refusals);
	for (i = 0; i < BUFFERS; i++)
		carve_buffer_unref(buffers[i]);
	for (i = 0; i < USERS; i++)
		carve_free(users[i]);
	assert_all_clean(root);
	carve_free(root);
	daemon_stop(daemon);
}

/* Others are numbers without names, and oneself is known. */
static void test_names_are_not_for_everybody(void **state)
{
	struct carve_buffer *large, *small, *roots;
	struct carve *users[2], *root;
	struct carve_refusal refusal;
	struct daemon *daemon;
	char *log;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "16M", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	root = client_new(daemon);
	users[0] = client_of(daemon, FIRST_USER);
	users[1] = client_of(daemon, FIRST_USER + 1);
	large = client_alloc(users[0], 12 * MIB, NULL);
	small = client_alloc(users[1], 3 * MIB, NULL);
	roots = client_alloc(root, 1 * MIB, NULL);
	assert_int_equal(refused(users[1], 8 * MIB, &refusal), -ENOSPC);
	assert_int_equal(refusal.holder_count, 3);
	assert_int_equal(refusal.holders[0].flags, CARVE_HOLDER_NEEDED);
	assert_int_equal(refusal.holders[0].uid, 0);
	assert_int_equal(refusal.holders[0].bytes, 12 * MIB);
	assert_int_equal(refusal.holders[0].buffers, 1);
	assert_string_equal(refusal.holders[0].unit, "");
	assert_int_equal(refusal.holders[1].flags,
			 CARVE_HOLDER_KNOWN | CARVE_HOLDER_SELF);
	assert_int_equal(refusal.holders[1].uid, FIRST_USER + 1);
	assert_int_equal(refusal.holders[2].flags, 0);
	assert_int_equal(refusal.holders[2].uid, 0);
	assert_int_equal(refusal.holders[2].bytes, 1 * MIB);
	/* The journal may know. */
	log = daemon_read_log(daemon);
	assert_non_null(strstr(log, "in the way of uid 65101 pid "));
	assert_non_null(strstr(log, ": uid 65100 (12582912 bytes in 1 buffers)\n"));
	free(log);
	carve_buffer_unref(large);
	carve_buffer_unref(small);
	carve_buffer_unref(roots);
	carve_free(users[0]);
	carve_free(users[1]);
	carve_free(root);
	daemon_stop(daemon);
}

/* Reserved memory counts once, whatever is in it. */
static void test_reservations_are_somebodys(void **state)
{
	struct carve_class class = CARVE_CLASS_INIT;
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation, *other;
	struct carve_refusal refusal;
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	class.count = 3;
	class.bytes = 4 * MIB;
	profile.class_count = 1;
	profile.classes = &class;
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL), 0);
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0, &buffer), 0);
	assert_int_equal(refused(carve, 8 * MIB, &refusal), -ENOSPC);
	assert_int_equal(refusal.holder_count, 1);
	assert_int_equal(refusal.holders[0].flags, CARVE_HOLDER_KNOWN |
			 CARVE_HOLDER_SELF | CARVE_HOLDER_NEEDED);
	assert_int_equal(refusal.holders[0].bytes, 12 * MIB);
	assert_int_equal(refusal.reserved_bytes, 8 * MIB);
	assert_int_equal(refusal.live_bytes, 4 * MIB);
	/* A reservation is refused in the same way. */
	refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	class.count = 2;
	assert_int_equal(carve_reserve(carve, &profile, &other, &refusal), -ENOSPC);
	assert_int_equal(refusal.holder_count, 1);
	assert_true(refusal.holders[0].flags & CARVE_HOLDER_NEEDED);
	carve_buffer_unref(buffer);
	carve_reservation_free(reservation);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- how often ---------------------------------------------------------------- */

#define SLOTS		1024U
#define MANY		16

static bool says_who_is_in_the_way(struct carve *carve)
{
	struct carve_refusal refusal;

	assert_int_equal(refused(carve, SLOTS * PAGE, &refusal), -ENOSPC);
	assert_int_equal(refusal.reason, CARVE_REFUSED_SPACE);
	/* Who has the most is told in any case. */
	assert_int_equal(refusal.holder_count, 1);
	assert_int_equal(refusal.holders[0].bytes, MANY * SLOTS * PAGE);
	return refusal.holders[0].flags & CARVE_HOLDER_NEEDED;
}

/* Whoever asks without end is told less, and nobody else is. */
static void test_asking_without_end(void **state)
{
	/* A region full of single pages: as much as is looked at. */
	const struct carve_class class = CLASS(PAGE, 0, SLOTS);
	struct carve_reservation *reservations[MANY];
	struct carve *user, *other, *root;
	struct daemon *daemon;
	unsigned int told = 0;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "64M", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	root = client_new(daemon);
	user = client_of(daemon, FIRST_USER);
	other = client_of(daemon, FIRST_USER + 1);
	for (size_t i = 0; i < MANY; i++)
		reservations[i] = reserve(root, &class, 1);
	for (int64_t end = patient_ms() + PATIENCE * 1000;
	     says_who_is_in_the_way(user); told++)
		assert_true(patient_ms() < end);
	/* 50 ms, and what comes back meanwhile; each costs a part of one at least. */
	assert_in_range(told, 1, 1000);
	assert_true(says_who_is_in_the_way(other));
	sleep_ms(1100);
	assert_true(says_who_is_in_the_way(user));
	for (unsigned int i = 0; i < told; i++)
		assert_true(says_who_is_in_the_way(root));
	print_message("# told %u times\n", told);
	for (size_t i = 0; i < MANY; i++)
		carve_reservation_free(reservations[i]);
	carve_free(user);
	carve_free(other);
	carve_free(root);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_names_the_smallest_set),
		DAEMON_TEST(test_names_are_not_for_everybody),
		DAEMON_TEST(test_reservations_are_somebodys),
		DAEMON_TEST(test_asking_without_end),
	};

	return cmocka_run_group_tests_name("holders", tests, NULL, NULL);
}
