// SPDX-License-Identifier: MIT
/*
 * What everybody sees of a region, in /sys/class/carve and in a buffer's
 * fdinfo: sums that are right after every step, and nothing that would tell
 * where a buffer lies or whose it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "check.h"
#include "files.h"

#define OWNER UINT64_C(0xfeedc0deba5eba11)
/* At an odd place, so that it is nobody else's number. */
#define AT (1237 * page)
#define SINGLES 200

static const char *const names[] = {
	"size", "free", "dirty", "live", "largest_hole",
	"exports", "failures", "guard_hits",
};

/* The attributes, in the order of their names above. */
struct sums {
	uint64_t size, free, dirty, live, hole, exports, failures, hits;
};

static int manager;
/* What was counted before this program came. */
static struct sums before;

/* A value is decimal digits and the end of the line, and nothing else. */
static bool read_value(const char *name, uint64_t *ret_value)
{
	char path[300], text[100], again[100];

	snprintf(path, sizeof(path), "/sys/class/carve/%s/%s", region_label(),
		 name);
	if (file_read(path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%" SCNu64, ret_value) != 1)
		return false;
	snprintf(again, sizeof(again), "%" PRIu64 "\n", *ret_value);
	return !strcmp(text, again);
}

static struct sums read_sums(void)
{
	struct sums sums;
	uint64_t *values = (uint64_t *)&sums;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!read_value(names[i], &values[i]))
			die("%s is not one number", names[i]);
	return sums;
}

/* @pages: dirty, live, largest hole; @exports and @failures since the start. */
static void check_sums(const char *when, const uint64_t pages[static 3],
		       uint64_t exports, uint64_t failures)
{
	struct sums wanted = {
		.size = region.bytes,
		.free = region.bytes - (pages[0] + pages[1]) * page,
		.dirty = pages[0] * page,
		.live = pages[1] * page,
		.hole = pages[2] * page,
		.exports = before.exports + exports,
		.failures = before.failures + failures,
		.hits = before.hits,
	};
	struct sums got = read_sums();
	const uint64_t *have = (uint64_t *)&got, *want = (uint64_t *)&wanted;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names) && have[i] == want[i]; i++)
		;
	check(i == ARRAY_SIZE(names), when, "%s is %" PRIu64 ", not %" PRIu64,
	      names[i % ARRAY_SIZE(names)], have[i % ARRAY_SIZE(names)],
	      want[i % ARRAY_SIZE(names)]);
}

#define check_pages(when, exports, failures, ...) \
	check_sums(when, (uint64_t[]){ __VA_ARGS__ }, exports, failures)

static int export(uint64_t page_number, uint64_t pages)
{
	int buf = carve_export_buf(manager, page_number * page, pages * page,
				   OWNER);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

static int without_descriptors(void)
{
	struct rlimit old, none = { 0 };
	int ret;

	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	ret = carve_export_buf(manager, 100 * page, page, OWNER);
	setrlimit(RLIMIT_NOFILE, &old);
	return ret;
}

/* Each is counted as a failure; what the caller may not do at all is not. */
static void fail_four_times(void)
{
	int reader = open(region_node(), O_RDONLY | O_CLOEXEC);

	check_value("an export over a live page",
		    carve_export_buf(manager, 6 * page, page, OWNER), -EBUSY);
	check_value("one beyond the region",
		    carve_export_buf(manager, region.bytes, page, OWNER),
		    -ERANGE);
	check_value("one of half a page",
		    carve_export_buf(manager, page / 2, page, OWNER), -EINVAL);
	check_value("one without a descriptor left", without_descriptors(),
		    -EMFILE);
	check_value("one by somebody else",
		    carve_export_buf(reader, 100 * page, page, OWNER), -EPERM);
	close(reader);
}

static void check_values(void)
{
	uint64_t all = region.bytes / page;
	int low, high;

	check_pages("a clean region", 0, 0, 0, 0, all);
	low = export(4, 8);
	check_pages("with a buffer", 1, 0, 0, 8, all - 12);
	high = export(all - 2, 2);
	check_pages("with one at the end", 2, 0, 0, 10, all - 14);
	fail_four_times();
	check_pages("after four failures", 2, 4, 0, 10, all - 14);
	export_end(manager, low);
	check_pages("a dirty extent is no hole", 2, 4, 8, 2, all - 14);
	check_value("half is scrubbed",
		    carve_scrub_range(manager, 4 * page, 4 * page), 4 * page);
	check_pages("half of it scrubbed", 2, 4, 4, 2, all - 14);
	carve_scrub_range(manager, 0, 100 * page);
	check_pages("all of it scrubbed", 2, 4, 0, 2, all - 2);
	export_end(manager, high);
	carve_scrub_range(manager, 0, region.bytes);
	check_pages("clean again", 2, 4, 0, 0, all);
}

/* More extents than the driver looks at in one go, the hole in their middle. */
static void check_many(void)
{
	uint64_t all = region.bytes / page, i;
	int bufs[2 * SINGLES], big;

	before = read_sums();
	for (i = 0; i < SINGLES; i++) {
		bufs[i] = export(2 * i, 1);
		bufs[SINGLES + i] = export(3000 + 2 * i, 1);
	}
	big = export(4000, all - 4000);
	check_pages("the hole among many extents", 2 * SINGLES + 1, 0, 0,
		    2 * SINGLES + all - 4000, 3000 - (2 * SINGLES - 1));
	for (i = 0; i < 2 * SINGLES; i++)
		export_end(manager, bufs[i]);
	export_end(manager, big);
	check_pages("all of them dirty", 2 * SINGLES + 1, 0,
		    2 * SINGLES + all - 4000, 0, 3000 - (2 * SINGLES - 1));
	carve_scrub_range(manager, 0, region.bytes);
	check_pages("all of them gone", 2 * SINGLES + 1, 0, 0, 0, all);
}

/* Whether a text tells one of the numbers, in either notation. */
static bool tells(const char *text)
{
	uint64_t secrets[] = {
		region.phys, region.phys + AT, AT, OWNER, ~OWNER,
	};
	char number[40];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(secrets); i++) {
		if (!secrets[i])
			continue;
		snprintf(number, sizeof(number), "%" PRIx64, secrets[i]);
		if (strcasestr(text, number))
			return true;
		snprintf(number, sizeof(number), "%" PRIu64, secrets[i]);
		if (strstr(text, number))
			return true;
	}
	return false;
}

