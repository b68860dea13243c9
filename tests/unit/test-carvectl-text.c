// SPDX-License-Identifier: MIT
/* Sizes read and written by carvectl, and text that others chose. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "carvectl.h"

#define KIB	1024ULL
#define MIB	(1024 * KIB)

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0, 0 }, { "1", 0, 1 }, { "4096", 0, 4096 },
		{ "4096B", 0, 4096 }, { "4 KiB", 0, 4 * KIB },
		{ "64k", 0, 64 * KIB }, { "64KB", 0, 64 * KIB },
		{ "8M", 0, 8 * MIB }, { "8mib", 0, 8 * MIB },
		{ "1.5GiB", 0, 1536 * MIB }, { ".5K", 0, 512 },
		{ "1.0001K", 0, 1025 }, { "0.1", 0, 1 },
		{ "15.99E", 0, 18435214858663483147ULL },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "16E", -ERANGE, 0 },
		{ "16777216T", -ERANGE, 0 }, { "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { ".", -EINVAL, 0 }, { "K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "1 ", 0, 1 }, { "1.2.3", -EINVAL, 0 }, { "8Mx", -EINVAL, 0 },
		{ "8MiBs", -EINVAL, 0 }, { "8i", -EINVAL, 0 }, { "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 }, { "1.00000000001", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 77;
		int r = carvectl_parse_size(cases[i].text, &bytes);

		if (r != cases[i].error ||
		    bytes != (r ? 77 : cases[i].bytes))
			fail_msg("'%s': %d, %llu", cases[i].text, r,
				 (unsigned long long)bytes);
	}
}

static void sizes_are_written(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1 KiB" },
		{ 1536, "1.5 KiB" }, { 100 * KIB, "100 KiB" },
		{ 3133440, "2.99 MiB" }, { 64 * MIB, "64 MiB" },
		{ 10240 * MIB, "10 GiB" }, { UINT64_MAX, "16 EiB" },
	};
	char text[CARVECTL_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(carvectl_size(cases[i].bytes, false, text),
				    cases[i].text);
	assert_string_equal(carvectl_size(UINT64_MAX, true, text),
			    "18446744073709551615");
}

static void foreign_text_cannot_reach_the_terminal(void **state)
{
	static const struct {
		const char *from;
		const char *to;
	} cases[] = {
		{ "", "" }, { "frame 1", "frame 1" },
		{ "\x1b[31mred", "?[31mred" }, { "a\nb\tc\x7f", "a?b?c?" },
		/* German, Japanese, a colour beyond the basic plane. */
		{ "Gr\xc3\xb6\xc3\x9f" "e", "Gr\xc3\xb6\xc3\x9f" "e" },
		{ "\xe6\x98\xa0\xe7\x94\xbb", "\xe6\x98\xa0\xe7\x94\xbb" },
		{ "\xf0\x9f\x8e\xac", "\xf0\x9f\x8e\xac" },
		/* Cut, overlong, a surrogate, beyond Unicode, alone. */
		{ "x\xc3", "x?" }, { "\xc0\x80", "??" },
		{ "\xed\xa0\x80", "???" }, { "\xf5\x80\x80\x80", "?" },
		{ "\x80z", "?z" },
		/* C1 control (CSI) in its UTF-8 form. */
		{ "\xc2\x9b" "31m", "?31m" },
	};
	char text[CARVECTL_TEXT], endless[2 * CARVECTL_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		carvectl_clean(cases[i].from, text);
		if (strcmp(text, cases[i].to) != 0)
			fail_msg("case %zu: '%s'", i, text);
	}
	memset(endless, 'x', sizeof(endless));
	assert_int_equal(strlen(carvectl_clean(endless, text)), CARVECTL_TEXT - 1);
}

static void users_and_commands_have_names(void **state)
{
	char text[CARVECTL_TEXT];

	(void)state;
	assert_string_equal(carvectl_user(0, text), "root");
	assert_string_equal(carvectl_user(4000000000U, text), "4000000000");
	assert_string_equal(carvectl_command(getpid(), text), "test-carvectl-t");
	assert_string_equal(carvectl_command(0, text), "-");
	assert_string_equal(carvectl_command(-5, text), "-");
	assert_string_equal(carvectl_command(INT32_MAX, text), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(sizes_are_written),
		cmocka_unit_test(foreign_text_cannot_reach_the_terminal),
		cmocka_unit_test(users_and_commands_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
