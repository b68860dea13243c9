// SPDX-License-Identifier: MIT
/*
 * The configuration: what is understood, what is in force, and out of which
 * files it comes.
 */
#include "config-files.h"

#define K	1024ULL
#define M	(1024 * K)
#define G	(1024 * M)

/* ---- what is understood -------------------------------------------------- */

static void test_everything(void **state)
{
	const struct carve_config_reservation *reservation;
	const struct carve_config_rule *rule;
	struct carve_config *config = load(
		"\xef\xbb\xbf[region main]\n"
		"  keep-for-priority = 50:16M\r\n"
		"[region \xc3\xa4 b] ; remark\n"
		"keep-for-priority=-100:1G ; remark\n"
		"; [rule no]\n"
		"# [rule no]\n"
		"[rule one]\n"
		"uid=1000\n"
		"gid=44\n"
		"unit=player@1.service\n"
		"max-bytes=256M\n"
		"max-buffers=0\n"
		"max-reserved=4096\n"
		"priority=-100\n"
		"show-addresses=yes\n"
		"guard-before=4K\n"
		"guard-after=1M\n"
		"limit=0x100000000\n"
		"[reservation decoder]\n"
		"region=main\n"
		"uid=root\n"
		"unit=player.service\n"
		"class=12x3133440\n"
		"class = 3 x 1M align=64K limit=4G guard-before=4K guard-after=8K\n");

	(void)state;
	assert_int_equal(config->region_count, 2);
	assert_string_equal(config->regions[0].label, "main");
	assert_int_equal(config->regions[0].keep_priority, 50);
	assert_int_equal(config->regions[0].keep_bytes, 16 * M);
	assert_int_equal(config->regions[1].keep_priority, -100);
	assert_int_equal(config->regions[1].keep_bytes, G);

	assert_int_equal(config->rule_count, 1);
	rule = &config->rules[0];
	assert_int_equal(rule->place.line, 7);
	assert_true(rule->match.has_uid && rule->match.uid == 1000);
	assert_true(rule->match.has_gid && rule->match.gid == 44);
	assert_string_equal(rule->match.unit, "player@1.service");
	assert_int_equal(rule->terms.scope, CARVE_TERMS_USER_IN_UNIT);
	assert_int_equal(rule->terms.max_bytes, 256 * M);
	assert_int_equal(rule->terms.max_buffers, 0);
	assert_int_equal(rule->terms.max_reserved, 4096);
	assert_int_equal(rule->terms.priority, -100);
	assert_true(rule->has_show_addresses && rule->terms.show_addresses);
	assert_int_equal(rule->terms.guard_before, 4 * K);
	assert_int_equal(rule->terms.guard_after, M);
	assert_int_equal(rule->terms.limit, 4 * G);

	assert_int_equal(config->reservation_count, 1);
	reservation = &config->reservations[0];
	assert_string_equal(reservation->name, "decoder");
	assert_string_equal(reservation->region, "main");
	assert_true(reservation->owner.has_uid && reservation->owner.uid == 0);
	assert_string_equal(reservation->owner.unit, "player.service");
	assert_int_equal(reservation->class_count, 2);
	assert_int_equal(reservation->classes[0].count, 12);
	assert_int_equal(reservation->classes[0].bytes, 3133440);
	assert_int_equal(reservation->classes[1].alignment, 64 * K);
	assert_int_equal(reservation->classes[1].limit, 4 * G);
	assert_int_equal(reservation->classes[1].guard_before, 4 * K);
	assert_int_equal(reservation->classes[1].guard_after, 8 * K);
	assert_int_equal(reservation->place.line, 19);
	carve_config_free(config);
}

static void test_nothing(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# a\n; b\n", "  \t \n" };
	struct carve_identity who = { .uid = 1, .unit = "" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct carve_config *config = load(texts[i]);
		struct carve_terms terms;

		assert_int_equal(config->rule_count, 0);
		terms = carve_config_terms(config, &who);
		assert_int_equal(terms.max_bytes, CARVE_TERMS_UNLIMITED);
		assert_false(terms.show_addresses);
		carve_config_free(config);
	}
}

