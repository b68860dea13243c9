// SPDX-License-Identifier: MIT
/*
 * What all commands of /dev/carve/NAME share: the size in front, flags,
 * pointers, roles. Used wrongly each gives the right errno, and nothing
 * changes. What is particular to one stands in ioctl-NAME.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "command.h"

static int manager, reader, buf;
static struct carve_info before;

/* Names a check of a command. */
static const char *name_of(const struct command *command, const char *what)
{
	static char name[96];

	snprintf(name, sizeof(name), "%s %s", command->name, what);
	return name;
}

/* Nothing has become live, dirty or unread, and nothing clean. */
static void check_unchanged(const struct command *command, const char *what)
{
	struct carve_info info;

	carve_info_get(manager, &info);
	check(!memcmp(&info, &before, sizeof(info)), name_of(command, what),
	      "%u live, %llu dirty, %u unread", info.live_count, info.dirty_bytes,
	      info.unread_count);
}

/* The outcome of a command with a size and a tail behind what is known. */
static int try_size(const struct command *command, uint32_t size)
{
	union command_args args = command_good(command, buf);

	args.size = size;
	if (size < 4)
		size = 4;
	if (size < sizeof(args))
		memset(args.bytes + size, 0xff, sizeof(args) - size);
	return command_try(manager, command, &args);
}

static void check_sizes(const struct command *command)
{
	static const uint32_t short_ones[] = { 0, 1, 4, 8 };
	uint32_t size;
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(short_ones); i++)
		if (try_size(command, short_ones[i]) != -EINVAL)
			break;
	check(i == ARRAY_SIZE(short_ones), name_of(command, "of next to no size"),
	      "size %u", short_ones[i % ARRAY_SIZE(short_ones)]);
	check_value(name_of(command, "one byte too short"),
		    try_size(command, command->first - 1), -EINVAL);
	/* Behind what is said to be the structure anything may stand. */
	for (size = command->first; size <= command->bytes && !ret; size++)
		ret = try_size(command, size);
	check(!ret, name_of(command, "of every size from the first version's on"),
	      "size %u: %s", size - 1, strerror(-ret));
	check_unchanged(command, "of all sizes left nothing");
}

/* A structure as long as a page, and longer. */
static void check_long(const struct command *command)
{
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	union command_args *args = (void *)area;
	const uint32_t ends[] = { command->bytes + 1, command->bytes + 16, 200, page };
	int ret = 0;
	size_t i, at;

	if (area == MAP_FAILED)
		die("mmap: %m");
	for (i = 0; i < ARRAY_SIZE(ends) && !ret; i++) {
		*args = command_good(command, buf);
		args->size = ends[i];
		ret = command_try(manager, command, args);
	}
	check(!ret, name_of(command, "with a zero tail, up to a page"),
	      "size %u: %s", ends[i - 1], strerror(-ret));
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		const size_t places[] = { command->bytes, ends[i] - 1,
					  (command->bytes + ends[i]) / 2 };

		for (at = 0; at < ARRAY_SIZE(places); at++) {
			*args = command_good(command, buf);
			args->size = ends[i];
			area[places[at]] = 1;
			ret = command_run(manager, command->cmd, args);
			area[places[at]] = 0;
			if (ret != -E2BIG)
				goto out;
		}
	}
out:
	check(i == ARRAY_SIZE(ends), name_of(command, "with a nonzero tail"),
	      "size %u: %s", ends[i % ARRAY_SIZE(ends)], strerror(-ret));
	*args = command_good(command, buf);
	args->size = page + 1;
	check_value(name_of(command, "longer than a page"),
		    command_run(manager, command->cmd, args), -E2BIG);
	args->size = UINT32_MAX;
	check_value(name_of(command, "of size 4 GiB"),
		    command_run(manager, command->cmd, args), -E2BIG);
	munmap(area, 2 * page);
	check_unchanged(command, "of all lengths left nothing");
}

