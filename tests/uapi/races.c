// SPDX-License-Identifier: MIT
/*
 * Everything at once: a storm of threads (storm.h) on one manager; managers
 * that take the region from each other, and that are killed in the middle; and
 * the region's device going and coming while all that runs.
 *
 * $CARVE_SEED repeats the choices, though not the order in which threads come
 * to run; $CARVE_SECONDS is how long it takes, about.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/videodev2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "device.h"
#include "storm.h"
#include "storm-work.h"
#include "vgem.h"
#include "vivid.h"

#define RIVALS 3

static uint64_t chance;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- one manager, many threads ------------------------------------------ */

/* While the region is in use the driver cannot go, however often it is asked. */
static const char *keep_unloading(uint64_t end_ms)
{
	while (now_ms() < end_ms && !storm.wrong) {
		if (!syscall(SYS_delete_module, "carve", O_NONBLOCK))
			return "the driver went while it was in use";
		if (errno != EWOULDBLOCK && errno != EBUSY)
			return "unloading fails otherwise than with EWOULDBLOCK";
		storm_count(STORM_UNLOAD);
		usleep(20000);
	}
	return NULL;
}

static void check_storm(uint64_t seconds)
{
	int manager = region_open();
	const char *wrong, *unloaded;

	storm_start(manager, chance);
	unloaded = keep_unloading(now_ms() + seconds * 1000);
	wrong = storm_stop(false);
	check(!wrong, "many threads on one region", "%s", wrong);
	check(!unloaded, "nor can the driver be unloaded then", "%s", unloaded);
	close(manager);
}

/* ---- who is the manager ------------------------------------------------- */

struct rivalry {
	atomic_int holders;
	atomic_uint taken[RIVALS], refused, wrong;
	atomic_bool stop;
};

static void rival(struct rivalry *rivalry, int self, uint64_t seed)
{
	struct carve_info info;
	int fd;

	while (!rivalry->stop) {
		fd = open(region_node(), O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			rivalry->wrong += errno != EBUSY;
			rivalry->refused++;
			continue;
		}
		if (rivalry->holders++)
			rivalry->wrong++;
		/* Only the manager is told the address. */
		if (carve_info_get(fd, &info) || !info.phys)
			rivalry->wrong++;
		usleep(storm_pick(&seed, 300));
		rivalry->taken[self]++;
		rivalry->holders--;
		close(fd);
	}
	_exit(0);
}

