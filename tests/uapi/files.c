// SPDX-License-Identifier: MIT
/*
 * Whole files under /sys and /proc, see files.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "check.h"
#include "files.h"

ssize_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t got = 0;
	int error;

	if (fd < 0)
		return -errno;
	while (have + 1 < size &&
	       (got = read(fd, text + have, size - have - 1)) > 0)
		have += got;
	error = errno;
	close(fd);
	text[have] = '\0';
	return got < 0 ? -error : (ssize_t)have;
}

int file_write(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

const char *region_label(void)
{
	return strrchr(region_node(), '/') + 1;
}

int export_named(int fd, uint64_t offset, uint64_t bytes, uint64_t owner,
		 const char *name)
{
	struct carve_export export = {
		.size = sizeof(export),
		.offset = offset,
		.bytes = bytes,
		.owner = { owner, ~owner },
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	snprintf(export.name, sizeof(export.name), "%s", name);
	return ioctl(fd, CARVE_IOC_EXPORT, &export) ? -errno : export.fd;
}

void export_end(int fd, int buf)
{
	struct carve_release record;

	close(buf);
	if (carve_wait_record(fd, 5000) != 1 ||
	    carve_read_records(fd, &record, 1) != 1)
		die("no release record");
}