static unsigned int check_silent(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned int files = 0;
	struct dirent *entry;
	char path[600], text[5000];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_REG)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (file_read(path, text, sizeof(text)) < 0)
			continue;
		files++;
		if (tells(text) || tells(entry->d_name))
			check(false, "sysfs tells no place", "%s: %s", path, text);
	}
	if (dir)
		closedir(dir);
	return files;
}

static void check_fdinfo(int buf)
{
	char path[100], text[2000], size[100];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", buf);
	if (file_read(path, text, sizeof(text)) < 0)
		die("%s: %m", path);
	snprintf(size, sizeof(size), "\nsize:\t%" PRIu64 "\n", 3 * page);
	check(strstr(text, size), "fdinfo has the size", "%s", text);
	check(strstr(text, "\nexp_name:\tcarve\n"), "and the exporter", "%s",
	      text);
	check(strstr(text, "\nname:\ta film?b\n"),
	      "and the name, in its line", "%s", text);
	check(!tells(text), "and tells no place", "%s", text);
}

static void check_secrets(void)
{
	int buf = export_named(manager, AT, 3 * page, OWNER, "a film\nb");
	struct carve_extent_info info;
	unsigned int files;
	char folder[300];

	if (buf < 0)
		die("export: %s", strerror(-buf));
	check(carve_list_all(manager, &info, 1) == 1 && info.offset == AT &&
	      info.owner[0] == OWNER && region.phys,
	      "the manager knows place and owner", "it does not");
	snprintf(folder, sizeof(folder), "/sys/class/carve/%s", region_label());
	files = check_silent(folder);
	check(files >= ARRAY_SIZE(names) + 2, "sysfs tells no place",
	      "only %u files could be read", files);
	check_fdinfo(buf);
	export_end(manager, buf);
	carve_scrub_range(manager, AT, 3 * page);
}

static void check_permissions(void)
{
	struct stat stat_buf;
	char path[300];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/sys/class/carve/%s/%s",
			 region_label(), names[i]);
		if (stat(path, &stat_buf))
			die("%s: %m", path);
		check_value(names[i], stat_buf.st_mode & 07777, 0444);
	}
}

/* In a process of its own, that has lost every right. */
static int be_nobody(void)
{
	char path[300];
	int pid = fork_child();

	if (pid)
		return wait_child(pid);
	if (setgid(65534) || setuid(65534))
		_exit(2);
	snprintf(path, sizeof(path), "/sys/class/carve/%s/size", region_label());
	read_sums();
	_exit(file_write(path, "1", 0) == -EACCES ? 0 : 3);
}

int main(void)
{
	manager = region_open();
	before = read_sums();
	check_permissions();
	check_value("nobody reads everything and writes nothing", be_nobody(), 0);
	check_values();
	check_many();
	check_secrets();
	check(region_is_clean(manager), "nothing is left behind", "something is");
	return finish();
}
