// SPDX-License-Identifier: MIT
/*
 * The manager asks which extent a descriptor is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"

/* The size of the first version, whatever the structure grows to. */
#define FIRST_BYTES 120

static int identify(int fd, int buf, struct carve_identify *ret)
{
	struct carve_identify args = { .size = sizeof(args), .fd = buf };

	/* What the caller left there is no answer. */
	memset(&args.extent, 0xff, sizeof(args.extent));
	if (ioctl(fd, CARVE_IOC_IDENTIFY, &args) < 0)
		return -errno;
	*ret = args;
	return 0;
}

static void check_extent(const char *name, const struct carve_extent_info *extent,
			 uint64_t offset, uint64_t bytes, uint64_t owner)
{
	struct carve_extent_info wanted = {
		.offset = offset,
		.bytes = bytes,
		.owner = { owner, owner + 1 },
		.state = CARVE_STATE_LIVE,
	};

	strcpy(wanted.name, "identified");
	check(!memcmp(extent, &wanted, sizeof(wanted)), name,
	      "offset %#llx, %#llx bytes, owner %llu, state %u, name %.63s",
	      (unsigned long long)extent->offset, (unsigned long long)extent->bytes,
	      (unsigned long long)extent->owner[0], extent->state, extent->name);
}

static int export(int fd, uint64_t offset, uint64_t bytes, uint64_t owner)
{
	struct carve_export args = {
		.size = sizeof(args), .offset = offset, .bytes = bytes,
		.owner = { owner, owner + 1 }, .name = "identified",
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	if (ioctl(fd, CARVE_IOC_EXPORT, &args) < 0)
		die("cannot export: %m");
	return args.fd;
}

static void check_values(int fd, int buf)
{
	struct carve_identify args = { .size = sizeof(args), .fd = buf };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	check_value("no descriptor", identify(fd, -1, &args), -EBADF);
	check_value("a descriptor that is not open", identify(fd, 9999, &args), -EBADF);
	check_value("no dma-buf", identify(fd, null, &args), -EINVAL);
	close(null);
	args = (struct carve_identify){ .size = sizeof(args), .fd = buf };
	args.reserved = 1;
	check_value("a reserved member", ioctl(fd, CARVE_IOC_IDENTIFY, &args) ? -errno : 0,
		    -EOPNOTSUPP);
	args = (struct carve_identify){ .size = sizeof(args), .fd = buf, .flags = 1 };
	check_value("a flag", ioctl(fd, CARVE_IOC_IDENTIFY, &args) ? -errno : 0,
		    -EOPNOTSUPP);
	args = (struct carve_identify){ .size = FIRST_BYTES - 1, .fd = buf };
	check_value("too short", ioctl(fd, CARVE_IOC_IDENTIFY, &args) ? -errno : 0,
		    -EINVAL);
	args = (struct carve_identify){ .size = FIRST_BYTES, .fd = buf };
	check_value("as in the first version",
		    ioctl(fd, CARVE_IOC_IDENTIFY, &args) ? -errno : 0, 0);
}

int main(void)
{
	struct carve_identify args;
	int fd = region_open();
	int reader = open(region_node(), O_RDONLY | O_CLOEXEC);
	int one = export(fd, 0, page, 1), two = export(fd, 4 * page, 3 * page, 7);
	int copy = dup(two);

	check_value("a buffer", identify(fd, one, &args), 0);
	check_extent("its extent", &args.extent, 0, page, 1);
	check_value("another", identify(fd, two, &args), 0);
	check_extent("its extent too", &args.extent, 4 * page, 3 * page, 7);
	close(two);
	check_value("by a copy of the descriptor", identify(fd, copy, &args), 0);
	check_extent("the same extent", &args.extent, 4 * page, 3 * page, 7);
	check_values(fd, one);
	check_value("only for the manager", identify(reader, one, &args), -EPERM);
	close(copy);
	close(one);
	return finish();
}
