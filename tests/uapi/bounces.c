// SPDX-License-Identifier: MIT
/*
 * Whether any device's DMA went through a bounce buffer (swiotlb) between
 * "bounces start" and "bounces end": memory that a device was promised must be
 * the memory itself. "bounces control", after a start of its own, provokes one
 * on a kernel that bounces everything, to see that it would be noticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "check.h"
#include "device.h"
#include "files.h"

#define TRACEFS "/sys/kernel/tracing"
#define EVENT "events/swiotlb/swiotlb_bounced"
#define INSTANCE TRACEFS "/instances/carve-bounces"
#define NAME "no DMA went through a bounce buffer"

static void start(void)
{
	if (access(TRACEFS "/events", F_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/" EVENT, F_OK))
		return;	/* end() says so */
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		die("no trace instance: %m");
	if (file_write(INSTANCE "/" EVENT "/enable", "1", 0) ||
	    file_write(INSTANCE "/tracing_on", "1", 0))
		die("cannot watch bounce buffers");
}

/* How often since the start, and the first time. */
static unsigned int count_bounces(char first[static 1000])
{
	FILE *trace = fopen(INSTANCE "/trace", "re");
	unsigned int count = 0;
	char line[1000];

	if (!trace)
		die("\"bounces start\" comes first: %m");
	*first = '\0';
	while (fgets(line, sizeof(line), trace)) {
		if (!strstr(line, "swiotlb_bounced: "))
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (!count++)
			strcpy(first, strstr(line, "swiotlb_bounced: "));
	}
	fclose(trace);
	return count;
}

static void end(void)
{
	char first[1000];
	unsigned int count;

	if (access(TRACEFS "/" EVENT, F_OK)) {
		skip(NAME, "the kernel has no bounce buffers, or no trace of them");
		return;
	}
	count = count_bounces(first);
	rmdir(INSTANCE);
	check(!count, NAME, "%u times, first %s", count, first);
}

/* A buffer of ordinary memory, whose exporter lets it be bounced. */
static int udmabuf_new(void)
{
	struct udmabuf_create create = { .size = 4 * page };
	int control = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int memfd, buf;

	if (control < 0)
		return -errno;
	memfd = memfd_create("bounces", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, create.size) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		die("no memfd: %m");
	create.memfd = memfd;
	buf = ioctl(control, UDMABUF_CREATE, &create);
	if (buf < 0)
		die("no udmabuf: %m");
	close(memfd);
	close(control);
	return buf;
}

/* On a kernel that bounces everything: does this program see one at all? */
static void control(void)
{
	int device = device_open("plain"), buf = udmabuf_new();
	struct carve_test_map map = { .count = 0 };
	char first[1000];
	unsigned int count;

	if (device < 0)
		die("/dev/carve-test/plain: %m (modprobe carve-test)");
	if (buf < 0 || access(TRACEFS "/" EVENT, F_OK)) {
		skip("a bounce is seen", "the kernel has no udmabuf, or no trace");
		return;
	}
	count = count_bounces(first);
	check_value("another exporter's buffer is mapped",
		    device_map(device, buf, CARVE_TEST_BOTH, NULL, &map), 0);
	check(count_bounces(first) > count, "a bounce is seen", "still %u", count);
	close(buf);
	close(device);
}

int main(int argc, char **argv)
{
	page = sysconf(_SC_PAGESIZE);
	if (argc == 2 && !strcmp(argv[1], "start"))
		start();
	else if (argc == 2 && !strcmp(argv[1], "end"))
		end();
	else if (argc == 2 && !strcmp(argv[1], "control"))
		control();
	else
		die("usage: bounces start|end|control");
	return finish();
}
