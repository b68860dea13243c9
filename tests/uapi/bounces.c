// SPDX-License-Identifier: MIT
/*
 * Whether any device's DMA went through a bounce buffer (swiotlb) between
 * "bounces start" and "bounces end": memory that a device was promised must be
 * the memory itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "check.h"

#define TRACEFS "/sys/kernel/tracing"
#define EVENT "events/swiotlb/swiotlb_bounced"
#define INSTANCE TRACEFS "/instances/carve-bounces"
#define NAME "no DMA went through a bounce buffer"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void start(void)
{
	if (access(TRACEFS "/events", F_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/" EVENT, F_OK))
		return;	/* end() says so */
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		die("no trace instance: %m");
	if (put(INSTANCE "/" EVENT "/enable", "1") ||
	    put(INSTANCE "/tracing_on", "1"))
		die("cannot watch bounce buffers");
}

static void end(void)
{
	unsigned int count = 0;
	char line[1000], first[1000] = "";
	FILE *trace;

	if (access(TRACEFS "/" EVENT, F_OK)) {
		skip(NAME, "the kernel has no bounce buffers, or no trace of them");
		return;
	}
	trace = fopen(INSTANCE "/trace", "re");
	if (!trace)
		die("\"bounces start\" comes first: %m");
	while (fgets(line, sizeof(line), trace)) {
		if (!strstr(line, "swiotlb_bounced: "))
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (!count++)
			strcpy(first, strstr(line, "swiotlb_bounced: "));
	}
	fclose(trace);
	rmdir(INSTANCE);
	check(!count, NAME, "%u times, first %s", count, first);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "start"))
		start();
	else if (argc == 2 && !strcmp(argv[1], "end"))
		end();
	else
		die("usage: bounces start|end");
	return finish();
}
