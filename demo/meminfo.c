// SPDX-License-Identifier: MIT
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meminfo.h"

static FILE *open_proc(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		err(EXIT_FAILURE, "%s", path);
	return file;
}

static void read_meminfo(struct meminfo *ret)
{
	FILE *file = open_proc("/proc/meminfo");
	char name[64];
	uint64_t kib;

	while (fscanf(file, "%63[^:]: %" SCNu64 "%*[^\n]\n", name, &kib) == 2) {
		if (!strcmp(name, "MemFree"))
			ret->free_bytes = kib << 10;
		else if (!strcmp(name, "MemAvailable"))
			ret->available_bytes = kib << 10;
		else if (!strcmp(name, "CmaFree"))
			ret->cma_free_bytes = kib << 10;
	}
	fclose(file);
	if (!ret->available_bytes)
		errx(EXIT_FAILURE, "/proc/meminfo does not say MemAvailable");
}

/* "Node 0, zone DMA 4 2 1 ...": blocks of 1, 2, 4, ... pages. */
static void read_buddyinfo(struct meminfo *ret)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *file = open_proc("/proc/buddyinfo");
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, file) >= 0) {
		char *at = strstr(line, "zone");
		char *word = at ? strtok(at, " \n") : NULL;
		uint64_t bytes = page_bytes;

		/* "zone", then its name. */
		if (!word || !strtok(NULL, " \n"))
			continue;
		while ((word = strtok(NULL, " \n"))) {
			if (strtoull(word, NULL, 10) && bytes > ret->largest_block_bytes)
				ret->largest_block_bytes = bytes;
			bytes *= 2;
		}
	}
	free(line);
	fclose(file);
}

void meminfo_read(struct meminfo *ret)
{
	*ret = (struct meminfo) { 0 };
	read_meminfo(ret);
	read_buddyinfo(ret);
}