static void check_rivals(uint64_t seconds)
{
	struct rivalry *rivalry = mmap(NULL, sizeof(*rivalry),
				       PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int least = UINT32_MAX, sum = 0;
	int pids[RIVALS], i;

	if (rivalry == MAP_FAILED)
		die("mmap: %m");
	for (i = 0; i < RIVALS; i++) {
		pids[i] = fork_child();
		if (!pids[i])
			rival(rivalry, i, chance + i);
	}
	sleep(seconds);
	rivalry->stop = true;
	for (i = 0; i < RIVALS; i++) {
		wait_child(pids[i]);
		sum += rivalry->taken[i];
		if (rivalry->taken[i] < least)
			least = rivalry->taken[i];
	}
	printf("# %u times manager, %u times refused\n", sum, rivalry->refused);
	check(!rivalry->wrong, "one manager at a time, EBUSY for the others",
	      "%u times not so", rivalry->wrong);
	check(least && rivalry->refused, "and everybody comes in once",
	      "one %u times, %u refused", least, rivalry->refused);
	munmap(rivalry, sizeof(*rivalry));
}

/* ---- managers that are killed ------------------------------------------- */

/* Makes all dirty and clean again, for ever; or waits for ever. */
static void victim(bool reads)
{
	struct carve_release record;
	int fd = region_open(), buf;

	while (reads)
		if (read(fd, &record, sizeof(record)) < 0)
			_exit(1);
	for (;;) {
		buf = carve_export_buf(fd, 0, region.bytes, 1);
		close(buf);
		if (buf < 0 || read(fd, &record, sizeof(record)) < 0 ||
		    carve_scrub_range(fd, 0, region.bytes) < 0)
			_exit(2);
	}
}

/* The next manager comes in at once and finds sums that are right. */
static const char *succeed(void)
{
	static struct carve_extent_info infos[16];
	struct carve_info info;
	uint64_t sum = 0;
	int fd, count, i;

	fd = open(region_node(), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return "the next manager does not come in";
	count = carve_list_all(fd, infos, ARRAY_SIZE(infos));
	for (i = 0; i < count; i++)
		sum += infos[i].bytes;
	if (carve_info_get(fd, &info) || info.live_bytes || info.live_count ||
	    sum != info.dirty_bytes)
		return "the sums are wrong afterwards";
	close(fd);
	return NULL;
}

static void check_killed(uint64_t seconds)
{
	uint64_t end = now_ms() + seconds * 1000, begin, slowest = 0;
	const char *wrong = NULL;
	unsigned int kills;
	int pid;

	for (kills = 0; now_ms() < end && !wrong; kills++) {
		pid = fork_child();
		if (!pid)
			victim(kills % 4 == 3);
		usleep(storm_pick(&chance, 100000));
		begin = now_ms();
		kill(pid, SIGKILL);
		if (wait_child(pid) != 128 + SIGKILL)
			wrong = "a manager ended by itself";
		if (now_ms() - begin > slowest)
			slowest = now_ms() - begin;
		wrong = wrong ?: succeed();
	}
	printf("# %u managers killed, the slowest died in %llu ms\n", kills,
	       (unsigned long long)slowest);
	check(!wrong, "managers killed while they scrub and wait", "%s", wrong);
}

/* ---- the device goes ---------------------------------------------------- */

static char device_path[300];

/* A buffer in every use there is, from before until after. */
struct keeper {
	int buf, queued, card;
	uint32_t handle;
	uint64_t bytes;
	char *map;
	struct video video;
};

static void keep(struct keeper *keeper, int manager)
{
	uint64_t at = region.bytes - 4 * 1024 * 1024;

	memset(keeper, 0, sizeof(*keeper));
	keeper->bytes = 16 * page;
	keeper->buf = carve_export_buf(manager, at, keeper->bytes, 1);
	if (keeper->buf < 0)
		die("export: %s", strerror(-keeper->buf));
	keeper->map = buf_map(keeper->buf, keeper->bytes);
	strcpy(keeper->map, "still here");
	keeper->card = vgem_open();
	if (keeper->card >= 0 &&
	    vgem_import(keeper->card, keeper->buf, &keeper->handle))
		die("vgem cannot import");
	if (!video_open_capture(&keeper->video))
		return;
	video_format(&keeper->video, V4L2_PIX_FMT_YUYV);
	video_request(&keeper->video, V4L2_MEMORY_DMABUF, 2);
	keeper->queued = carve_export_buf(manager, at + keeper->bytes,
					  (keeper->video.bytes + page - 1) /
					  page * page, 2);
	if (keeper->queued < 0 ||
	    video_queue(&keeper->video, 0, keeper->queued))
		die("vivid does not take a buffer");
	close(keeper->queued);
}

/* Nothing of it knows that the device has gone. */
static const char *check_kept(const struct keeper *keeper)
{
	if (strcmp(keeper->map, "still here"))
		return "a mapped buffer changed when the device went";
	if (buf_sync(keeper->buf, 3 /* both ways */) ||
	    buf_sync(keeper->buf, 4 | 3))
		return "a buffer cannot be synced once the device has gone";
	return NULL;
}

static void let_go(struct keeper *keeper)
{
	munmap(keeper->map, keeper->bytes);
	close(keeper->buf);
	if (keeper->card >= 0)
		close(keeper->card);
	if (keeper->video.fd > 0)
		close(keeper->video.fd);
}

/* The device is there again; the region only when nothing of the old one is. */
static bool comes_back(int tries)
{
	int fd;

	if (device_unplug("create", device_path))
		return false;
	for (; tries; tries--) {
		fd = open(region_node(), O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			close(fd);
			return true;
		}
		usleep(20000);
	}
	return false;
}

static const char *go_and_come(unsigned int *ret_ms)
{
	int manager = region_open();
	struct keeper keeper;
	const char *wrong;
	uint64_t begin;
	bool refused;

	keep(&keeper, manager);
	storm_start(manager, ++chance);
	usleep(50000 + storm_pick(&chance, 500000));
	begin = now_ms();
	if (device_unplug("remove", device_path))
		return "the device does not go";
	if (now_ms() - begin > *ret_ms)
		*ret_ms = now_ms() - begin;
	wrong = check_kept(&keeper);
	/* The threads may hold buffers yet, this one certainly does. */
	refused = !comes_back(1);
	wrong = storm_stop(true) ?: wrong;
	if (!refused)
		return wrong ?: "a region comes over memory that is in use";
	if (carve_export_buf(manager, 0, page, 3) != -ENODEV)
		wrong = wrong ?: "a manager without device can do something";
	let_go(&keeper);
	close(manager);
	if (device_unplug("remove", device_path))
		return wrong ?: "the device does not go a second time";
	return wrong ?: comes_back(250) ? NULL : "the region does not come back";
}

static void find_device(void)
{
	static const char base[] = "/sys/firmware/devicetree/base";
	char link[100], *real;

	snprintf(link, sizeof(link), "/sys/class/carve/%s/device/of_node",
		 region.label);
	real = realpath(link, NULL);
	if (!real || strncmp(real, base, strlen(base)))
		die("%s: no node in the device tree", link);
	snprintf(device_path, sizeof(device_path), "%s", real + strlen(base));
	free(real);
}

static void check_removal(uint64_t seconds)
{
	uint64_t end = now_ms() + seconds * 1000;
	unsigned int rounds, slowest_ms = 0;
	const char *wrong = NULL;

	if (access("/dev/carve-test/unplug", F_OK)) {
		skip("the device goes and comes", "there is no carve-test");
		return;
	}
	find_device();
	for (rounds = 0; (!rounds || now_ms() < end) && !wrong; rounds++)
		wrong = go_and_come(&slowest_ms);
	printf("# the device went %u times, at the slowest in %u ms\n", rounds,
	       slowest_ms);
	check(!wrong, "the device goes and comes under a storm", "round %u: %s",
	      rounds, wrong);
}

int main(void)
{
	uint64_t seconds = number("CARVE_SECONDS", 20);
	uint64_t seed = number("CARVE_SEED", time(NULL) ^ getpid());
	int fd;

	printf("# CARVE_SEED=%llu CARVE_SECONDS=%llu\n",
	       (unsigned long long)seed, (unsigned long long)seconds);
	chance = seed;
	close(region_open());
	check_rivals(1 + seconds / 10);
	check_killed(1 + seconds / 5);
	check_storm(seconds / 2);
	check_removal(seconds / 5);
	storm_print();
	fd = region_open();
	check(region_is_clean(fd), "all is clean in the end", "it is not");
	return finish();
}
