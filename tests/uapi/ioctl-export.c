// SPDX-License-Identifier: MIT
/*
 * EXPORT and SCRUB with each value at its edges, and what is there already in
 * the way: the right errno, and nothing changed. Guards have guard.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "command.h"

static const struct command *const export = &commands[COMMAND_EXPORT];

struct range_case {
	const char *name;
	uint64_t offset, bytes;
	int wanted;
};

static void check_ranges(int fd)
{
	const uint64_t all = region.bytes;
	const struct range_case cases[] = {
		{ "zero", 0, 0, -EINVAL },
		{ "zero at the end", all, 0, -EINVAL },
		{ "misaligned offset", 1, page, -EINVAL },
		{ "misaligned length", 0, page - 1, -EINVAL },
		{ "half a page", page / 2, page, -EINVAL },
		{ "behind the end", all, page, -ERANGE },
		{ "across the end", all - page, 2 * page, -ERANGE },
		{ "one page too long", 0, all + page, -ERANGE },
		{ "huge", 0, UINT64_C(1) << 62, -ERANGE },
		{ "huge offset", UINT64_C(1) << 62, page, -ERANGE },
		{ "overflow", -page, 2 * page, -EINVAL },
		{ "overflow to the last byte", page, -page, -EINVAL },
		{ "overflow by everything", -page, -page, -EINVAL },
	};
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct range_case *c = &cases[i];

		snprintf(name, sizeof(name), "export range: %s", c->name);
		check_value(name, carve_export_buf(fd, c->offset, c->bytes, 1),
			    c->wanted);
		snprintf(name, sizeof(name), "scrub range: %s", c->name);
		check_value(name, carve_scrub_range(fd, c->offset, c->bytes),
			    c->wanted);
	}
	check(region_is_clean(fd), "bad ranges left nothing",
	      "something is live, dirty or unread");
}

/* Exports, tells the descriptor's flags, gives back; or a negative errno. */
static int try_flags(int fd, uint32_t fd_flags)
{
	union command_args args = command_good(export, -1);
	int ret, flags;

	args.export.fd_flags = fd_flags;
	ret = command_run(fd, export->cmd, &args);
	if (ret)
		return args.export.fd == -1 ? ret : -EIO;
	flags = fcntl(args.export.fd, F_GETFL) & O_ACCMODE;
	if (fcntl(args.export.fd, F_GETFD) & FD_CLOEXEC)
		flags |= O_CLOEXEC;
	command_tidy(fd, export, &args);
	return flags;
}

static void check_fd_flags(int fd)
{
	static const uint32_t good[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int bit, ret = -EOPNOTSUPP;
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(name, sizeof(name), "export with access mode %u", good[i]);
		check_value(name, try_flags(fd, good[i]), good[i]);
		snprintf(name, sizeof(name), "and with O_CLOEXEC, mode %u", good[i]);
		check_value(name, try_flags(fd, good[i] | O_CLOEXEC),
			    good[i] | O_CLOEXEC);
	}
	check_value("export with access mode 3", try_flags(fd, O_ACCMODE), -EINVAL);
	for (bit = 0; bit < 32 && ret == -EOPNOTSUPP; bit++)
		if (!((1u << bit) & (O_ACCMODE | O_CLOEXEC)))
			ret = try_flags(fd, O_RDWR | 1u << bit);
	check(ret == -EOPNOTSUPP, "export with each other open flag", "bit %d: %s",
	      bit - 1, strerror(-ret));
}

static int try_name(int fd, unsigned int letters, char letter)
{
	union command_args args = command_good(export, -1);

	memset(args.export.name, letter, letters);
	return command_try(fd, export, &args);
}

static void check_names(int fd)
{
	check_value("export without a name", try_name(fd, 0, 0), 0);
	check_value("export with the longest name",
		    try_name(fd, CARVE_NAME_LEN - 1, 'x'), 0);
	check_value("export with a name without end",
		    try_name(fd, CARVE_NAME_LEN, 'x'), -EINVAL);
	check_value("export with a name of control characters",
		    try_name(fd, 8, '\n'), 0);
	check_value("export with a name of no known letters",
		    try_name(fd, 8, '\xff'), 0);
}

/* The owner is nobody's business but the manager's: any words come back. */
static void check_owner(int fd)
{
	static const uint64_t words[] = { 0, 1, UINT64_MAX, UINT64_C(1) << 63 };
	struct carve_release record;
	union command_args args;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		args = command_good(export, -1);
		args.export.owner[0] = words[i];
		args.export.owner[1] = ~words[i];
		if (command_run(fd, export->cmd, &args))
			break;
		close(args.export.fd);
		if (carve_read_records(fd, &record, 1) != 1 ||
		    record.owner[0] != words[i] || record.owner[1] != ~words[i] ||
		    carve_scrub_range(fd, 0, page) != (int64_t)page)
			break;
	}
	check(i == ARRAY_SIZE(words), "any owner comes back", "not %#llx",
	      (unsigned long long)words[i % ARRAY_SIZE(words)]);
}