/* What is printed says the same when it is read. */
static void test_print_is_a_configuration(void **state)
{
	static const char text[] =
		"[rule rest]\nmax-bytes=1G\n"
		"[rule unit]\nunit=a.scope\nshow-addresses=no\n"
		"[rule gid]\ngid=0\npriority=3\nguard-before=4K\n"
		"[rule uid]\nuid=0\nlimit=4G\nguard-after=1M\nmax-buffers=7\n"
		"[region r]\nkeep-for-priority=1:2M\n"
		"[reservation r]\nunit=b.service\nregion=r\n"
		"class=3 x 5000 align=8K limit=2G guard-before=4K guard-after=4K\n";
	char *first = NULL, *second = NULL;
	size_t size;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct carve_config *config = load(i ? first : text);
		FILE *file = open_memstream(i ? &second : &first, &size);

		/* The same places for both: they are printed. */
		for (size_t j = 0; j < config->rule_count; j++)
			config->rules[j].place.line = 0;
		config->regions[0].place.line = 0;
		config->reservations[0].place.line = 0;
		carve_config_print(config, file);
		fclose(file);
		carve_config_free(config);
	}
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "[rule uid]\nuid=0\n"));
	assert_non_null(strstr(first, "limit=0x100000000\n"));
	assert_non_null(strstr(first, "class=3 x 5000 align=8192 limit=0x80000000 "
			       "guard-before=4096 guard-after=4096\n"));
	free(first);
	free(second);
}

/* ---- whom a rule is for -------------------------------------------------- */

static int priority_of(const struct carve_config *config, uid_t uid, gid_t gid,
		       gid_t group, const char *unit)
{
	struct carve_identity who = {
		.uid = uid,
		.gid = gid,
		.groups = &group,
		.group_count = 1,
		.unit = unit,
	};

	return carve_config_terms(config, &who).priority;
}

static void test_which_rule_counts(void **state)
{
	struct carve_config *config = load(
		"[rule everybody]\npriority=1\n"
		"[rule unit]\nunit=a.service\npriority=2\n"
		"[rule later]\nunit=a.service\npriority=3\n"
		"[rule gid]\ngid=7\npriority=4\n"
		"[rule pair]\nuid=5\nunit=a.service\npriority=5\n"
		"[rule uid]\nuid=5\npriority=6\n"
		"[rule gid and unit]\ngid=8\nunit=a.service\npriority=7\n");

	(void)state;
	assert_int_equal(priority_of(config, 1, 1, 1, ""), 1);
	assert_int_equal(priority_of(config, 1, 1, 1, "b.service"), 1);
	assert_int_equal(priority_of(config, 1, 1, 1, "a.service"), 2);
	assert_int_equal(priority_of(config, 1, 7, 1, "a.service"), 4);
	assert_int_equal(priority_of(config, 1, 1, 7, ""), 4);
	assert_int_equal(priority_of(config, 5, 7, 7, "a.service"), 5);
	assert_int_equal(priority_of(config, 5, 7, 7, ""), 6);
	assert_int_equal(priority_of(config, 1, 8, 1, "a.service"), 7);
	assert_int_equal(priority_of(config, 1, 8, 1, ""), 1);
	assert_int_equal(config->rules[3].terms.scope, CARVE_TERMS_USER_IN_UNIT);
	carve_config_free(config);
}

static void test_scope(void **state)
{
	struct carve_config *config = load("[rule a]\nunit=a.service\npriority=2\n"
					   "[rule b]\ngid=1\npriority=2\n"
					   "[rule c]\nuid=1\npriority=2\n");

	(void)state;
	assert_int_equal(config->rules[0].terms.scope, CARVE_TERMS_USER);
	assert_int_equal(config->rules[1].terms.scope, CARVE_TERMS_USER);
	assert_int_equal(config->rules[2].terms.scope, CARVE_TERMS_UNIT);
	carve_config_free(config);
}

