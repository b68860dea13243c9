// SPDX-License-Identifier: MIT
/*
 * The region's device goes, as with an overlay, while everything is under way:
 * a read that waits, a scrub, somebody who exports all the time, buffers mapped,
 * attached and queued. What is open says ENODEV, what lives lives on, and the
 * memory is nobody else's until the last of it is gone.
 *
 * $CARVE_CYCLES says how often, 100 if it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "check.h"
#include "device.h"
#include "vivid.h"

#define NODE "/carve"
#define DEVICE "carve"
#define BYTES (512 * page)
#define SECRET 0x1234567890abcdefULL

/* Each has a place of its own at the beginning; behind is the scrub's. */
enum { MAPPED, ATTACHED, QUEUED, KEPT, LIVE };
#define SPARE (LIVE * BYTES)
#define SCRUBBED (16 << 20)

struct round {
	int manager, reader;
	bool orphans;		/* the manager is gone before the device */
	int bufs[LIVE];
	uint64_t *map;
	uint32_t handle;
	int read_result;
	int64_t scrub_result;
	int hammer_result;
};

static int plain;
static struct video output;
static bool has_video;
static unsigned int failed;

/* A hundred rounds: only what fails is a line. */
static void expect(const char *what, int64_t got, int64_t wanted)
{
	if (got != wanted) {
		failed++;
		check_value(what, got, wanted);
	}
}

static void *wait_for_record(void *data)
{
	struct round *round = data;
	struct carve_release record;

	round->read_result =
		read(round->manager, &record, sizeof(record)) < 0 ? -errno : 0;
	return NULL;
}

static void *scrub_on(void *data)
{
	struct round *round = data;

	do
		round->scrub_result = carve_scrub_range(round->manager, SCRUBBED,
							region.bytes - SCRUBBED);
	while (round->scrub_result >= 0);
	return NULL;
}

static void *export_on(void *data)
{
	struct round *round = data;
	struct carve_extent_info infos[8];
	int ret;

	do {
		ret = carve_export_buf(round->manager, SPARE, page, 9);
		if (ret >= 0)
			close(ret);
		carve_scrub_range(round->manager, SPARE, page);
		carve_list_all(round->reader, infos, ARRAY_SIZE(infos));
	} while (ret >= 0 || ret == -EBUSY || ret == -ENOBUFS);
	round->hammer_result = ret;
	return NULL;
}

static void open_region(struct round *round)
{
	round->manager = open(region_node(), O_RDWR | O_CLOEXEC);
	round->reader = open(region_node(), O_RDONLY | O_CLOEXEC);
	if (round->manager < 0 || round->reader < 0)
		die("%s: %m", region_node());
	expect("all is dirty at first",
	       carve_scrub_range(round->manager, 0, SCRUBBED), SCRUBBED);
}

static void make_buffers(struct round *round)
{
	struct carve_test_map map = { .count = 0 };
	int i;

	for (i = 0; i < LIVE; i++) {
		round->bufs[i] = carve_export_buf(round->manager, i * BYTES,
						  BYTES, i);
		if (round->bufs[i] < 0)
			die("export: %s", strerror(-round->bufs[i]));
	}
	round->map = buf_map(round->bufs[MAPPED], BYTES);
	round->map[7] = SECRET;
	expect("attached", device_map(plain, round->bufs[ATTACHED],
				      CARVE_TEST_BOTH, NULL, &map), 0);
	round->handle = map.handle;
	expect("a device writes",
	       device_write(plain, round->handle, 56, &(uint64_t){ SECRET }, 8), 0);
	if (has_video) {
		video_request(&output, V4L2_MEMORY_DMABUF, 2);
		expect("queued", video_queue(&output, 0, round->bufs[QUEUED]), 0);
	}
	/* Mapping, attachment and queue alone hold them. */
	close(round->bufs[MAPPED]);
	close(round->bufs[ATTACHED]);
	close(round->bufs[QUEUED]);
}

static void remove_busy(struct round *round, unsigned int number)
{
	pthread_t reader, scrubber, hammer;

	if (pthread_create(&reader, NULL, wait_for_record, round) ||
	    pthread_create(&scrubber, NULL, scrub_on, round))
		die("pthread_create");
	/* A hammer makes records, and then the reader does not wait. */
	if (number % 2 && pthread_create(&hammer, NULL, export_on, round))
		die("pthread_create");
	usleep(1000 * (1 + number % 20));
	expect("removed", device_unplug("remove", NODE), 0);
	pthread_join(reader, NULL);
	pthread_join(scrubber, NULL);
	if (number % 2) {
		pthread_join(hammer, NULL);
		expect("an export says so", round->hammer_result, -ENODEV);
	} else {
		expect("a read that waits says so", round->read_result, -ENODEV);
	}
	expect("a scrub says so", round->scrub_result, -ENODEV);
}