/* Scrubbing tells how much only when it was done. */
static void check_scrubbed(int fd)
{
	int buf = carve_export_buf(fd, page, page, 1);
	struct carve_scrub scrub = {
		.size = sizeof(scrub), .bytes = 2 * page, .scrubbed = 77,
	};

	check_value("scrub of a live page", command_run(fd, CARVE_IOC_SCRUB, &scrub),
		    -EBUSY);
	check_value("tells nothing", scrub.scrubbed, 77);
	close(buf);
	check_value("scrub of a dirty and a clean page",
		    command_run(fd, CARVE_IOC_SCRUB, &scrub), 0);
	check_value("tells of the dirty one", scrub.scrubbed, page);
	check_value("scrub of all that is clean",
		    carve_scrub_range(fd, 0, region.bytes), 0);
	carve_read_records(fd, &(struct carve_release){ 0 }, 1);
}

struct busy_case {
	const char *name;
	uint64_t at, pages;
	int wanted;
};

/* Exports around and over pages 4 to 7, which are live or dirty. */
static void check_overlaps(int fd, const char *state)
{
	static const struct busy_case cases[] = {
		{ "the same", 4, 4, -EBUSY },
		{ "its first page", 4, 1, -EBUSY },
		{ "its last page", 7, 1, -EBUSY },
		{ "inside it", 5, 2, -EBUSY },
		{ "across its start", 3, 2, -EBUSY },
		{ "across its end", 7, 2, -EBUSY },
		{ "around it", 0, 16, -EBUSY },
		{ "before it", 3, 1, 0 },
		{ "behind it", 8, 1, 0 },
	};
	struct carve_release record;
	char name[64];
	size_t i;
	int buf;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct busy_case *c = &cases[i];

		snprintf(name, sizeof(name), "export over %s: %s", state, c->name);
		buf = carve_export_buf(fd, c->at * page, c->pages * page, 8);
		check_value(name, buf < 0 ? buf : 0, c->wanted);
		if (buf < 0)
			continue;
		close(buf);
		carve_read_records(fd, &record, 1);
		if (carve_scrub_range(fd, c->at * page, c->pages * page) < 0)
			die("cannot scrub");
	}
}

static void check_busy(int fd)
{
	int buf = carve_export_buf(fd, 4 * page, 4 * page, 7);
	struct carve_release record = { 0 };

	check(buf >= 0, "export", "%s", strerror(-buf));
	check_value("scrub of a live range", carve_scrub_range(fd, 0, 16 * page),
		    -EBUSY);
	check_value("scrub of part of it", carve_scrub_range(fd, 5 * page, page),
		    -EBUSY);
	check_overlaps(fd, "live");
	close(buf);
	check_value("one record for it", carve_read_records(fd, &record, 1), 1);
	check(record.offset == 4 * page && record.bytes == 4 * page &&
	      record.owner[0] == 7 && record.owner[1] == ~UINT64_C(7) &&
	      !record.flags && !record.guard_damaged,
	      "the record says what was exported",
	      "offset %llu bytes %llu owner %llu",
	      record.offset, record.bytes, record.owner[0]);
	check_overlaps(fd, "dirty");
	check_value("scrub of part of a dirty extent",
		    carve_scrub_range(fd, 5 * page, 2 * page), 2 * page);
	check_value("a second time there is nothing to do",
		    carve_scrub_range(fd, 5 * page, 2 * page), 0);
	check_value("scrub of the rest", carve_scrub_range(fd, 0, 16 * page),
		    2 * page);
	check(region_is_clean(fd), "clean afterwards", "it is not");
}

/* One descriptor too few: nothing happens, and afterwards all is as before. */
static void check_fd_limit(int fd)
{
	int lowest = lowest_fd(), ret, first;
	struct rlimit limit, less;

	first = carve_export_buf(fd, 0, page, 1);
	getrlimit(RLIMIT_NOFILE, &limit);
	less = limit;
	less.rlim_cur = lowest + 1;
	setrlimit(RLIMIT_NOFILE, &less);
	ret = carve_export_buf(fd, page, page, 2);
	check_value("export when descriptors have run out", ret, -EMFILE);
	ret = carve_export_buf(fd, 0, page, 2);
	check_value("over a live page it is EBUSY all the same", ret, -EBUSY);
	setrlimit(RLIMIT_NOFILE, &limit);
	check_value("the page is still clean", carve_scrub_range(fd, page, page), 0);
	ret = carve_export_buf(fd, page, page, 3);
	check_value("with a descriptor to be had it can be exported", ret, lowest + 1);
	close(ret);
	close(first);
	check_value("no descriptor is lost", lowest_fd(), lowest);
	check_value("two records", carve_read_records(fd,
			(struct carve_release[4]){ 0 }, 4), 2);
	check_value("two dirty pages", carve_scrub_range(fd, 0, region.bytes),
		    2 * page);
}

/* Once the whole region in one piece. */
static void check_whole(int fd)
{
	int buf = carve_export_buf(fd, 0, region.bytes, 1);

	check(buf >= 0, "export of the whole region", "%s", strerror(-buf));
	check_value("it is as long", lseek(buf, 0, SEEK_END), region.bytes);
	check_value("then not even the last page is left",
		    carve_export_buf(fd, region.bytes - page, page, 2), -EBUSY);
	close(buf);
	check_value("a record", carve_read_records(fd,
			(struct carve_release[2]){ 0 }, 2), 1);
	check_value("all of it was dirty", carve_scrub_range(fd, 0, region.bytes),
		    region.bytes);
}

int main(void)
{
	int fd = region_open();

	check_ranges(fd);
	check_fd_flags(fd);
	check_names(fd);
	check_owner(fd);
	check_scrubbed(fd);
	check_busy(fd);
	check_fd_limit(fd);
	check_whole(fd);
	check(region_is_clean(fd), "clean in the end", "it is not");
	return finish();
}
