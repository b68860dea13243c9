// SPDX-License-Identifier: MIT
/*
 * Mistakes in the configuration: each is told with its file, its line and what
 * to write instead.
 */
#include "config-files.h"

static void test_wrong_sections(void **state)
{
	(void)state;
	refuse("max-bytes=1\n", 1, "stands in no section: write [region LABEL]");
	refuse("\n[rules a]\n", 2, "write [region LABEL], [rule NAME]");
	refuse("[rule]\nuid=1\n", 1, "there is no section [rule]");
	refuse("[rule ]\nuid=1\n", 1, "cannot be a name");
	refuse("[rule a/b]\nuid=1\n", 1, "no '/'");
	refuse("[rule .a]\nuid=1\n", 1, "no '.' at its start");
	refuse("[rule abcdefghijklmnopqrstuvwxyz012345]\n", 1, "1 to 31 bytes");
	refuse("[rule abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz]\n", 1,
	       "too long");
	refuse("[rule a\nuid=1\n", 1, "nothing behind the bracket");
	refuse("[rule a] uid=1\n", 1, "nothing behind the bracket");
	refuse("[rule a]\n\n[rule b]\nuid=1\n", 1, "the section is empty");
	refuse("\n[rule a]\n", 2, "the section is empty");
	refuse("[rule a]\nuid=1\n[rule a]\nuid=2\n", 3, "/main:1 already");
	refuse("[region a]\nkeep-for-priority=1:1\n[region a]\n", 3, "already");
	refuse("[reservation a]\nuid=1\nclass=1x1\n[reservation a]\n", 4, "already");
	refuse("[rule a]\nlimit=1\n[rule b]\nlimit=2\n", 3, "one of them is too many");
	refuse("[rule a]\nuid=1\n\n[rule b]\nfoo=2\n", 5, "there is no foo=");
	refuse("[rule a]\nuid=1\nuid=2\n", 3, "twice");
	refuse("[rule a]\nkeep-for-priority=1:1\n", 2, "this section knows uid=, gid=");
	refuse("[region a]\nuid=1\n", 2, "this section knows keep-for-priority=");
	refuse("[reservation a]\ngid=1\n", 2, "region=, uid=, unit=, class=");
}

static void test_wrong_lines(void **state)
{
	char text[600] = "[rule a]\nuid=1\nunit=";

	(void)state;
	refuse("[rule a]\nuid\n", 2, "nor a line NAME=VALUE");
	refuse("[rule a]\nuid 5\nfoo=3\n", 2, "nor a line NAME=VALUE");
	refuse("[rule a]\nfoo=3\nuid 5\n", 2, "there is no foo=");
	refuse("[rule a]\n=1\n", 2, "there is no =");
	/* What looks like the rest of a value is a line of its own. */
	refuse("[rule a]\nuid=1\n  2\n", 3, "nor a line NAME=VALUE");
	refuse("[rule a]\nuid=1\x1b[2J\n", 2, "control characters");
	refuse("[rule a]\nunit=\xff.service\n", 2, "UTF-8");
	refuse_bytes("[rule a]\nuid=\0001\n", 16, 2, "no text file");
	memset(text + strlen(text), 'x', 300);
	refuse(text, 3, "longer than");
	/* So long that a line reader with a fixed buffer takes it for two. */
	refuse(strcat(text, "\n"), 3, "longer than");
}

static void refuse_value(const char *key, const char *value, const char *words)
{
	char text[200];

	snprintf(text, sizeof(text), "[rule a]\n%s=%s\n", key, value);
	refuse(text, 2, words);
}

