// SPDX-License-Identifier: MIT
/*
 * Every command of /dev/carve/NAME used wrongly: the right errno, and nothing
 * changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "check.h"

/* The first version's size is a number: it stays when the structure grows. */
struct command {
	const char *name;
	unsigned int cmd;
	uint32_t first;
	uint32_t bytes;
	bool manager;
};

static const struct command commands[] = {
	{ "info", CARVE_IOC_INFO, 88, sizeof(struct carve_info), false },
	{ "export", CARVE_IOC_EXPORT, 112, sizeof(struct carve_export), true },
	{ "list", CARVE_IOC_LIST, 32, sizeof(struct carve_list), false },
	{ "scrub", CARVE_IOC_SCRUB, 32, sizeof(struct carve_scrub), true },
};

static struct carve_extent_info entries[4];

/* A structure with which the command would succeed, and room behind it. */
struct good {
	union {
		uint32_t size;
		struct carve_info info;
		struct carve_export export;
		struct carve_list list;
		struct carve_scrub scrub;
		uint32_t words[2];
	};
	unsigned char tail[64];
};

static struct good good_args(const struct command *command)
{
	struct good good;

	memset(&good, 0, sizeof(good));
	good.size = command->bytes;
	if (command->cmd == CARVE_IOC_EXPORT) {
		good.export.bytes = page;
		good.export.fd_flags = O_RDWR | O_CLOEXEC;
	} else if (command->cmd == CARVE_IOC_LIST) {
		good.list.entries = (uintptr_t)entries;
		good.list.count = ARRAY_SIZE(entries);
		good.list.entry_size = sizeof(entries[0]);
	} else if (command->cmd == CARVE_IOC_SCRUB) {
		good.scrub.bytes = page;
	}
	return good;
}

static int run(int fd, unsigned int cmd, void *args)
{
	return ioctl(fd, cmd, args) ? -errno : 0;
}

/* What a successful call left behind goes, so that every check starts alike. */
static void tidy(int fd, const struct command *command, const struct good *good)
{
	struct carve_release record;

	if (command->cmd != CARVE_IOC_EXPORT)
		return;
	close(good->export.fd);
	if (carve_read_records(fd, &record, 1) != 1 ||
	    carve_scrub_range(fd, 0, region.bytes) != (int64_t)page)
		die("cannot tidy up after an export");
}

static void check_sizes(int fd, const struct command *command)
{
	struct good good;
	char name[64];
	int ret;

	good = good_args(command);
	good.size = command->first - 1;
	snprintf(name, sizeof(name), "%s too short", command->name);
	check_value(name, run(fd, command->cmd, &good), -EINVAL);
	good.size = command->first;
	snprintf(name, sizeof(name), "%s as in the first version", command->name);
	if (check_value(name, run(fd, command->cmd, &good), 0))
		tidy(fd, command, &good);
	good = good_args(command);
	good.size = 0;
	snprintf(name, sizeof(name), "%s of size 0", command->name);
	check_value(name, run(fd, command->cmd, &good), -EINVAL);

	good = good_args(command);
	good.size = command->bytes + 16;
	memset((char *)&good + command->bytes, 0, 16);
	snprintf(name, sizeof(name), "%s with a zero tail", command->name);
	ret = run(fd, command->cmd, &good);
	if (check_value(name, ret, 0))
		tidy(fd, command, &good);

	good = good_args(command);
	good.size = command->bytes + 16;
	((char *)&good)[command->bytes + 15] = 1;
	snprintf(name, sizeof(name), "%s with a nonzero tail", command->name);
	check_value(name, run(fd, command->cmd, &good), -E2BIG);
	good.size = UINT32_MAX;
	snprintf(name, sizeof(name), "%s of size 4 GiB", command->name);
	check_value(name, run(fd, command->cmd, &good), -E2BIG);
}

static void check_pointers(int fd, const struct command *command)
{
	struct good good = good_args(command);
	char name[64], *edge;

	snprintf(name, sizeof(name), "%s without structure", command->name);
	check_value(name, run(fd, command->cmd, NULL), -EFAULT);

	/* The size is readable, the rest is not. */
	edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge == MAP_FAILED || mprotect(edge + page, page, PROT_NONE))
		die("mmap: %m");
	memcpy(edge + page - 8, &good, 8);
	snprintf(name, sizeof(name), "%s half readable", command->name);
	check_value(name, run(fd, command->cmd, edge + page - 8), -EFAULT);

	/* All of it readable, none writable: the reply fails at the very end. */
	memcpy(edge, &good, sizeof(good));
	mprotect(edge, page, PROT_READ);
	snprintf(name, sizeof(name), "%s not writable", command->name);
	check_value(name, run(fd, command->cmd, edge), -EFAULT);
	munmap(edge, 2 * page);
	snprintf(name, sizeof(name), "%s that failed left nothing", command->name);
	check(region_is_clean(fd), name, "something is live, dirty or unread");
}

