// SPDX-License-Identifier: MIT
/*
 * Scrubbing is work in steps: it can be killed between them, what was done is
 * done, and nobody else has to wait for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "check.h"

#define SECRET 0xa5

static int manager;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

/* A buffer over a range, filled and given back. */
static void make_dirty(uint64_t offset, uint64_t bytes)
{
	int buf = carve_export_buf(manager, offset, bytes, 1);
	struct carve_release record;
	void *map;

	if (buf < 0)
		die("export: %s", strerror(-buf));
	map = buf_map(buf, bytes);
	memset(map, SECRET, bytes);
	munmap(map, bytes);
	close(buf);
	if (carve_wait_record(manager, 5000) != 1 ||
	    carve_read_records(manager, &record, 1) != 1)
		die("no record");
}

static uint64_t dirty_bytes(void)
{
	struct carve_info info;

	carve_info_get(manager, &info);
	return info.dirty_bytes;
}

static bool is_zero(uint64_t offset, uint64_t bytes)
{
	int buf = carve_export_buf(manager, offset, bytes, 1);
	struct carve_release record;
	unsigned char *map;
	bool zero;

	if (buf < 0)
		return false;
	map = buf_map(buf, bytes);
	zero = !map[0] && !memcmp(map, map + 1, bytes - 1);
	munmap(map, bytes);
	close(buf);
	carve_wait_record(manager, 5000);
	carve_read_records(manager, &record, 1);
	return zero;
}

/* Kills a scrub after a while; returns how much was left dirty. */
static uint64_t kill_scrub(useconds_t after_us)
{
	uint64_t start;
	int pid;

	make_dirty(0, region.bytes);
	pid = fork_child();
	if (!pid)
		_exit(carve_scrub_range(manager, 0, region.bytes) < 0);
	usleep(after_us);
	start = now_us();
	kill(pid, SIGKILL);
	wait_child(pid);
	start = now_us() - start;
	if (start > 2000000)
		check(false, "a scrub ends soon when it is killed", "%llu us",
		      (unsigned long long)start);
	return dirty_bytes();
}

static void check_killed(void)
{
	const uint64_t all = region.bytes;
	struct carve_extent_info info;
	uint64_t left = 0;
	int i;

	for (i = 1; i <= 30 && (!left || left == all); i++) {
		if (carve_scrub_range(manager, 0, all) < 0)
			die("cannot scrub");
		left = kill_scrub(1000 * i);
	}
	if (!check(left && left < all, "a killed scrub stops in the middle",
		   "%llu of %llu bytes left", (unsigned long long)left,
		   (unsigned long long)all))
		return;
	check_value("what is left is one extent", carve_list_all(manager, &info, 1),
		    1);
	check(info.offset == all - left && info.bytes == left &&
	      info.state == CARVE_STATE_DIRTY && info.owner[0] == 1,
	      "the upper part, whose it was", "%#llx+%#llx", info.offset,
	      info.bytes);
	check(is_zero(0, all - left), "what was done is zero and can be used",
	      "it is not");
	check_value("what was not cannot",
		    carve_export_buf(manager, all - left, page, 2), -EBUSY);
	check(carve_scrub_range(manager, 0, all) == (int64_t)all,
	      "the rest is scrubbed, and what was used again", "it is not");
}

struct scrubber {
	pthread_t thread;
	uint64_t offset, bytes;
	int64_t scrubbed;
	bool done;
};

static void *scrub_thread(void *arg)
{
	struct scrubber *scrubber = arg;

	scrubber->scrubbed = carve_scrub_range(manager, scrubber->offset,
					       scrubber->bytes);
	__atomic_store_n(&scrubber->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct scrubber *scrubber, uint64_t offset, uint64_t bytes)
{
	*scrubber = (struct scrubber) { .offset = offset, .bytes = bytes };
	if (pthread_create(&scrubber->thread, NULL, scrub_thread, scrubber))
		die("no thread");
}

/* Clean pages go on being used while others are scrubbed. */
static void check_beside(void)
{
	const uint64_t half = region.bytes / 2;
	struct carve_release records[64];
	unsigned int beside = 0;
	struct scrubber scrubber;

	make_dirty(half, half);
	start(&scrubber, half, half);
	while (!__atomic_load_n(&scrubber.done, __ATOMIC_SEQ_CST)) {
		int buf = carve_export_buf(manager, 0, page, 3);

		if (buf < 0 && buf != -EBUSY)
			die("export: %s", strerror(-buf));
		if (buf < 0)
			continue;
		close(buf);
		beside += !__atomic_load_n(&scrubber.done, __ATOMIC_SEQ_CST);
		usleep(100);
	}
	pthread_join(scrubber.thread, NULL);
	check_value("a long scrub beside other work", scrubber.scrubbed, half);
	check(beside, "exports and releases while it runs", "none came through");
	while (carve_read_records(manager, records, ARRAY_SIZE(records)) > 0)
		;
	carve_scrub_range(manager, 0, region.bytes);
}

/* Two scrubs over the same range do the work once, between them. */
static void check_two(void)
{
	struct scrubber scrubbers[2];
	int i;

	make_dirty(0, region.bytes);
	for (i = 0; i < 2; i++)
		start(&scrubbers[i], 0, region.bytes);
	for (i = 0; i < 2; i++)
		pthread_join(scrubbers[i].thread, NULL);
	check(scrubbers[0].scrubbed >= 0 && scrubbers[1].scrubbed >= 0 &&
	      scrubbers[0].scrubbed + scrubbers[1].scrubbed ==
	      (int64_t)region.bytes, "two scrubs share the work",
	      "%lld and %lld bytes", (long long)scrubbers[0].scrubbed,
	      (long long)scrubbers[1].scrubbed);
	check(region_is_clean(manager) && is_zero(0, region.bytes),
	      "and all of it is zero", "it is not");
}

/* From the middle of a dirty extent to the middle of another, over a hole. */
static void check_pieces(void)
{
	carve_scrub_range(manager, 0, region.bytes);
	make_dirty(10 * page, 10 * page);
	make_dirty(30 * page, 10 * page);
	check_value("scrub from the middle of one extent to that of another",
		    carve_scrub_range(manager, 15 * page, 20 * page), 10 * page);
	check_value("before it: still dirty",
		    carve_export_buf(manager, 14 * page, page, 1), -EBUSY);
	check_value("behind it: still dirty",
		    carve_export_buf(manager, 35 * page, page, 1), -EBUSY);
	check(is_zero(15 * page, 20 * page), "between: zero", "it is not");
}

int main(void)
{
	manager = region_open();
	check_killed();
	check_beside();
	check_two();
	check_pieces();
	return finish();
}