static void test_wrong_values(void **state)
{
	static const char *const sizes[] = { "", "-1", "1X", "M", "1MM", " ", "1 M",
		"0x1000", "1.5M", "9223372036854775808", "9007199254740992K", "+1" };
	static const char *const guards[] = { "1", "4097", "-4K", "2M", "x", "1025K" };
	static const char *const ids[] = { "-1", "4294967295", "4294967296", "1x",
		"no-such-user-here", "" };
	static const char *const units[] = { "player", "player.socket", "a/b.service",
		".service", "a b.service", "user.slice", "" };
	static const char *const priorities[] = { "101", "-101", "high", "1.0", "",
		"--1", "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		refuse_value("max-bytes", sizes[i], "max-bytes= needs bytes, such as");
		refuse_value("max-reserved", sizes[i], "max-reserved= needs bytes");
	}
	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
		refuse_value("guard-before", guards[i], "whole pages of 4096 bytes");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		refuse_value("uid", ids[i], "uid= needs a user of this machine");
		refuse_value("gid", ids[i], "gid= needs a group of this machine");
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		refuse_value("unit", units[i], "such as player.service");
	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++)
		refuse_value("priority", priorities[i], "-100 to 100");
	refuse_value("max-buffers", "many", "a number of buffers");
	refuse_value("max-buffers", "-1", "a number of buffers");
	refuse_value("show-addresses", "maybe", "yes or no");
	refuse_value("limit", "0", "such as 4G or 0x100000000");
	refuse_value("limit", "0x", "such as 4G");
	refuse_value("limit", "0xfffffffffffffffff", "such as 4G");
	refuse_value("limit", "0x1000g", "such as 4G");
}

static void test_wrong_regions(void **state)
{
	(void)state;
	refuse("[region a]\nkeep-for-priority=16M\n", 2, "PRIORITY:SIZE, such as 50:16M");
	refuse("[region a]\nkeep-for-priority=101:16M\n", 2, "-100 to 100");
	refuse("[region a]\nkeep-for-priority=12345678901:16M\n", 2, "PRIORITY:SIZE");
	refuse("[region a]\nkeep-for-priority=:16M\n", 2, "-100 to 100");
	refuse("[region a]\nkeep-for-priority=1:\n", 2, "needs bytes");
}

static void refuse_class(const char *class, const char *words)
{
	char text[400];

	snprintf(text, sizeof(text), "[reservation a]\nuid=1\nclass=%s\n", class);
	refuse(text, 3, words);
}

static void test_wrong_reservations(void **state)
{
	char text[2000] = "[reservation a]\nuid=1\n";

	(void)state;
	refuse("[reservation a]\nclass=1x1\n", 1, "belongs to nobody");
	refuse("[reservation a]\nuid=1\n", 1, "reserves nothing: write class=COUNT x");
	refuse("[reservation a]\nregion=a/b\n", 2, "needs the label");
	refuse("[reservation a]\nuid=1\nclass=1000x1\nclass=25x1\n", 1, "1025 buffers");
	refuse_class("", "COUNT x BYTES, such as 12 x 3133440");
	refuse_class("12", "COUNT x BYTES");
	refuse_class("x1", "needs BYTES behind the x");
	refuse_class("0x1M", "COUNT from 1 to 1024");
	refuse_class("1025x1M", "COUNT from 1 to 1024");
	refuse_class("a x 1M", "COUNT from 1 to 1024");
	refuse_class("1x", "needs BYTES behind the x");
	refuse_class("1x0", "needs BYTES behind the x");
	refuse_class("1x1Q", "needs BYTES behind the x");
	refuse_class("1x1M 7", "class= knows align=");
	refuse_class("1x1M size=7", "not 'size'");
	refuse_class("1x1M align=3", "power of two up to 1G");
	refuse_class("1x1M align=2G", "power of two up to 1G");
	refuse_class("1x1M align=0", "power of two up to 1G");
	refuse_class("1x1M limit=0", "such as 4G");
	refuse_class("1x1M guard-after=5", "whole pages");
	for (int i = 0; i < 17; i++)
		strcat(text, "class=1x1\n");
	refuse(text, 19, "more than 16 classes");
}

static void test_too_many(void **state)
{
	char *text = calloc(1, 1 << 20);
	size_t used = 0;

	(void)state;
	for (int i = 0; i <= CARVE_CONFIG_RULES_MAX; i++)
		used += sprintf(text + used, "[rule %d]\nuid=%d\n", i, i);
	refuse(text, 2 * CARVE_CONFIG_RULES_MAX + 1, "more than 256 rules");
	used = 0;
	for (int i = 0; i <= CARVE_CONFIG_RESERVATIONS_MAX; i++)
		used += sprintf(text + used, "[reservation %d]\nuid=1\nclass=1x1\n", i);
	refuse(text, 3 * CARVE_CONFIG_RESERVATIONS_MAX + 1, "more than 64 reservations");
	used = 0;
	for (int i = 0; i <= CARVE_WIRE_REGIONS_MAX; i++)
		used += sprintf(text + used, "[region %d]\nkeep-for-priority=1:1\n", i);
	refuse(text, 2 * CARVE_WIRE_REGIONS_MAX + 1, "more than 16 regions");
	free(text);
}

