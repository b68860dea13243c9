// SPDX-License-Identifier: MIT
/*
 * How many connections of one user the service manager is asked to keep: so many, and
 * not for so long. What it takes is its own time, and no clock of this process's
 * tells it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard.h"
#include "session.h"
#include "store.h"

/* Users that no machine has. */
#define OF_SLOW		65531
#define OF_QUICK	65532

/* Far more than anybody may have kept at once. */
#define MANY		5000

/* What the clock says, and how much later it is whenever something was kept. */
static uint64_t now_usec = 1000000000;
static uint64_t keeping_usec;

/* These two take the place of the system's, for the daemon's parts, too. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, ret);
	ret->tv_sec = (time_t)(now_usec / 1000000);
	ret->tv_nsec = (long)(now_usec % 1000000) * 1000;
	return 0;
}

int sd_pid_notify_with_fds(pid_t pid, int unset, const char *text, const int *fds,
			   unsigned int count)
{
	(void)pid;
	(void)unset;
	(void)fds;
	assert_int_equal(count, 1);
	assert_non_null(strstr(text, "FDSTORE=1"));
	now_usec += keeping_usec;
	return 1;
}

/* Somebody says HELLO. Return: is the connection kept? */
static bool is_kept(uid_t uid)
{
	struct carve_store store = { .there = true };
	struct carve_service service = { .store = &store };
	struct carve_client client = {
		.service = &service,
		.fd = STDIN_FILENO,
		.who = { .uid = uid, .pid = getpid() },
	};

	assert_int_equal(carve_session_begin(&client), 0);
	return client.stored;
}

/* Where it takes long, those who come once would be those who pay for it. */
static void a_slow_service_manager_keeps_as_many(void **state)
{
	(void)state;
	keeping_usec = 100000;
	for (int i = 0; i < 100; i++)
		assert_true(is_kept(OF_SLOW));
}

/* And where it takes no time at all, coming and going is work for it. */
static void a_quick_one_is_not_flooded(void **state)
{
	int count = 0;

	(void)state;
	keeping_usec = 0;
	while (count < MANY && is_kept(OF_QUICK))
		count++;
	print_message("# %d at once\n", count);
	assert_in_range(count, 100, MANY / 10);
	/* It comes back with time, and the others never lost it. */
	assert_true(is_kept(OF_SLOW));
	assert_false(is_kept(OF_QUICK));
	now_usec += 1000000;
	for (int i = 0; i < 100; i++)
		assert_true(is_kept(OF_QUICK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_service_manager_keeps_as_many),
		cmocka_unit_test(a_quick_one_is_not_flooded),
	};

	if (carve_guard_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
