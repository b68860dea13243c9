// SPDX-License-Identifier: MIT
/* carved.service starts it again unless the status is 64 or 78. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "exit-status.h"

static void what_may_pass_is_tried_again(void **state)
{
	static const int errors[] = {
		ENOMEM, EMFILE, ENFILE, ENOBUFS, EAGAIN, ENODEV,
		/* The last carved has not let go of the region yet. */
		EBUSY,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		assert_int_equal(carve_exit_status(-errors[i]), EXIT_FAILURE);
}

static void what_stays_wrong_is_not(void **state)
{
	static const int errors[] = {
		ENOENT, EACCES, EPERM, ENOTTY, EINVAL, EEXIST, EADDRINUSE,
		ENAMETOOLONG, ENOSPC,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		assert_int_equal(carve_exit_status(-errors[i]), EX_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_pass_is_tried_again),
		cmocka_unit_test(what_stays_wrong_is_not),
	};

	return cmocka_run_group_tests_name("exit-status", tests, NULL, NULL);
}
