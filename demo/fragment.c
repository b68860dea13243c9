// SPDX-License-Identifier: MIT
/*
 * fragment: do in two seconds to a machine's memory what weeks of leaking and
 * caching do: leave most of it free, and no large piece of it whole.
 *
 * Nearly all memory is filled with 4 KiB pages, /proc/self/pagemap says where
 * each lies, and one page in every 256 KiB of physical memory is spliced into
 * a pipe. Everything else is given back. A page in a pipe cannot be migrated,
 * so neither compaction nor CMA can make room, just as with the page of a
 * leaking driver or a slab that is never empty.
 *
 * When memory is in pieces the program prints a JSON line, leaves a child
 * behind that holds the pipes, and ends.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "meminfo.h"

#define PAGE_BYTES	4096UL
#define BLOCK_PAGES	64		/* one page is pinned in each 256 KiB */
#define BLOCKS_MAX	(1UL << 22)	/* 1 TiB of physical addresses */
#define STEP_BYTES	(1UL << 20)
#define STRIDE_BYTES	(32UL << 20)
#define PIPE_PAGES	256
#define PIPES_MAX	512

/* Proc's pagemap.rst: bits 0 to 54 are the frame number, 63 is "present". */
#define PAGEMAP_PFN	((1ULL << 55) - 1)
#define PAGEMAP_PRESENT	(1ULL << 63)

struct pins {
	int pipes[PIPES_MAX][2];
	size_t pipe_count;
	size_t in_last;
	size_t pages;
	uint8_t *seen;		/* one bit for each block of physical memory */
};

static uint64_t available(void)
{
	struct meminfo info;

	meminfo_read(&info);
	return info.available_bytes;
}

/* Populates until only @leave bytes could still be had; returns how far. */
static size_t fill(char *memory, size_t bytes, uint64_t leave)
{
	size_t filled = 0;

	/* Long strides while there is much, steps towards the end. */
	for (;;) {
		uint64_t rest = available();
		size_t step = rest > leave + 2 * STRIDE_BYTES ? STRIDE_BYTES : STEP_BYTES;

		if (filled + step > bytes || rest <= leave + step)
			return filled;
		if (madvise(memory + filled, step, MADV_POPULATE_WRITE) < 0)
			err(EXIT_FAILURE, "populating memory");
		filled += step;
	}
}

static void add_pipe(struct pins *pins)
{
	int *fds = pins->pipes[pins->pipe_count];

	if (pins->pipe_count == PIPES_MAX)
		errx(EXIT_FAILURE, "more memory than this program is made for");
	if (pipe2(fds, O_CLOEXEC) < 0)
		err(EXIT_FAILURE, "pipe2");
	if (fcntl(fds[1], F_SETPIPE_SZ, PIPE_PAGES * PAGE_BYTES) < 0)
		err(EXIT_FAILURE, "a pipe of %d pages (this needs root)", PIPE_PAGES);
	pins->pipe_count++;
	pins->in_last = 0;
}

static void pin_page(struct pins *pins, char *page)
{
	struct iovec iov = { .iov_base = page, .iov_len = PAGE_BYTES };

	if (!pins->pipe_count || pins->in_last == PIPE_PAGES)
		add_pipe(pins);
	if (vmsplice(pins->pipes[pins->pipe_count - 1][1], &iov, 1,
		     SPLICE_F_NONBLOCK) != (ssize_t)PAGE_BYTES)
		err(EXIT_FAILURE, "vmsplice of page %zu", pins->pages);
	pins->in_last++;
	pins->pages++;
}

static bool first_of_block(struct pins *pins, uint64_t pfn)
{
	uint64_t block = pfn / BLOCK_PAGES;
	uint8_t bit = (uint8_t)(1U << block % 8);

	if (block >= BLOCKS_MAX)
		errx(EXIT_FAILURE, "a page above 1 TiB");
	if (pins->seen[block / 8] & bit)
		return false;
	pins->seen[block / 8] |= bit;
	return true;
}

static void pin_all(struct pins *pins, char *memory, size_t bytes)
{
	uint64_t entries[512];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(EXIT_FAILURE, "/proc/self/pagemap");
	for (size_t done = 0; done < bytes; done += sizeof(entries) / 8 * PAGE_BYTES) {
		off_t at = (off_t)(((uintptr_t)memory + done) / PAGE_BYTES * 8);
		ssize_t n = pread(fd, entries, sizeof(entries), at);

		if (n <= 0)
			err(EXIT_FAILURE, "reading /proc/self/pagemap");
		for (size_t i = 0; i < (size_t)n / 8; i++) {
			uint64_t pfn = entries[i] & PAGEMAP_PFN;
			size_t offset = done + i * PAGE_BYTES;

			if (offset >= bytes || !(entries[i] & PAGEMAP_PRESENT))
				continue;
			if (!pfn)
				errx(EXIT_FAILURE, "the kernel hides page frame numbers: this needs root");
			if (first_of_block(pins, pfn))
				pin_page(pins, memory + offset);
		}
	}
	close(fd);
}

static size_t break_up(struct pins *pins, uint64_t leave)
{
	size_t bytes = available() / STEP_BYTES * STEP_BYTES;
	size_t filled;
	char *memory;

	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap of %zu bytes", bytes);
	/* Not an error where there are no huge pages to begin with. */
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	filled = fill(memory, bytes, leave);
	pin_all(pins, memory, filled);
	munmap(memory, bytes);
	return filled;
}

static void hold(void)
{
	/* Alone, so that whoever started us need not wait for us. */
	if (setsid() < 0 || !freopen("/dev/null", "w", stdout))
		_exit(EXIT_FAILURE);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	/* All of this is worth more alive than what the OOM killer would spare. */
	static const char oom_score[] = "-999";
	uint64_t leave = (argc > 1 ? strtoull(argv[1], NULL, 10) : 24) << 20;
	static struct pins pins;
	struct meminfo before, after;
	size_t filled;
	pid_t pid;
	int fd;

	pins.seen = calloc(BLOCKS_MAX / 8, 1);
	if (!pins.seen)
		err(EXIT_FAILURE, "calloc");
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, oom_score, strlen(oom_score)) < 0)
		err(EXIT_FAILURE, "/proc/self/oom_score_adj");
	close(fd);
	meminfo_read(&before);
	filled = break_up(&pins, leave);
	free(pins.seen);
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (!pid)
		hold();
	meminfo_read(&after);
	printf("{\"pid\":%d,\"filled_bytes\":%zu,\"pinned_pages\":%zu,"
	       "\"free_bytes_before\":%" PRIu64 ",\"free_bytes_after\":%" PRIu64
	       ",\"largest_block_before\":%" PRIu64
	       ",\"largest_block_after\":%" PRIu64 "}\n",
	       (int)pid, filled, pins.pages, before.free_bytes, after.free_bytes,
	       before.largest_block_bytes, after.largest_block_bytes);
	return 0;
}
