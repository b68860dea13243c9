// SPDX-License-Identifier: MIT
/*
 * Which names may reach terminals, the journal and JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "name.h"

static void names_people_use(void **state)
{
	static const char *const names[] = {
		"", "frame 7", "~!\"#$%&'()*+,-./", "gr\303\274n", "\342\202\254",
		/* First and last of each length. */
		"\302\240", "\337\277", "\340\240\200", "\355\237\277",
		"\356\200\200", "\357\277\277", "\360\220\200\200",
		"\364\217\277\277",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!carve_name_is_printable(names[i]))
			fail_msg("name %zu was refused", i);
}

static void names_that_do_harm(void **state)
{
	static const char *const names[] = {
		"\n", "a\tb", "\033[2J", "\177", "\302\200", "\302\233" "31m",
		"\302\237",
		/* Not UTF-8: lone, cut, too long, surrogate, too large. */
		"\200", "\377", "\303", "\342\202", "a\342\202z", "\300\257",
		"\301\277", "\340\237\277", "\360\217\277\277", "\355\240\200",
		"\355\277\277", "\364\220\200\200", "\365\200\200\200",
		"\303\303",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (carve_name_is_printable(names[i]))
			fail_msg("name %zu was accepted", i);
}

static void names_end(void **state)
{
	(void)state;
	assert_true(carve_name_ends("abc", 4));
	assert_true(carve_name_ends("\0bc", 3));
	assert_false(carve_name_ends("abc", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_people_use),
		cmocka_unit_test(names_that_do_harm),
		cmocka_unit_test(names_end),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
