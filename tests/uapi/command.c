// SPDX-License-Identifier: MIT
/*
 * The commands of /dev/carve/NAME as a table, see command.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "command.h"

const struct command commands[COMMANDS] = {
	{ "info", CARVE_IOC_INFO, 88, sizeof(struct carve_info), false },
	{ "export", CARVE_IOC_EXPORT, 112, sizeof(struct carve_export), true },
	{ "list", CARVE_IOC_LIST, 32, sizeof(struct carve_list), false },
	{ "scrub", CARVE_IOC_SCRUB, 32, sizeof(struct carve_scrub), true },
	{ "identify", CARVE_IOC_IDENTIFY, 120, sizeof(struct carve_identify), true },
};

static struct carve_extent_info entries[4];

union command_args command_good(const struct command *command, int buf)
{
	union command_args args;

	memset(&args, 0, sizeof(args));
	args.size = command->bytes;
	switch (command->cmd) {
	case CARVE_IOC_EXPORT:
		args.export.bytes = page;
		args.export.fd_flags = O_RDWR | O_CLOEXEC;
		args.export.fd = -1;
		break;
	case CARVE_IOC_LIST:
		args.list.entries = (uintptr_t)entries;
		args.list.count = ARRAY_SIZE(entries);
		args.list.entry_size = sizeof(entries[0]);
		break;
	case CARVE_IOC_SCRUB:
		args.scrub.bytes = page;
		break;
	case CARVE_IOC_IDENTIFY:
		args.identify.fd = buf;
		break;
	}
	return args;
}

int command_run(int fd, unsigned int cmd, void *args)
{
	return ioctl(fd, cmd, args) ? -errno : 0;
}

void command_tidy(int fd, const struct command *command,
		  const union command_args *args)
{
	struct carve_release record;

	if (command->cmd != CARVE_IOC_EXPORT)
		return;
	close(args->export.fd);
	if (carve_read_records(fd, &record, 1) != 1 ||
	    carve_scrub_range(fd, record.offset, record.bytes) !=
	    (int64_t)record.bytes)
		die("cannot tidy up after an export");
}

int command_try(int fd, const struct command *command, union command_args *args)
{
	int ret = command_run(fd, command->cmd, args);

	if (!ret)
		command_tidy(fd, command, args);
	return ret;
}

int lowest_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("no descriptor: %m");
	close(fd);
	return fd;
}
