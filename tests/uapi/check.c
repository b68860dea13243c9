// SPDX-License-Identifier: MIT
/*
 * What the tests of the driver share, see check.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../patience.h"
#include "check.h"

uint64_t page;
struct carve_info region;
static char node[300];
static unsigned int failures;

bool check(bool good, const char *name, const char *why, ...)
{
	va_list args;

	if (good) {
		printf("ok %s\n", name);
	} else {
		failures++;
		printf("not ok %s - ", name);
		va_start(args, why);
		vprintf(why, args);
		va_end(args);
		printf("\n");
	}
	fflush(stdout);
	return good;
}

static const char *describe(int64_t value, char text[static 64])
{
	if (value < 0 && value > -4096)
		snprintf(text, 64, "%s", strerrorname_np(-value) ?: "?");
	else
		snprintf(text, 64, "%lld", (long long)value);
	return text;
}

bool check_value(const char *name, int64_t value, int64_t wanted)
{
	char got[64], want[64];

	return check(value == wanted, name, "%s instead of %s",
		     describe(value, got), describe(wanted, want));
}

void skip(const char *name, const char *why)
{
	printf("skip %s - %s\n", name, why);
	fflush(stdout);
}

void die(const char *why, ...)
{
	va_list args;

	printf("not ok setup - ");
	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

int finish(void)
{
	return failures ? 1 : 0;
}

static void find_node(void)
{
	const char *given = getenv("CARVE_NODE");
	struct dirent *entry;
	DIR *dir;

	if (given) {
		snprintf(node, sizeof(node), "%s", given);
		return;
	}
	dir = opendir("/dev/carve");
	if (!dir)
		die("no /dev/carve: is the driver loaded and a region in the device tree?");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(node, sizeof(node), "/dev/carve/%s",
				 entry->d_name);
	closedir(dir);
	if (!node[0])
		die("no region in /dev/carve");
}

int region_open(void)
{
	struct carve_release records[64];
	int64_t scrubbed;
	int fd;

	find_node();
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s: %m%s", node,
		    errno == EBUSY ? " (stop carved first)" : "");
	if (carve_info_get(fd, &region))
		die("%s: no information: %m", node);
	page = region.page_bytes;
	while (carve_read_records(fd, records, ARRAY_SIZE(records)) > 0)
		;
	scrubbed = carve_scrub_range(fd, 0, region.bytes);
	if (scrubbed < 0)
		die("%s cannot be scrubbed: %s", node, strerror(-scrubbed));
	return fd;
}

const char *region_node(void)
{
	return node;
}

int carve_info_get(int fd, struct carve_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return ioctl(fd, CARVE_IOC_INFO, info) ? -errno : 0;
}

int carve_export_flags(int fd, uint64_t offset, uint64_t bytes, uint64_t owner,
		       uint32_t fd_flags)
{
	struct carve_export export = {
		.size = sizeof(export),
		.offset = offset,
		.bytes = bytes,
		.owner = { owner, ~owner },
		.fd_flags = fd_flags,
	};

	snprintf(export.name, sizeof(export.name), "test-%llu",
		 (unsigned long long)owner);
	return ioctl(fd, CARVE_IOC_EXPORT, &export) ? -errno : export.fd;
}

int carve_export_buf(int fd, uint64_t offset, uint64_t bytes, uint64_t owner)
{
	return carve_export_flags(fd, offset, bytes, owner, O_RDWR | O_CLOEXEC);
}

int64_t carve_scrub_range(int fd, uint64_t offset, uint64_t bytes)
{
	struct carve_scrub scrub = {
		.size = sizeof(scrub),
		.offset = offset,
		.bytes = bytes,
	};

	return ioctl(fd, CARVE_IOC_SCRUB, &scrub) ? -errno :
						    (int64_t)scrub.scrubbed;
}

int carve_list_all(int fd, struct carve_extent_info *infos, unsigned int max)
{
	struct carve_list list = {
		.size = sizeof(list),
		.entry_size = sizeof(*infos),
	};
	unsigned int count = 0;

	do {
		list.entries = (uintptr_t)(infos + count);
		list.count = max - count;
		if (!list.count)
			break;
		if (ioctl(fd, CARVE_IOC_LIST, &list))
			return -errno;
		count += list.count;
	} while (list.count);
	return count;
}

int carve_read_records(int fd, struct carve_release *records, unsigned int max)
{
	ssize_t got;

	if (carve_wait_record(fd, 0) <= 0)
		return 0;
	got = read(fd, records, max * sizeof(*records));
	return got < 0 ? -errno : (int)(got / sizeof(*records));
}

int carve_wait_record(int fd, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int ready = patient_poll(&pollfd, 1, timeout_ms);

	if (ready < 0)
		return -errno;
	return ready && (pollfd.revents & POLLIN);
}

bool region_is_clean(int fd)
{
	struct carve_info info;

	return !carve_info_get(fd, &info) && !info.live_bytes &&
	       !info.live_count && !info.dirty_bytes && !info.unread_count;
}

int buf_sync(int buf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	return ioctl(buf, DMA_BUF_IOCTL_SYNC, &sync) ? -errno : 0;
}

void *buf_map(int buf, uint64_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);

	if (map == MAP_FAILED)
		die("cannot map a buffer: %m");
	return map;
}

int fork_child(void)
{
	int pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

int wait_child(int pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		die("waitpid: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}
