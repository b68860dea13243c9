// SPDX-License-Identifier: MIT
/*
 * The unit's MemoryMax= is enough for everything that the daemon's limits allow:
 * it would be killed otherwise. And it is no more than that calls for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "client.h"
#include "memory.h"
#include "reservation.h"
#include "service.h"
#include "setup.h"

#define UNIT	"systemd/carved.service.in"
#define KIB	1024ULL
#define MIB	(1024 * KIB)

/* What sd-event keeps for a source, and malloc() for a block, at most. */
#define SOURCE	320ULL
#define BLOCK	16ULL

/* Requests of one user that may wait; see queue.h. */
#define OF_USER_MAX	64

static uint64_t memory_max(void)
{
	unsigned long long mib = 0;
	char line[256];
	FILE *file = fopen(UNIT, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "MemoryMax=", strlen("MemoryMax=")))
			assert_int_equal(sscanf(line, "MemoryMax=%lluM\n", &mib), 1);
	fclose(file);
	assert_true(mib > 0);
	return mib * MIB;
}

static uint64_t all_that_is_allowed(void)
{
	return CARVE_MEMORY_BASE +
	       (uint64_t)CARVE_CLIENTS_DEFAULT * CARVE_MEMORY_CLIENT +
	       (uint64_t)CARVE_EXTENTS_MAX * CARVE_MEMORY_EXTENT +
	       (uint64_t)CARVE_EXTENTS_MAX * CARVE_MEMORY_RESERVATION +
	       CARVE_MEMORY_WAITING;
}

static void test_enough_but_not_more(void **state)
{
	(void)state;
	assert_in_range(memory_max(), all_that_is_allowed(),
			all_that_is_allowed() * 5 / 4);
}

/* The parts are what the structures take, with room for the kernel's share. */
static void test_parts(void **state)
{
	const uint64_t client = sizeof(struct carve_client) + 2 * SOURCE + BLOCK;
	const uint64_t request = sizeof(struct carve_exchange) +
				 CARVE_WIRE_MAX + 2 * BLOCK;
	/* The kernel doubles it, and takes one more packet as long as it is not full. */
	const uint64_t unread = 2 * CARVE_CLIENT_SEND_BYTES + CARVE_WIRE_MAX +
				KIB;
	const uint64_t record = sizeof(struct carve_slot_record) + BLOCK;
	const uint64_t reservation = sizeof(struct carve_reservation) + SOURCE +
				     BLOCK;

	(void)state;
	assert_in_range(client, 0, 3 * KIB / 2);
	assert_in_range(client + request + unread + 4 * KIB, 0,
			CARVE_MEMORY_CLIENT);
	assert_in_range(record + 2 * KIB, 0, CARVE_MEMORY_EXTENT);
	assert_in_range(reservation, 0, CARVE_MEMORY_RESERVATION);
	assert_in_range(OF_USER_MAX * CARVE_WIRE_SLOTS_MAX * record, 0,
			CARVE_MEMORY_WAITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enough_but_not_more),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