static void check_gone(const struct round *round, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct carve_extent_info extent;
	struct carve_release record;
	struct carve_info info;

	expect("poll() answers at once", poll(&pollfd, 1, 0), 1);
	expect("and says so", pollfd.revents, POLLHUP | POLLERR);
	expect("information", carve_info_get(fd, &info), -ENODEV);
	expect("list", carve_list_all(fd, &extent, 1), -ENODEV);
	if (fd != round->manager)
		return;
	expect("export", carve_export_buf(fd, SPARE, page, 1), -ENODEV);
	expect("scrub", carve_scrub_range(fd, SPARE, page), -ENODEV);
	expect("read", read(fd, &record, sizeof(record)) < 0 ? -errno : 0, -ENODEV);
}

/* What lived when the device went is as it was. */
static void check_live(const struct round *round)
{
	struct carve_test_map map = { .count = 0 };
	uint64_t *again = buf_map(round->bufs[KEPT], BYTES), word = 0;

	expect("a mapping is there", round->map[7] == SECRET, 1);
	expect("a device reads",
	       device_read(plain, round->handle, 56, &word, 8), 0);
	expect("what it wrote", word == SECRET, 1);
	again[1] = ~SECRET;
	expect("sync", buf_sync(round->bufs[KEPT],
				DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	expect("attached anew", device_map(plain, round->bufs[KEPT],
					   CARVE_TEST_BOTH, NULL, &map), 0);
	expect("and read", device_read(plain, map.handle, 8, &word, 8), 0);
	expect("what was written", word == ~SECRET, 1);
	device_unmap(plain, map.handle);
	munmap(again, BYTES);
	expect("the module cannot go",
	       syscall(SYS_delete_module, "carve", O_NONBLOCK) ? -errno : 0,
	       -EWOULDBLOCK);
}

static bool node_exists(void)
{
	struct stat info;

	return !stat(region_node(), &info);
}

/* What a device without a driver is offered to all drivers by. */
static int try_again(void)
{
	int fd = open("/sys/bus/platform/drivers_probe", O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, DEVICE, strlen(DEVICE)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* One after the other: the last one frees the memory. */
static void drop_buffers(struct round *round)
{
	munmap(round->map, BYTES);
	expect("unmapped", device_unmap(plain, round->handle), 0);
	if (has_video)
		video_request(&output, V4L2_MEMORY_DMABUF, 0);
	try_again();
	expect("one buffer is enough to keep it away", node_exists(), 0);
	close(round->bufs[KEPT]);
}

static void run(unsigned int number)
{
	struct round round = { .orphans = number % 3 == 2 };

	open_region(&round);
	make_buffers(&round);
	if (round.orphans) {
		close(round.manager);
		expect("removed", device_unplug("remove", NODE), 0);
	} else {
		remove_busy(&round, number);
		check_gone(&round, round.manager);
	}
	check_gone(&round, round.reader);
	expect("the node is gone", node_exists(), 0);
	check_live(&round);

	expect("created again", device_unplug("create", NODE), 0);
	expect("but kept away from live buffers", node_exists(), 0);
	check_live(&round);
	drop_buffers(&round);
	if (number % 2) {
		expect("removed unbound", device_unplug("remove", NODE), 0);
		expect("and created", device_unplug("create", NODE), 0);
	} else {
		expect("tried again", try_again(), 0);
	}
	expect("it is back when the last one is gone", node_exists(), 1);
	/* What was open before stays what it was. */
	if (!round.orphans) {
		check_gone(&round, round.manager);
		close(round.manager);
	}
	check_gone(&round, round.reader);
	close(round.reader);
}

int main(void)
{
	const char *cycles = getenv("CARVE_CYCLES");
	unsigned int i, count = cycles ? atoi(cycles) : 100;
	char name[64];

	close(region_open());
	plain = device_open("plain");
	if (plain < 0)
		die("/dev/carve-test/plain: %m (modprobe carve-test)");
	has_video = video_open_output(&output);
	if (has_video)
		video_format(&output, V4L2_PIX_FMT_YUYV);
	else
		skip("removed with a buffer in V4L2", "there is no vivid");
	if (has_video && output.bytes > BYTES)
		die("a picture is larger than %llu bytes",
		    (unsigned long long)BYTES);
	/* The first round, too, begins with a region that is new. */
	if (device_unplug("remove", NODE) || device_unplug("create", NODE))
		die("the device of %s cannot be removed and created", NODE);
	for (i = 0; i < count && failed < 10; i++)
		run(i);
	snprintf(name, sizeof(name), "removed and created %u times", i);
	check_value(name, failed, 0);
	return finish();
}