static void test_show_addresses(void **state)
{
	struct carve_config *config = load("[rule a]\nuid=0\npriority=1\n"
					   "[rule b]\nuid=1\nshow-addresses=yes\n"
					   "[rule c]\nuid=2\npriority=1\n");
	struct carve_identity who = { .uid = 0, .unit = "" };

	(void)state;
	assert_true(carve_config_terms(config, &who).show_addresses);
	who.uid = 1;
	assert_true(carve_config_terms(config, &who).show_addresses);
	who.uid = 2;
	assert_false(carve_config_terms(config, &who).show_addresses);
	carve_config_free(config);
	config = load("[rule a]\nuid=0\nshow-addresses=no\n");
	who.uid = 0;
	assert_false(carve_config_terms(config, &who).show_addresses);
	carve_config_free(config);
}

/* ---- files --------------------------------------------------------------- */

static void test_drop_ins(void **state)
{
	struct carve_config *config;
	char where[160];

	(void)state;
	assert_int_equal(mkdir(path_of("main.d"), 0755), 0);
	write_file("main.d/20-b.conf", "[rule b]\nuid=2\n");
	write_file("main.d/10-a.conf", "[rule a]\nuid=1\n");
	write_file("main.d/.hidden.conf", "rubbish");
	write_file("main.d/note.txt", "rubbish");
	config = load("[rule m]\nuid=3\n");
	assert_int_equal(config->rule_count, 3);
	assert_string_equal(config->rules[0].name, "m");
	assert_string_equal(config->rules[1].name, "a");
	assert_string_equal(config->rules[2].name, "b");
	assert_int_equal(config->file_count, 3);
	carve_config_free(config);

	/* A section ends with its file, and a mistake names the right one. */
	write_file("main.d/20-b.conf", "uid=2\n");
	snprintf(where, sizeof(where), "%s:1: ", path_of("main.d/20-b.conf"));
	assert_mistake(where, "stands in no section");
	write_file("main.d/20-b.conf", "[rule m]\nuid=2\n");
	snprintf(where, sizeof(where), "%s:1: ", path_of("main.d/20-b.conf"));
	assert_mistake(where, "/main:1 already");

	unlink(path_of("main.d/20-b.conf"));
	assert_int_equal(symlink("/nowhere/at/all", path_of("main.d/20-b.conf")), 0);
	assert_mistake(path_of("main.d/20-b.conf"), "No such file");
	unlink(path_of("main.d/20-b.conf"));
	unlink(path_of("main.d/10-a.conf"));
	unlink(path_of("main.d/.hidden.conf"));
	unlink(path_of("main.d/note.txt"));
	assert_int_equal(rmdir(path_of("main.d")), 0);
}

static void test_no_file(void **state)
{
	char mistake[CARVE_CONFIG_MISTAKE];
	struct carve_config *config;

	(void)state;
	assert_int_equal(carve_config_load(&config, path_of("absent"), mistake),
			 -ENOENT);
	assert_non_null(strstr(mistake, "absent: No such file"));
	/* Nothing that would wait, or never end. */
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_int_equal(carve_config_load(&config, path_of("pipe"), mistake), -EINVAL);
	assert_non_null(strstr(mistake, "no regular file"));
	unlink(path_of("pipe"));
	assert_int_equal(carve_config_load(&config, dir, mistake), -EINVAL);
	assert_int_equal(carve_config_load(&config, "/dev/zero", mistake), -EINVAL);
	write_file("main", "");
	assert_int_equal(truncate(path_of("main"), 1 << 21), 0);
	assert_mistake("main: ", "at most 1 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_print_is_a_configuration),
		cmocka_unit_test(test_which_rule_counts),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_show_addresses),
		cmocka_unit_test(test_drop_ins),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests_name("config", tests, make_dir, remove_dir);
}