static void check_flags(int fd, const struct command *command)
{
	struct good good = good_args(command);
	char name[64];

	good.words[1] = 1;
	snprintf(name, sizeof(name), "%s with an unknown flag", command->name);
	check_value(name, run(fd, command->cmd, &good), -EOPNOTSUPP);
}

static void check_reader(const struct command *command, int reader)
{
	struct good good = good_args(command);
	char name[64];

	snprintf(name, sizeof(name), "%s by a reader", command->name);
	check_value(name, run(reader, command->cmd, &good),
		    command->manager ? -EPERM : 0);
}

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

static void check_export_values(int fd)
{
	struct carve_export export;
	struct good good;

	good = good_args(&commands[1]);
	memset(good.export.name, 'x', sizeof(good.export.name));
	check_value("export with a name without end",
		    run(fd, CARVE_IOC_EXPORT, &good), -EINVAL);
	good = good_args(&commands[1]);
	good.export.fd_flags = O_RDWR | O_NONBLOCK;
	check_value("export with another open flag",
		    run(fd, CARVE_IOC_EXPORT, &good), -EOPNOTSUPP);
	good.export.fd_flags = O_ACCMODE;
	check_value("export with access mode 3",
		    run(fd, CARVE_IOC_EXPORT, &good), -EINVAL);

	good = good_args(&commands[1]);
	memset(good.export.name, 'x', sizeof(good.export.name) - 1);
	export = good.export;
	if (check_value("export with the longest name",
			run(fd, CARVE_IOC_EXPORT, &export), 0)) {
		check(fcntl(export.fd, F_GETFD) & FD_CLOEXEC,
		      "O_CLOEXEC reaches the descriptor", "flags %#x",
		      fcntl(export.fd, F_GETFD));
		good.export.fd = export.fd;
		tidy(fd, &commands[1], &good);
	}
	good = good_args(&commands[1]);
	good.export.fd_flags = O_RDWR;
	if (check_value("export without O_CLOEXEC",
			run(fd, CARVE_IOC_EXPORT, &good), 0)) {
		check(!(fcntl(good.export.fd, F_GETFD) & FD_CLOEXEC),
		      "no O_CLOEXEC unasked", "flags %#x",
		      fcntl(good.export.fd, F_GETFD));
		tidy(fd, &commands[1], &good);
	}
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

static void check_roles(int fd, int reader)
{
	struct carve_release record;
	struct carve_info info;
	int other;
	size_t i;

	other = open(region_node(), O_RDWR | O_CLOEXEC);
	check_value("a second manager", other < 0 ? -errno : 0, -EBUSY);
	other = open(region_node(), O_WRONLY | O_CLOEXEC);
	check_value("open for writing only", other < 0 ? -errno : 0, -EINVAL);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		check_reader(&commands[i], reader);
	check_value("read by a reader",
		    read(reader, &record, sizeof(record)) < 0 ? -errno : 0,
		    -EPERM);
	check_value("info for the manager", carve_info_get(fd, &info), 0);
	check(info.phys && info.bytes && !(info.bytes % info.page_bytes) &&
	      info.page_bytes == (uint32_t)getpagesize() && info.label[0],
	      "the manager is told everything", "phys %#llx bytes %llu",
	      info.phys, info.bytes);
	check_value("info for a reader", carve_info_get(reader, &info), 0);
	check(!info.phys, "a reader is not told the address", "phys %#llx",
	      info.phys);
}

static void check_unknown(int fd)
{
	struct good good = good_args(&commands[0]);

	check_value("unknown command", run(fd, _IO(CARVE_IOC_TYPE, 5), &good),
		    -ENOTTY);
	check_value("a number far off", run(fd, _IO(CARVE_IOC_TYPE, 255), &good),
		    -ENOTTY);
	check_value("another driver's type", run(fd, _IO('x', 0), &good),
		    -ENOTTY);
	check_value("a size in the command's number",
		    run(fd, _IOWR(CARVE_IOC_TYPE, 0, struct carve_info), &good),
		    -ENOTTY);
	check_value("seek", lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0, -ESPIPE);
	check_value("write", write(fd, &good, 8) < 0 ? -errno : 0, -EINVAL);
}

int main(void)
{
	int fd = region_open();
	int reader = open(region_node(), O_RDONLY | O_CLOEXEC);
	size_t i;

	if (reader < 0)
		die("cannot open for reading: %m");
	check(region_is_clean(fd), "all clean after scrubbing", "it is not");
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		check_sizes(fd, &commands[i]);
		check_pointers(fd, &commands[i]);
		check_flags(fd, &commands[i]);
	}
	check_ranges(fd);
	check_export_values(fd);
	check_busy(fd);
	check_roles(fd, reader);
	check_unknown(fd);
	close(fd);
	fd = open(region_node(), O_RDWR | O_CLOEXEC);
	check(fd >= 0, "a new manager when the old one has gone", "%m");
	return finish();
}
