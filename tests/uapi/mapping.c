// SPDX-License-Identifier: MIT
/*
 * mmap() of a buffer: shared only, inside its bounds only, the right pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "check.h"

#define PAGES 8

/* 0, or the errno of a mapping; a successful one is taken away again. */
static int try_map(int buf, uint64_t bytes, uint64_t offset, int prot, int flags)
{
	void *map = mmap(NULL, bytes, prot, flags, buf, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, bytes);
	return 0;
}

/* One that has no files of more than 4 GiB that can be mapped. */
static bool kernel_is_32_bit(void)
{
	struct utsname name;

	return !uname(&name) && !strncmp(name.machine, "armv", 4);
}

static void check_bounds(int buf)
{
	const struct { const char *name; uint64_t bytes, offset; int wanted; } cases[] = {
		{ "all of it", PAGES * page, 0, 0 },
		{ "the last page", page, (PAGES - 1) * page, 0 },
		{ "a page in the middle", page, 3 * page, 0 },
		{ "one page too long", (PAGES + 1) * page, 0, -EINVAL },
		{ "one byte too long", PAGES * page + 1, 0, -EINVAL },
		{ "across the end", 2 * page, (PAGES - 1) * page, -EINVAL },
		{ "at the end", page, PAGES * page, -EINVAL },
		{ "behind the end", page, (PAGES + 1) * page, -EINVAL },
		{ "the rest of the region", 64 * page, 0, -EINVAL },
		{ "1 TiB on", page, UINT64_C(1) << 40,
		  kernel_is_32_bit() ? -EOVERFLOW : -EINVAL },
		{ "at the last address", page, -2 * page, -EINVAL },
		/* With 32 bits the C library sees it. */
		{ "overflow", 4 * page, -2 * page,
		  sizeof(long) == 4 ? -EINVAL : -EOVERFLOW },
	};
	const int rw = PROT_READ | PROT_WRITE;
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(name, sizeof(name), "mmap %s", cases[i].name);
		check_value(name, try_map(buf, cases[i].bytes, cases[i].offset,
					  rw, MAP_SHARED), cases[i].wanted);
	}
	check_value("mmap shared, validated",
		    try_map(buf, page, 0, rw, MAP_SHARED_VALIDATE), 0);
	check_value("mmap private", try_map(buf, page, 0, rw, MAP_PRIVATE),
		    -EINVAL);
	check_value("mmap private for reading",
		    try_map(buf, page, 0, PROT_READ, MAP_PRIVATE), -EINVAL);
}

static void check_contents(int buf)
{
	uint64_t *all = buf_map(buf, PAGES * page);
	uint64_t *second = buf_map(buf, PAGES * page), *part;
	uint64_t words = page / sizeof(*all), i;
	bool good = true;
	int pid;

	for (i = 0; i < PAGES * words; i++)
		good = good && !all[i];
	check(good, "a new buffer reads as zero", "it does not");
	for (i = 0; i < PAGES * words; i++)
		all[i] = ~i;
	part = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, buf, 3 * page);
	check(part != MAP_FAILED && part[0] == ~(3 * words) &&
	      part[2 * words - 1] == ~(5 * words - 1),
	      "an offset mapping shows those pages", "it does not");
	check(!memcmp(all, second, PAGES * page), "two mappings are one memory",
	      "they differ");
	pid = fork_child();
	if (!pid) {
		all[5] = 55;
		_exit(second[6] == ~UINT64_C(6) ? 0 : 1);
	}
	check_value("a child has the mapping", wait_child(pid), 0);
	check(second[5] == 55, "and shares it", "%#llx",
	      (unsigned long long)second[5]);
	munmap(all, PAGES * page);
	munmap(second, PAGES * page);
	munmap(part, 2 * page);
}

/* The VmFlags of the mapping that starts at @map. */
static void find_flags(const void *map, char *flags, size_t size)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[400];
	bool inside = false;
	unsigned long start;

	flags[0] = '\0';
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-') &&
		    strchr(line, '-') < strchr(line, ' '))
			inside = start == (unsigned long)map;
		if (inside && !strncmp(line, "VmFlags:", 8))
			snprintf(flags, size, "%.150s", line + 8);
	}
	flags[strcspn(flags, "\n")] = '\0';
	if (smaps)
		fclose(smaps);
}

static void check_attributes(int buf)
{
	void *map = buf_map(buf, PAGES * page), *grown;
	char flags[200];

	find_flags(map, flags, sizeof(flags));
	check(strstr(flags, " de") && strstr(flags, " dd"),
	      "not to be expanded or dumped", "VmFlags:%s", flags);
	grown = mremap(map, PAGES * page, (PAGES + 1) * page, MREMAP_MAYMOVE);
	check(grown == MAP_FAILED, "mremap cannot make it grow", "it did");
	munmap(map, PAGES * page);
}

static void check_read_only(int fd)
{
	int buf = carve_export_flags(fd, 32 * page, page, 3,
				     O_RDONLY | O_CLOEXEC);
	const int rw = PROT_READ | PROT_WRITE;
	char path[64];
	void *map;
	int again;

	check(buf >= 0, "read-only export", "%s", strerror(-buf));
	check_value("it can be read", try_map(buf, page, 0, PROT_READ,
					      MAP_SHARED), 0);
	check_value("not privately", try_map(buf, page, 0, PROT_READ,
					     MAP_PRIVATE), -EINVAL);
	check_value("it cannot be written",
		    try_map(buf, page, 0, rw, MAP_SHARED), -EACCES);
	check_value("not privately either",
		    try_map(buf, page, 0, rw, MAP_PRIVATE), -EINVAL);
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, buf, 0);
	check_value("nor made writable later",
		    mprotect(map, page, rw) ? -errno : 0, -EACCES);
	munmap(map, page);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", buf);
	again = open(path, O_RDWR);
	check(again < 0, "nor opened again for writing", "it was");
	close(buf);
}

static void check_fdinfo(int fd)
{
	int buf = carve_export_buf(fd, 40 * page, 2 * page, 77);
	char path[64], text[1000] = "", size[64];
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", buf);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (read(info, text, sizeof(text) - 1) < 0)
		die("%s: %m", path);
	close(info);
	snprintf(size, sizeof(size), "size:\t%llu\n",
		 (unsigned long long)(2 * page));
	check(strstr(text, size) && strstr(text, "exp_name:\tcarve\n") &&
	      strstr(text, "\nname:\ttest-77\n"),
	      "fdinfo tells size, exporter and name", "%s", text);
	check_value("seek to the end tells the size", lseek(buf, 0, SEEK_END),
		    2 * page);
	close(buf);
}

static void check_sync(int buf)
{
	check_value("begin CPU access", buf_sync(buf, DMA_BUF_SYNC_START |
						 DMA_BUF_SYNC_RW), 0);
	check_value("end CPU access", buf_sync(buf, DMA_BUF_SYNC_END |
					       DMA_BUF_SYNC_RW), 0);
	check_value("CPU access of no kind", buf_sync(buf, 0), -EINVAL);
}

int main(void)
{
	int fd = region_open();
	int buf = carve_export_buf(fd, 16 * page, PAGES * page, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	check_bounds(buf);
	check_contents(buf);
	check_attributes(buf);
	check_sync(buf);
	check_read_only(fd);
	check_fdinfo(fd);
	close(buf);
	return finish();
}