static void check_flags(const struct command *command)
{
	union command_args args;
	int bit, ret = -EOPNOTSUPP;

	for (bit = 0; bit < 32 && ret == -EOPNOTSUPP; bit++) {
		args = command_good(command, buf);
		args.words[1] = 1u << bit;
		ret = command_run(manager, command->cmd, &args);
	}
	check(ret == -EOPNOTSUPP, name_of(command, "with each flag there is not"),
	      "bit %d: %s", bit - 1, strerror(-ret));
	for (bit = 0; bit < 32 && command->cmd == CARVE_IOC_IDENTIFY; bit++) {
		args = command_good(command, buf);
		args.identify.reserved = 1u << bit;
		ret = command_run(manager, command->cmd, &args);
		if (ret != -EOPNOTSUPP)
			break;
	}
	check(ret == -EOPNOTSUPP, name_of(command, "with a reserved member set"),
	      "bit %d: %s", bit, strerror(-ret));
}

/* The structure lies across the end of what is there, by each possible part. */
static void check_crossing(const struct command *command, char *area)
{
	union command_args args = command_good(command, buf);
	int ret = -EFAULT;
	uint32_t there;

	for (there = 0; there < command->bytes && ret == -EFAULT; there++) {
		memcpy(area + page - there, &args, there);
		ret = command_run(manager, command->cmd, area + page - there);
	}
	check(ret == -EFAULT, name_of(command, "across the end of memory"),
	      "with %u bytes: %s", there - 1, strerror(-ret));
	memcpy(area + page - command->bytes, &args, command->bytes);
	ret = command_run(manager, command->cmd, area + page - command->bytes);
	if (!ret) {
		memcpy(&args, area + page - command->bytes, command->bytes);
		command_tidy(manager, command, &args);
	}
	check_value(name_of(command, "up to the end of memory"), ret, 0);
}

/* All or part of it can be read only: the reply fails, at the very end. */
static void check_reply(const struct command *command, char *area)
{
	union command_args args = command_good(command, buf);
	int lowest = lowest_fd(), ret = -EFAULT;
	uint32_t there;

	memcpy(area, &args, sizeof(args));
	mprotect(area, page, PROT_READ);
	check_value(name_of(command, "that can only be read"),
		    command_run(manager, command->cmd, area), -EFAULT);
	mprotect(area, 2 * page, PROT_READ | PROT_WRITE);
	for (there = 4; there < command->bytes && ret == -EFAULT; there += 4) {
		memcpy(area + page - there, &args, sizeof(args));
		mprotect(area + page, page, PROT_READ);
		ret = command_run(manager, command->cmd, area + page - there);
		mprotect(area + page, page, PROT_READ | PROT_WRITE);
	}
	check(ret == -EFAULT, name_of(command, "that can only be written in part"),
	      "the first %u bytes: %s", there - 4, strerror(-ret));
	check_value(name_of(command, "whose reply failed keeps no descriptor"),
		    lowest_fd(), lowest);
	check_unchanged(command, "whose reply failed left nothing");
}

static void check_pointers(const struct command *command)
{
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	union command_args args = command_good(command, buf), *odd;
	int ret;

	if (area == MAP_FAILED || mprotect(area + page, page, PROT_NONE))
		die("mmap: %m");
	check_value(name_of(command, "without structure"),
		    command_run(manager, command->cmd, NULL), -EFAULT);
	check_value(name_of(command, "where nothing is mapped"),
		    command_run(manager, command->cmd, area + page), -EFAULT);
	check_value(name_of(command, "at an address of the kernel"),
		    command_run(manager, command->cmd,
				(void *)(uintptr_t)(UINTPTR_MAX - 2 * page + 1)), -EFAULT);
	check_value(name_of(command, "at the end of all addresses"),
		    command_run(manager, command->cmd, (void *)(UINTPTR_MAX - 7)),
		    -EFAULT);
	odd = (void *)(area + 3);
	memcpy(odd, &args, sizeof(args));
	ret = command_run(manager, command->cmd, odd);
	memcpy(&args, odd, sizeof(args));
	if (check_value(name_of(command, "at an odd address"), ret, 0))
		command_tidy(manager, command, &args);
	check_crossing(command, area);
	mprotect(area + page, page, PROT_READ | PROT_WRITE);
	check_reply(command, area);
	munmap(area, 2 * page);
}

