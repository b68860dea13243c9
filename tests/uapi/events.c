// SPDX-License-Identifier: MIT
/*
 * What the driver tells: release records through read() and poll(), extents
 * through the list.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "check.h"

/* The size of the first version, whatever the structure grows to. */
#define FIRST_ENTRY_BYTES 104

static int make(int fd, uint64_t first, uint64_t pages, uint64_t owner)
{
	int buf = carve_export_buf(fd, first * page, pages * page, owner);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

static int events(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pollfd, 1, 0) < 0 ? -errno : pollfd.revents;
}

static void clean_up(int fd)
{
	struct carve_release records[64];

	while (carve_read_records(fd, records, ARRAY_SIZE(records)) > 0)
		;
	if (carve_scrub_range(fd, 0, region.bytes) < 0 || !region_is_clean(fd))
		die("cannot clean up");
}

static void check_nonblocking(int fd)
{
	struct carve_release record;
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	check_value("read with nothing there, O_NONBLOCK",
		    read(fd, &record, sizeof(record)) < 0 ? -errno : 0, -EAGAIN);
	check_value("read into too little room",
		    read(fd, &record, sizeof(record) - 1) < 0 ? -errno : 0,
		    -EINVAL);
	fcntl(fd, F_SETFL, flags);
	check_value("poll with nothing there", events(fd), 0);
}

static void check_order(int fd)
{
	struct carve_release records[64];
	int bufs[40], i, got;
	bool good = true;

	for (i = 0; i < 40; i++)
		bufs[i] = make(fd, 2 * i, 2, i);
	check_value("poll while all live", events(fd), 0);
	for (i = 39; i >= 0; i--)
		close(bufs[i]);
	check_value("poll after releases", events(fd), POLLIN);
	got = read(fd, records, 3 * sizeof(records[0]) + 5);
	check_value("read gives whole records", got, 3 * sizeof(records[0]));
	got = read(fd, records + 3, sizeof(records) - 3 * sizeof(records[0]));
	check_value("read gives all there are", got, 37 * sizeof(records[0]));
	for (i = 0; i < 40; i++) {
		uint64_t owner = 39 - i;

		good = good && records[i].owner[0] == owner &&
		       records[i].owner[1] == ~owner &&
		       records[i].offset == 2 * owner * page &&
		       records[i].bytes == 2 * page;
	}
	check(good, "records come in the order of release", "they do not");
	check_value("poll after all was read", events(fd), 0);
	clean_up(fd);
}

static void check_bad_pointer(int fd)
{
	struct carve_release record = { 0 };
	int flags = fcntl(fd, F_GETFL);
	void *map;

	/* Should a record get lost: rather fail than wait for it. */
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	close(make(fd, 9, 1, 9));
	map = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check_value("read to nowhere",
		    read(fd, map, sizeof(record)) < 0 ? -errno : 0, -EFAULT);
	mprotect(map, page, PROT_READ);
	check_value("read to where nothing can be written",
		    read(fd, map, sizeof(record)) < 0 ? -errno : 0, -EFAULT);
	munmap(map, page);
	check_value("a read that failed loses nothing",
		    carve_read_records(fd, &record, 1), 1);
	check(record.offset == 9 * page, "the record is the same",
	      "offset %llu", record.offset);
	fcntl(fd, F_SETFL, flags);
	clean_up(fd);
}

/* The record and the dirty range are two things. */
static void check_independence(int fd)
{
	struct carve_release record = { 0 };
	struct carve_info info;

	close(make(fd, 3, 2, 33));
	check_value("scrub before the record is read",
		    carve_scrub_range(fd, 3 * page, 2 * page), 2 * page);
	close(make(fd, 3, 1, 34));
	carve_info_get(fd, &info);
	check_value("both records wait", info.unread_count, 2);
	carve_read_records(fd, &record, 1);
	check(record.owner[0] == 33 && record.bytes == 2 * page,
	      "the first is whole though half its range lived again",
	      "owner %llu bytes %llu", record.owner[0], record.bytes);
	check_value("and the second", carve_read_records(fd, &record, 1), 1);
	check_value("after reading the range is still dirty",
		    carve_export_buf(fd, 3 * page, page, 1), -EBUSY);
	clean_up(fd);
}

