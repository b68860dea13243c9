// SPDX-License-Identifier: MIT
/*
 * A range comes back when the last thing that holds its buffer is gone, once,
 * dirty; and what was in it is never seen again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "check.h"

#define AT (24 * page)
#define BYTES (16 * page)
#define SECRET UINT64_C(0x5ec4e75ec4e75ec4)

static int manager;

static bool fill(int buf, uint64_t value)
{
	uint64_t *map = buf_map(buf, BYTES);
	size_t i;

	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	for (i = 0; i < BYTES / sizeof(*map); i++)
		map[i] = value;
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
	return !munmap(map, BYTES);
}

static bool reads_zero(int buf)
{
	uint64_t *map = buf_map(buf, BYTES);
	bool zero = true;
	size_t i;

	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	for (i = 0; i < BYTES / sizeof(*map); i++)
		zero = zero && !map[i];
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	munmap(map, BYTES);
	return zero;
}

static int make(void)
{
	int buf = carve_export_buf(manager, AT, BYTES, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	if (!reads_zero(buf))
		die("a new buffer is not zero");
	fill(buf, SECRET);
	return buf;
}

/* While @who holds the buffer nothing can be had of its range. */
static void check_held(const char *who)
{
	char name[100];

	snprintf(name, sizeof(name), "%s: no record", who);
	check_value(name, carve_wait_record(manager, 150), 0);
	snprintf(name, sizeof(name), "%s: not exported again", who);
	check_value(name, carve_export_buf(manager, AT + page, page, 2), -EBUSY);
	snprintf(name, sizeof(name), "%s: not scrubbed", who);
	check_value(name, carve_scrub_range(manager, AT, BYTES), -EBUSY);
}

/* The next owner, in a process of its own, finds zeros and nothing else. */
static int next_owner(void)
{
	int pid = fork_child();

	if (!pid) {
		int buf = carve_export_buf(manager, AT, BYTES, 3);

		_exit(buf < 0 ? 2 : reads_zero(buf) ? 0 : 1);
	}
	return wait_child(pid);
}

static void check_released(const char *who)
{
	struct carve_release records[3];
	char name[100];

	snprintf(name, sizeof(name), "%s: a record when it is gone", who);
	check_value(name, carve_wait_record(manager, 5000), 1);
	snprintf(name, sizeof(name), "%s: exactly one", who);
	check_value(name, carve_read_records(manager, records, 3), 1);
	snprintf(name, sizeof(name), "%s: and no second", who);
	check_value(name, carve_wait_record(manager, 100), 0);
	snprintf(name, sizeof(name), "%s: not exported before it is scrubbed", who);
	check_value(name, carve_export_buf(manager, AT, BYTES, 2), -EBUSY);
	snprintf(name, sizeof(name), "%s: scrubbed", who);
	check_value(name, carve_scrub_range(manager, AT, BYTES), BYTES);
	snprintf(name, sizeof(name), "%s: the next owner reads zero", who);
	check_value(name, next_owner(), 0);
	if (carve_wait_record(manager, 5000) != 1 ||
	    carve_read_records(manager, records, 1) != 1 ||
	    carve_scrub_range(manager, AT, BYTES) != (int64_t)BYTES)
		die("cannot clean up after the next owner");
}

static void check_fd(void)
{
	int buf = make(), copy = dup(buf);

	close(buf);
	check_held("a copied descriptor");
	close(copy);
	check_released("a copied descriptor");
}

static void check_mapping(void)
{
	int buf = make();
	char *map = buf_map(buf, BYTES);

	close(buf);
	check_held("a mapping");
	munmap(map, BYTES / 2);
	check_held("half a mapping");
	munmap(map + BYTES / 2, BYTES / 2 - page);
	check_held("one page of a mapping");
	check(*(uint64_t *)(map + BYTES - page) == SECRET, "and it still works",
	      "%#llx", *(unsigned long long *)(map + BYTES - page));
	munmap(map + BYTES - page, page);
	check_released("a mapping");
}

/* A child that keeps what @keep says and waits to be killed. */
static int holder(int buf, bool keep_fd)
{
	int ready[2], pid;
	char *map;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe: %m");
	pid = fork_child();
	if (!pid) {
		close(manager);
		if (!keep_fd) {
			map = buf_map(buf, BYTES);
			map[0]++;
			close(buf);
		}
		if (write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &(char){ 0 }, 1) != 1)
		die("the child came to nothing");
	close(ready[0]);
	return pid;
}

static void check_process(const char *who, bool keep_fd)
{
	int buf = make();
	int pid = holder(buf, keep_fd);

	close(buf);
	check_held(who);
	kill(pid, SIGKILL);
	wait_child(pid);
	check_released(who);
}

static void check_in_flight(void)
{
	union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int buf = make(), pair[2];
	struct cmsghdr *header;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %m");
	memset(&control, 0, sizeof(control));
	header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &buf, sizeof(buf));
	if (sendmsg(pair[0], &message, 0) != 1)
		die("sendmsg: %m");
	close(buf);
	check_held("a descriptor nobody has received");
	close(pair[0]);
	close(pair[1]);
	check_released("a descriptor nobody has received");
}

/* A killed process: all it had comes back, what it passed on does not. */
static void check_killed(void)
{
	struct carve_release records[20];
	int pid, ready[2], i, got = 0;
	char go;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe: %m");
	pid = fork_child();
	if (!pid) {
		for (i = 0; i < 10; i++) {
			int buf = carve_export_buf(manager, (100 + i) * page,
						   page, i);
			buf_map(buf, page);
		}
		if (write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &go, 1) != 1)
		die("the child came to nothing");
	close(ready[0]);
	check_value("nothing while it lives", carve_wait_record(manager, 100), 0);
	kill(pid, SIGKILL);
	wait_child(pid);
	while (carve_wait_record(manager, 500) == 1)
		got += carve_read_records(manager, records, ARRAY_SIZE(records));
	check_value("a killed process gives all ten back", got, 10);
	check_value("they are dirty",
		    carve_scrub_range(manager, 0, region.bytes), 10 * page);
	check(region_is_clean(manager), "and all is clean then", "it is not");
}

int main(void)
{
	manager = region_open();
	check_fd();
	check_mapping();
	check_process("a descriptor in another process", true);
	check_process("a mapping in another process", false);
	check_in_flight();
	check_killed();
	return finish();
}
