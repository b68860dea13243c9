// SPDX-License-Identifier: MIT
#include "standing.h"

#include <signal.h>

struct daemon *standing_start(const char *text)
{
	static const char *const arguments[] = { "--simulate", "8M", NULL };
	struct daemon *daemon = daemon_prepare();
	char own[512];

	snprintf(own, sizeof(own), text, (unsigned int)geteuid());
	daemon_configure(daemon, own);
	daemon_start_again(daemon, arguments);
	return daemon;
}

void standing_reload(struct daemon *daemon, const char *text)
{
	char own[512];

	snprintf(own, sizeof(own), text, (unsigned int)geteuid());
	daemon_configure(daemon, own);
	assert_int_equal(kill(daemon->pid, SIGHUP), 0);
	daemon_wait_ready(daemon);
}

struct carve_reservation_info standing_only_one(struct carve *carve)
{
	struct carve_reservations *list = reservations(carve, 1);
	struct carve_reservation_info info = *carve_reservations_get(list, 0);

	carve_reservations_free(list);
	return info;
}

static void *claim_and_wait(void *data)
{
	struct carve_reservation *reservation;
	struct daemon *daemon = data;
	struct carve *carve = client_new(daemon);
	int r = carve_reservation_claim(carve, "film", CARVE_FOREVER,
					&reservation);

	if (r == 0)
		carve_reservation_free(reservation);
	carve_free(carve);
	return (void *)(intptr_t)r;
}

pthread_t standing_claim_later(struct daemon *daemon)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, claim_and_wait, daemon), 0);
	return thread;
}

int standing_claimed(pthread_t thread)
{
	return (int)(intptr_t)join_soon(thread);
}