/* A unit whose name was cut must not be taken for one that fits exactly. */
static void test_cut_unit(void **state)
{
	char text[256], unit[80];
	struct carve_config *config;

	(void)state;
	memset(unit, 'x', sizeof(unit));
	strcpy(unit + 54, ".service");
	snprintf(text, sizeof(text), "[rule a]\nunit=%s\n", unit);
	config = load(text);
	assert_int_equal(strlen(config->rules[0].match.unit), 62);
	carve_config_free(config);
	memset(unit, 'x', sizeof(unit));
	strcpy(unit + 55, ".service");
	snprintf(text, sizeof(text), "[rule a]\nunit=%s\n", unit);
	refuse(text, 2, "up to 62 bytes");
}

/* ---- at random ----------------------------------------------------------- */

static const char seed_text[] =
	"[region main]\nkeep-for-priority=50:16M ; remark\n"
	"# remark\n[rule a]\nuid=1\ngid=2\nunit=a.service\nmax-bytes=1M\n"
	"max-buffers=7\nmax-reserved=2G\npriority=-3\nshow-addresses=yes\n"
	"guard-before=4K\nguard-after=8K\nlimit=0x100000000\n"
	"[reservation r]\nregion=main\nuid=1\nclass=12 x 3133440 align=64K\n"
	"class=3x1M limit=4G guard-before=4K guard-after=4K\n";

/* A few bytes overwritten, cut out, or written twice. Return: bytes. */
static size_t spoil(char *text, size_t bytes, unsigned int *seed)
{
	static const char pieces[] = "[]=;# \n\t\r\0x:.@-09KMGabc\xff\xc3\xa4";

	for (int i = rand_r(seed) % 4; i >= 0; i--) {
		size_t at = rand_r(seed) % bytes, run = 1 + rand_r(seed) % 12;

		if (run > bytes - at)
			run = bytes - at;
		switch (rand_r(seed) % 3) {
		case 0:
			text[at] = pieces[rand_r(seed) % sizeof(pieces)];
			break;
		case 1:
			memmove(text + at, text + at + run, bytes - at - run);
			bytes -= run;
			break;
		default:
			memmove(text + at + run, text + at, bytes - at);
			bytes += run;
		}
		if (!bytes)
			return 0;
	}
	return bytes;
}

/* Whatever it is, it is a configuration that can be printed, or one mistake. */
static void test_random(void **state)
{
	const char *given = getenv("CARVE_SEED");
	unsigned int first = given ? strtoul(given, NULL, 0) : 1, accepted = 0;

	(void)state;
	print_message("# CARVE_SEED=%u\n", first);
	for (unsigned int i = 0; i < 2000; i++) {
		char text[sizeof(seed_text) + 64], mistake[CARVE_CONFIG_MISTAKE];
		unsigned int seed = first * 100000 + i;
		struct carve_config *config;
		FILE *nowhere;

		memcpy(text, seed_text, sizeof(seed_text));
		write_bytes("main", text, spoil(text, sizeof(seed_text) - 1, &seed));
		if (carve_config_load(&config, path_of("main"), mistake) < 0) {
			if (!strstr(mistake, "main:"))
				fail_msg("%u: %s", i, mistake);
			assert_null(strchr(mistake, '\n'));
			continue;
		}
		nowhere = fopen("/dev/null", "w");
		carve_config_print(config, nowhere);
		fclose(nowhere);
		carve_config_free(config);
		accepted++;
	}
	/* Neither all nor none, or it tests nothing. */
	assert_in_range(accepted, 5, 1995);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_sections),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_wrong_regions),
		cmocka_unit_test(test_wrong_reservations),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_cut_unit),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("config-mistakes", tests, make_dir,
					   remove_dir);
}
