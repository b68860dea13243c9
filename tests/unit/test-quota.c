// SPDX-License-Identifier: MIT
/*
 * Limits: whose memory they count, where they lie, and what is kept for
 * requests of high priority.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "carve.h"
#include "quota.h"

#define PAGE	4096ULL

/* One charge, as many buffers of one page each. */
static struct carve_charge *charge(struct carve_charges *charges, uid_t uid,
				   const char *unit, size_t buffers)
{
	struct carve_charge *charge = NULL;

	while (buffers--)
		assert_int_equal(carve_charges_add(charges, uid, unit, PAGE,
						   &charge), 0);
	return charge;
}

static void uncharge(struct carve_charges *charges)
{
	struct carve_charge *charge;

	while ((charge = LIST_FIRST(charges))) {
		while (charge->slot_buffers)
			carve_charge_leave_slot(charge, PAGE);
		if (charge->reserved)
			carve_charge_unreserve(charge, charge->reserved);
		while (LIST_FIRST(charges) == charge)
			carve_charge_remove(charge, PAGE);
	}
}

static struct carve_identity who_is(uid_t uid, const char *unit)
{
	return (struct carve_identity){ .uid = uid, .unit = unit };
}

static uint64_t use(const struct carve_charges *charges, uid_t uid,
		    const char *unit, enum carve_terms_scope scope)
{
	struct carve_identity who = who_is(uid, unit);
	struct carve_terms terms = carve_terms_default(uid);
	struct carve_use use;

	terms.scope = scope;
	use = carve_quota_use(charges, &who, &terms);
	assert_int_equal(use.bytes, use.buffers * PAGE);
	return use.buffers;
}

static void test_whose_memory_counts(void **state)
{
	struct carve_charges charges = LIST_HEAD_INITIALIZER(charges);

	(void)state;
	/* So that every sum says what is in it. */
	charge(&charges, 1, "a.service", 1);
	charge(&charges, 1, "b.service", 2);
	charge(&charges, 1, "", 4);
	charge(&charges, 2, "a.service", 8);
	charge(&charges, 2, "", 16);
	charge(&charges, 3, "c.service", 32);
	assert_int_equal(use(&charges, 1, "a.service", CARVE_TERMS_USER), 1 + 2 + 4);
	assert_int_equal(use(&charges, 1, "", CARVE_TERMS_USER), 1 + 2 + 4);
	assert_int_equal(use(&charges, 3, "a.service", CARVE_TERMS_USER), 32);
	assert_int_equal(use(&charges, 4, "a.service", CARVE_TERMS_USER), 0);
	assert_int_equal(use(&charges, 1, "a.service", CARVE_TERMS_UNIT), 1 + 8 + 4);
	assert_int_equal(use(&charges, 3, "a.service", CARVE_TERMS_UNIT), 1 + 8);
	assert_int_equal(use(&charges, 1, "a.service", CARVE_TERMS_USER_IN_UNIT), 1 + 4);
	assert_int_equal(use(&charges, 2, "a.service", CARVE_TERMS_USER_IN_UNIT), 8 + 16);
	/* Units that are not known are not all the same one. */
	assert_int_equal(use(&charges, 1, "", CARVE_TERMS_UNIT), 4);
	uncharge(&charges);
}

static void test_slots_do_not_count(void **state)
{
	struct carve_charges charges = LIST_HEAD_INITIALIZER(charges);
	struct carve_charge *mine = charge(&charges, 1, "", 5);
	struct carve_charge *same;

	(void)state;
	carve_charge_enter_slot(mine, PAGE);
	carve_charge_enter_slot(mine, PAGE);
	assert_int_equal(use(&charges, 1, "", CARVE_TERMS_USER), 3);
	assert_int_equal(carve_charges_bytes(&charges, 1), 5 * PAGE);
	carve_charge_leave_slot(mine, PAGE);
	assert_int_equal(use(&charges, 1, "", CARVE_TERMS_USER), 4);

	assert_int_equal(carve_charges_reserve(&charges, 1, "", 7 * PAGE, &same), 0);
	assert_ptr_equal(same, mine);
	assert_int_equal(use(&charges, 1, "", CARVE_TERMS_USER), 4);
	uncharge(&charges);
	assert_true(LIST_EMPTY(&charges));
}

/* A holder is gone with the last that it has, in whatever order. */
static void test_charges_end(void **state)
{
	struct carve_charges charges = LIST_HEAD_INITIALIZER(charges);
	struct carve_charge *mine;

	(void)state;
	assert_int_equal(carve_charges_reserve(&charges, 1, "", PAGE, &mine), 0);
	charge(&charges, 1, "", 1);
	carve_charge_unreserve(mine, PAGE);
	assert_int_equal(use(&charges, 1, "", CARVE_TERMS_USER), 1);
	carve_charge_remove(mine, PAGE);
	assert_true(LIST_EMPTY(&charges));
	mine = charge(&charges, 1, "", 1);
	assert_int_equal(carve_charges_reserve(&charges, 1, "", PAGE, &mine), 0);
	carve_charge_remove(mine, PAGE);
	assert_false(LIST_EMPTY(&charges));
	carve_charge_unreserve(mine, PAGE);
	assert_true(LIST_EMPTY(&charges));
}

static struct carve_wire_refusal refusal;