static void check_role(const struct command *command)
{
	union command_args args = command_good(command, buf), result = args;

	check_value(name_of(command, "by a reader"),
		    command_run(reader, command->cmd, &result),
		    command->manager ? -EPERM : 0);
	if (command->manager)
		check(!memcmp(&result, &args, sizeof(args)),
		      name_of(command, "that was refused wrote nothing"),
		      "it did");
	args.size = command->first - 1;
	check_value(name_of(command, "by a reader, too short"),
		    command_run(reader, command->cmd, &args), -EINVAL);
	check_unchanged(command, "by a reader left nothing");
}

static void check_roles(void)
{
	struct carve_release record;
	struct carve_info info;
	int other;

	other = open(region_node(), O_RDWR | O_CLOEXEC);
	check_value("a second manager", other < 0 ? -errno : 0, -EBUSY);
	other = open(region_node(), O_WRONLY | O_CLOEXEC);
	check_value("open for writing only", other < 0 ? -errno : 0, -EINVAL);
	check_value("read by a reader",
		    read(reader, &record, sizeof(record)) < 0 ? -errno : 0,
		    -EPERM);
	check_value("info for the manager", carve_info_get(manager, &info), 0);
	check(info.phys && info.bytes && !(info.bytes % info.page_bytes) &&
	      info.page_bytes == (uint32_t)getpagesize() && info.label[0],
	      "the manager is told everything", "phys %#llx bytes %llu",
	      info.phys, info.bytes);
	check_value("info for a reader", carve_info_get(reader, &info), 0);
	check(!info.phys, "a reader is not told the address", "phys %#llx",
	      info.phys);
}

static void check_unknown(void)
{
	union command_args args = command_good(&commands[0], buf);
	int number, ret = -ENOTTY;

	for (number = COMMANDS; number < 256 && ret == -ENOTTY; number++)
		ret = command_run(manager, _IO(CARVE_IOC_TYPE, number), &args);
	check(ret == -ENOTTY, "each number without a command", "%d: %s",
	      number - 1, strerror(-ret));
	check_value("another driver's type",
		    command_run(manager, _IO('x', 0), &args), -ENOTTY);
	check_value("a size in the command's number",
		    command_run(manager, _IOWR(CARVE_IOC_TYPE, 0, struct carve_info),
				&args), -ENOTTY);
	check_value("an unknown command of a reader",
		    command_run(reader, _IO(CARVE_IOC_TYPE, COMMANDS), NULL), -ENOTTY);
	check_value("seek", lseek(manager, 0, SEEK_SET) < 0 ? -errno : 0, -ESPIPE);
	check_value("write", write(manager, &args, 8) < 0 ? -errno : 0, -EINVAL);
	check_value("mmap of the node",
		    mmap(NULL, page, PROT_READ, MAP_SHARED, manager, 0) == MAP_FAILED ?
			    -errno : 0, -ENODEV);
}

int main(void)
{
	size_t i;

	manager = region_open();
	reader = open(region_node(), O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		die("cannot open for reading: %m");
	check(region_is_clean(manager), "all clean after scrubbing", "it is not");
	buf = carve_export_buf(manager, 4 * page, page, 1);
	if (buf < 0)
		die("cannot export: %s", strerror(-buf));
	carve_info_get(manager, &before);
	for (i = 0; i < COMMANDS; i++) {
		check_sizes(&commands[i]);
		check_long(&commands[i]);
		check_flags(&commands[i]);
		check_pointers(&commands[i]);
		check_role(&commands[i]);
	}
	check_roles();
	check_unknown();
	close(manager);
	manager = open(region_node(), O_RDWR | O_CLOEXEC);
	check(manager >= 0, "a new manager when the old one has gone", "%m");
	return finish();
}