static void *close_later(void *buf)
{
	usleep(200000);
	close(*(int *)buf);
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void check_blocking(int fd)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct carve_release record;
	pthread_t thread;
	int buf;

	buf = make(fd, 5, 1, 55);
	pthread_create(&thread, NULL, close_later, &buf);
	check_value("a blocking read waits for a release",
		    read(fd, &record, sizeof(record)), sizeof(record));
	pthread_join(thread, NULL);
	check(record.owner[0] == 55, "and gives it", "owner %llu",
	      record.owner[0]);

	buf = make(fd, 6, 1, 56);
	pthread_create(&thread, NULL, close_later, &buf);
	check_value("poll waits for a release", carve_wait_record(fd, 5000), 1);
	pthread_join(thread, NULL);
	carve_read_records(fd, &record, 1);

	sigaction(SIGALRM, &action, NULL);
	ualarm(200000, 0);
	check_value("a signal ends a blocking read",
		    read(fd, &record, sizeof(record)) < 0 ? -errno : 0, -EINTR);
	clean_up(fd);
}

/* A new manager finds what the old one did not read. */
static int check_new_manager(int fd)
{
	struct carve_release record = { 0 };
	struct carve_info info;
	int live = make(fd, 20, 1, 200);

	close(make(fd, 10, 1, 100));
	close(fd);
	fd = open(region_node(), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("cannot become manager again: %m");
	check_value("a record survives its manager",
		    carve_read_records(fd, &record, 1), 1);
	check(record.owner[0] == 100, "whole", "owner %llu", record.owner[0]);
	carve_info_get(fd, &info);
	check(info.live_count == 1 && info.live_bytes == page &&
	      info.dirty_bytes == page, "and so do extents",
	      "%u live, %llu bytes dirty", info.live_count, info.dirty_bytes);
	close(live);
	clean_up(fd);
	return fd;
}

/* Exports after which a manager that never reads scrubs what came back. */
#define LAP 256

/* More records than this would take a slow kernel minutes. */
#define SLOW_LIMIT 4096

static bool kernel_is_slow(void)
{
	const char *slowness = getenv("CARVE_SLOWNESS");

	return slowness && atoi(slowness) > 1;
}

/*
 * A manager that scrubs and exports on and on without ever reading: what the
 * kernel keeps for it has an end.
 */
static void check_unread_limit(int fd)
{
	const uint64_t limit = region.bytes / page;
	struct carve_release records[16];
	struct carve_info info;
	uint64_t count;
	int live, ret = 0;

	if (kernel_is_slow() && limit > SLOW_LIMIT) {
		skip("what may wait unread", "too much for this slow kernel; a small region has it");
		return;
	}
	live = make(fd, LAP + 4, 1, 4);
	for (count = 0; count <= limit && ret >= 0; count++) {
		if (count % LAP == 0 && carve_scrub_range(fd, 0, LAP * page) < 0)
			die("cannot scrub");
		ret = carve_export_buf(fd, count % LAP * page, page, count);
		if (ret < 0)
			break;
		close(ret);
	}
	if (carve_scrub_range(fd, 0, LAP * page) < 0)
		die("cannot scrub");
	check_value("an export beyond what may wait unread", ret, -ENOBUFS);
	check_value("records and buffers that may be there", count + 1, limit);
	carve_info_get(fd, &info);
	check(info.unread_count == count && info.live_count == 1 &&
	      !info.dirty_bytes, "the refused export left nothing",
	      "%u unread, %u live, %llu bytes dirty", info.unread_count,
	      info.live_count, info.dirty_bytes);
	check_value("over a live page it is EBUSY all the same",
		    carve_export_buf(fd, (LAP + 4) * page, page, 1), -EBUSY);
	check_value("a record is read", carve_read_records(fd, records, 1), 1);
	ret = carve_export_buf(fd, 0, page, 1);
	check(ret >= 0, "then one export is possible again", "%s", strerror(-ret));
	check_value("and a second is not",
		    carve_export_buf(fd, page, page, 1), -ENOBUFS);
	close(ret);
	close(live);
	clean_up(fd);
}

static int run_list(int fd, struct carve_list *list)
{
	return ioctl(fd, CARVE_IOC_LIST, list) ? -errno : (int)list->count;
}

static void check_list_values(int fd)
{
	struct { struct carve_extent_info info; uint64_t more[2]; } wide[2];
	struct carve_extent_info info;
	struct carve_list list = {
		.size = sizeof(list),
		.entries = (uintptr_t)&info,
		.count = 1,
		.entry_size = sizeof(info),
	};
	struct carve_list bad = list;

	check_value("list of nothing", run_list(fd, &list), 0);
	check_value("its cursor stays", list.cursor, 0);
	bad.count = 0;
	check_value("list without room", run_list(fd, &bad), -EINVAL);
	bad = list;
	bad.count = 1;
	bad.entry_size = FIRST_ENTRY_BYTES - 1;
	check_value("list with short entries", run_list(fd, &bad), -EINVAL);
	bad.entry_size = FIRST_ENTRY_BYTES;
	check_value("list with entries of the first version",
		    run_list(fd, &bad), 0);
	bad.count = 1;
	bad.entry_size = UINT32_MAX;
	check_value("list with huge entries", run_list(fd, &bad), -E2BIG);
	bad = list;
	bad.count = 1;
	bad.entries = 0;
	close(make(fd, 0, 1, 0));
	check_value("list to nowhere", run_list(fd, &bad), -EFAULT);

	memset(wide, 0xff, sizeof(wide));
	bad = list;
	bad.count = 2;
	bad.entries = (uintptr_t)wide;
	bad.entry_size = sizeof(wide[0]);
	check_value("list with longer entries", run_list(fd, &bad), 1);
	check(!wide[0].more[0] && !wide[0].more[1], "their ends are zero",
	      "%#llx", (unsigned long long)wide[0].more[0]);
	check(wide[1].more[0] == UINT64_MAX, "nothing is written behind", "it is");
	clean_up(fd);
}

static void check_list_order(int fd)
{
	enum { COUNT = 600 };	/* more than the driver collects at a time */
	struct carve_extent_info *infos = calloc(COUNT + 10, sizeof(*infos));
	int *bufs = calloc(COUNT, sizeof(*bufs));
	bool good = true;
	int i, got;

	/* Made in another order than that of their addresses. */
	for (i = 0; i < COUNT; i++) {
		int at = i * 7 % COUNT;

		bufs[at] = make(fd, 2 * at + 1, 1 + at % 2, at);
	}
	for (i = 0; i < COUNT; i += 3)
		close(bufs[i]);
	got = carve_list_all(fd, infos, COUNT + 10);
	check_value("list gives all extents", got, COUNT);
	for (i = 0; i < COUNT && i < got; i++) {
		uint64_t at = i;
		char name[32];

		snprintf(name, sizeof(name), "test-%d", i);
		good = good && infos[i].offset == (2 * at + 1) * page &&
		       infos[i].bytes == (1 + at % 2) * page &&
		       infos[i].owner[0] == at && infos[i].owner[1] == ~at &&
		       infos[i].state == (i % 3 ? CARVE_STATE_LIVE :
						  CARVE_STATE_DIRTY) &&
		       !infos[i].reserved && !strcmp(infos[i].name, name);
	}
	check(good, "by address, with state, owner and name", "not so");
	for (i = 0; i < COUNT; i++)
		if (i % 3)
			close(bufs[i]);
	clean_up(fd);
	free(bufs);
	free(infos);
}

static void check_cursor(int fd)
{
	struct { uint64_t cursor; int count; uint64_t next; } cases[] = {
		{ 0, 1, 8 }, { 4 * page, 1, 8 }, { 8 * page - 1, 1, 8 },
		{ 8 * page, 1, 12 }, { 11 * page, 1, 12 },
		{ 12 * page, 0, 0 }, { UINT64_MAX, 0, 0 },
	};
	struct carve_extent_info info;
	int low = make(fd, 4, 4, 1), high = make(fd, 10, 2, 2);
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct carve_list list = {
			.size = sizeof(list),
			.cursor = cases[i].cursor,
			.entries = (uintptr_t)&info,
			.count = 1,
			.entry_size = sizeof(info),
		};
		uint64_t next = cases[i].next * page ?: cases[i].cursor;

		snprintf(name, sizeof(name), "list from cursor %#llx",
			 (unsigned long long)cases[i].cursor);
		check_value(name, run_list(fd, &list), cases[i].count);
		check(list.cursor == next, "and where to go on",
		      "%#llx instead of %#llx", list.cursor,
		      (unsigned long long)next);
	}
	close(low);
	close(high);
	clean_up(fd);
}

int main(void)
{
	int fd = region_open();

	check_nonblocking(fd);
	check_order(fd);
	check_bad_pointer(fd);
	check_independence(fd);
	check_blocking(fd);
	fd = check_new_manager(fd);
	check_unread_limit(fd);
	check_list_values(fd);
	check_list_order(fd);
	check_cursor(fd);
	return finish();
}
