// SPDX-License-Identifier: MIT
#include "process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the fields behind the name, which is the second. */
#define FIELD		(22 - 2)

uint64_t carve_process_start_time(pid_t pid)
{
	char path[32], text[1024];
	const char *at;
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[bytes > 0 ? bytes : 0] = '\0';
	/* The name may hold anything, a closing bracket, too. */
	at = strrchr(text, ')');
	for (int i = 0; at && i < FIELD; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}