static int ask(const struct carve_charges *charges, const struct carve_terms *terms,
	       size_t count)
{
	static const struct carve_wish wishes[64] = { [0 ... 63] = { .bytes = PAGE } };
	struct carve_identity who = who_is(1, "");

	memset(&refusal, 0xff, sizeof(refusal));
	return carve_quota_buffers(charges, &who, terms, wishes, count, &refusal);
}

static void test_bytes_and_buffers(void **state)
{
	struct carve_charges charges = LIST_HEAD_INITIALIZER(charges);
	struct carve_terms terms = carve_terms_default(1);

	(void)state;
	charge(&charges, 1, "", 3);
	assert_int_equal(ask(&charges, &terms, 64), 0);
	terms.max_bytes = 10 * PAGE;
	assert_int_equal(ask(&charges, &terms, 7), 0);
	assert_int_equal(ask(&charges, &terms, 8), -EDQUOT);
	assert_int_equal(refusal.index, 7);
	assert_int_equal(refusal.reason, CARVE_REFUSED_BYTES);
	assert_int_equal(refusal.own_bytes, 3 * PAGE);
	assert_int_equal(refusal.own_limit, 10 * PAGE);
	terms.max_bytes = 10 * PAGE - 1;
	assert_int_equal(ask(&charges, &terms, 7), -EDQUOT);
	assert_int_equal(refusal.index, 6);

	terms.max_buffers = 5;
	assert_int_equal(ask(&charges, &terms, 2), 0);
	assert_int_equal(ask(&charges, &terms, 3), -EDQUOT);
	assert_int_equal(refusal.index, 2);
	assert_int_equal(refusal.reason, CARVE_REFUSED_BUFFERS);
	assert_int_equal(refusal.own_limit, 5);

	/* A rule that came later than what is there. */
	terms.max_buffers = 1;
	assert_int_equal(ask(&charges, &terms, 1), -EDQUOT);
	assert_int_equal(refusal.index, 0);
	terms = carve_terms_default(1);
	terms.max_bytes = 0;
	assert_int_equal(ask(&charges, &terms, 1), -EDQUOT);
	uncharge(&charges);
	assert_int_equal(ask(&charges, &terms, 1), -EDQUOT);
}

static void test_reserved(void **state)
{
	struct carve_charges charges = LIST_HEAD_INITIALIZER(charges);
	struct carve_terms terms = carve_terms_default(1);
	struct carve_identity who = who_is(1, "");
	struct carve_charge *mine;

	(void)state;
	terms.max_reserved = 10;
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 10, 0, &refusal), 0);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 11, 0, &refusal),
			 -EDQUOT);
	assert_int_equal(refusal.reason, CARVE_REFUSED_RESERVED);
	assert_int_equal(refusal.own_limit, 10);
	assert_int_equal(carve_charges_reserve(&charges, 1, "", 8, &mine), 0);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 3, 0, &refusal),
			 -EDQUOT);
	assert_int_equal(refusal.own_bytes, 8);
	/* What is given up for it does not count twice. */
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 10, 8, &refusal), 0);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 11, 8, &refusal),
			 -EDQUOT);
	/* A stricter rule takes nothing back. */
	terms.max_reserved = 1;
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 8, 8, &refusal), 0);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 9, 8, &refusal),
			 -EDQUOT);

	/* To fill a reservation, end it, and start again, gets nobody far. */
	terms = carve_terms_default(1);
	terms.max_bytes = PAGE;
	charge(&charges, 1, "", 1);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 1, 0, &refusal), 0);
	charge(&charges, 1, "", 1);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 1, 0, &refusal),
			 -EDQUOT);
	assert_int_equal(refusal.reason, CARVE_REFUSED_BYTES);
	/* Nor to change it for a smaller one each time: its buffers would stay. */
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 1, 2, &refusal),
			 -EDQUOT);
	assert_int_equal(carve_quota_reserve(&charges, &who, &terms, 0, 2, &refusal), 0);
	uncharge(&charges);
}

static void test_keep(void **state)
{
	static const struct carve_wish wishes[] = { { .bytes = 4 }, { .bytes = 6 } };
	struct carve_terms terms = carve_terms_default(1);
	struct carve_keep keep = { .bytes = 100, .priority = 50 };

	(void)state;
	assert_int_equal(carve_quota_keep(&keep, &terms, 110, wishes, 2, &refusal), 0);
	assert_int_equal(carve_quota_keep(&keep, &terms, 109, wishes, 2, &refusal),
			 -ENOSPC);
	assert_int_equal(refusal.index, 1);
	assert_int_equal(refusal.reason, CARVE_REFUSED_KEPT);
	assert_int_equal(carve_quota_keep(&keep, &terms, 103, wishes, 2, &refusal),
			 -ENOSPC);
	assert_int_equal(refusal.index, 0);
	assert_int_equal(carve_quota_keep(&keep, &terms, 0, wishes, 1, &refusal),
			 -ENOSPC);
	terms.priority = 49;
	assert_int_equal(carve_quota_keep(&keep, &terms, 109, wishes, 2, &refusal),
			 -ENOSPC);
	terms.priority = 50;
	assert_int_equal(carve_quota_keep(&keep, &terms, 0, wishes, 2, &refusal), 0);
	/* None is kept: what does not fit is somebody else's to say. */
	terms.priority = -100;
	keep.bytes = 0;
	assert_int_equal(carve_quota_keep(&keep, &terms, 0, wishes, 2, &refusal), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_memory_counts),
		cmocka_unit_test(test_slots_do_not_count),
		cmocka_unit_test(test_charges_end),
		cmocka_unit_test(test_bytes_and_buffers),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
