// SPDX-License-Identifier: MIT
/*
 * What the threads of a storm do, see storm.h and storm-work.h.
 *
 * Most of them take descriptors of buffers out of the slots without asking
 * whether they still are what they were: EBADF and the like are no errors then.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "check.h"
#include "device.h"
#include "guarded.h"
#include "storm.h"
#include "storm-work.h"
#include "vgem.h"
#include "vivid.h"

/* So narrow that they meet; the players have the place behind. */
#define ARENA_PAGES 512

/* Where in a page the owner does not write, and devices may. */
#define POKED 64

static int any_buffer(struct storm_thread *self)
{
	return storm.slots[storm_pick(&self->random, STORM_SLOTS)].fd;
}

static void nap(struct storm_thread *self, unsigned int most_us)
{
	usleep(1 + storm_pick(&self->random, most_us));
}

/* Writes the owner into each page that holds @before; false if one does not. */
static bool stamp(const struct storm_slot *slot, uint64_t before, uint64_t after)
{
	char *map = mmap(NULL, slot->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 slot->fd, 0);
	bool good = true;
	uint64_t at;

	if (map == MAP_FAILED)
		return false;
	for (at = 0; at < slot->bytes; at += page) {
		volatile uint64_t *first = (uint64_t *)(map + at);
		volatile uint64_t *last = (uint64_t *)(map + at + page - 8);

		good = good && *first == before && *last == before;
		*first = *last = after;
	}
	munmap(map, slot->bytes);
	return good;
}

void storm_drop(struct storm_slot *slot)
{
	int fd = slot->fd;

	if (fd < 0)
		return;
	if (!stamp(slot, slot->owner, slot->owner))
		storm_wrong("somebody else wrote into a live buffer");
	slot->fd = -1;
	close(fd);
}

static int export(struct storm_thread *self, struct storm_slot *slot)
{
	uint64_t pages = 3 + storm_pick(&self->random, 14);
	uint64_t offset = storm_pick(&self->random, ARENA_PAGES - 16) * page;
	uint32_t before = storm_pick(&self->random, 2) * page;
	uint32_t after = storm_pick(&self->random, 2) * page;
	struct carve_export args = guarded_args(offset, pages * page, before, after);
	int ret;

	slot->owner = storm_new_owner();
	if (!slot->owner)
		return -ENOSPC;
	args.owner[0] = slot->owner;
	args.owner[1] = ~slot->owner;
	ret = guarded_run(storm.manager, &args);
	if (ret)
		return ret;
	storm_book(slot->owner, offset, pages * page);
	slot->bytes = pages * page - before - after;
	slot->fd = args.fd;
	if (!stamp(slot, 0, slot->owner))
		storm_wrong("a new buffer is not zero");
	return 0;
}

void storm_exporter(struct storm_thread *self)
{
	struct storm_slot *slot;
	int ret;

	while (!storm.stop) {
		slot = &storm.slots[storm_pick(&self->random, STORM_SLOTS)];
		if (pthread_mutex_trylock(&slot->lock))
			continue;
		ret = 0;
		if (slot->fd < 0)
			ret = export(self, slot);
		else
			storm_drop(slot);
		pthread_mutex_unlock(&slot->lock);
		if (ret == -ENODEV || ret == -ENOSPC)
			return;
		if (ret && ret != -EBUSY && ret != -ENOBUFS)
			storm_wrong("export gives an error of another kind");
		storm_count(ret ? STORM_BUSY : STORM_EXPORT);
		if (ret)
			nap(self, 500);
	}
}

void storm_scrubber(struct storm_thread *self)
{
	uint64_t first, pages;
	int64_t ret;

	while (!storm.stop) {
		first = storm_pick(&self->random, ARENA_PAGES);
		pages = 1 + storm_pick(&self->random, 64);
		ret = carve_scrub_range(storm.manager, first * page, pages * page);
		if (ret == -ENODEV)
			return;
		if (ret > (int64_t)(pages * page) || (ret < 0 && ret != -EBUSY))
			storm_wrong("scrub gives what it should not");
		storm_count(STORM_SCRUB);
		nap(self, 1000);
	}
}

/* One call sees one moment: in order, and none over another. */
static int look_at_list(void)
{
	static __thread struct carve_extent_info infos[256];
	struct carve_list list = {
		.size = sizeof(list),
		.entries = (uintptr_t)infos,
		.entry_size = sizeof(infos[0]),
		.count = ARRAY_SIZE(infos),
	};
	uint64_t end = 0;
	unsigned int i;

	if (ioctl(storm.manager, CARVE_IOC_LIST, &list))
		return -errno;
	for (i = 0; i < list.count; i++) {
		if (infos[i].offset < end || !infos[i].bytes)
			storm_wrong("listed extents overlap");
		end = infos[i].offset + infos[i].bytes;
	}
	if (end > region.bytes)
		storm_wrong("an extent is listed behind the region");
	storm_count(STORM_LOOK);
	return 0;
}

static void identify_any(struct storm_thread *self)
{
	struct carve_identify identify = {
		.size = sizeof(identify),
		.fd = any_buffer(self),
	};

	if (ioctl(storm.manager, CARVE_IOC_IDENTIFY, &identify)) {
		if (errno != EBADF && errno != EINVAL && errno != ENOENT &&
		    errno != ENODEV)
			storm_wrong("identify gives an error of another kind");
	} else if (identify.extent.state != CARVE_STATE_LIVE ||
		   identify.extent.owner[1] != ~identify.extent.owner[0]) {
		storm_wrong("identify gives what it should not");
	} else {
		storm_count(STORM_IDENTIFY);
	}
}

void storm_looker(struct storm_thread *self)
{
	struct carve_info info;
	int ret;

	while (!storm.stop) {
		ret = carve_info_get(storm.manager, &info) ?: look_at_list();
		if (ret == -ENODEV)
			return;
		if (ret)
			storm_wrong("information or list fails");
		if (info.live_bytes + info.dirty_bytes > region.bytes)
			storm_wrong("more is live and dirty than there is");
		identify_any(self);
		carve_wait_record(storm.manager, 1);
	}
}

/* What is mapped stays live: nobody else may appear in it. */
void storm_mapper(struct storm_thread *self)
{
	volatile uint64_t *map;
	uint64_t before;

	while (!storm.stop) {
		map = mmap(NULL, page, PROT_READ, MAP_SHARED, any_buffer(self), 0);
		if (map == MAP_FAILED) {
			nap(self, 200);
			continue;
		}
		before = *map;
		nap(self, 3000);
		if (before && *map != before)
			storm_wrong("a mapped buffer became another's");
		munmap((void *)map, page);
		storm_count(STORM_MAP);
	}
}

void storm_syncer(struct storm_thread *self)
{
	int buf;

	while (!storm.stop) {
		buf = any_buffer(self);
		if (buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW))
			continue;
		buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
		storm_count(STORM_SYNC);
		nap(self, 300);
	}
}

/* A child has all that its parent had, until it ends. */
void storm_forker(struct storm_thread *self)
{
	void *map;
	int pid;

	while (!storm.stop) {
		map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			   any_buffer(self), 0);
		pid = fork();
		if (pid < 0)
			storm_wrong("fork fails");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			usleep(storm_pick(&self->random, 5000));
			_exit(0);
		}
		if (map != MAP_FAILED)
			munmap(map, page);
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		storm_count(STORM_FORK);
		nap(self, 20000);
	}
}

void storm_importer(struct storm_thread *self)
{
	int card = vgem_open(), ret;
	uint32_t handle;

	while (card >= 0 && !storm.stop) {
		ret = vgem_import(card, any_buffer(self), &handle);
		if (!ret) {
			nap(self, 1000);
			/* The last one goes with the file. */
			if (storm_pick(&self->random, 8)) {
				vgem_drop(card, handle);
			} else {
				close(card);
				card = vgem_open();
			}
			storm_count(STORM_IMPORT);
		} else if (ret != -EBADF && ret != -EINVAL && ret != -ENOTTY) {
			storm_wrong("vgem cannot import");
		}
	}
	if (card >= 0)
		close(card);
}

/* A kernel mapping and one for a device, by an importer of our own. */
void storm_device(struct storm_thread *self)
{
	struct carve_test_segment segments[32];
	struct carve_test_map map;
	int device = device_open("plain"), buf;

	while (device >= 0 && !storm.stop) {
		buf = any_buffer(self);
		if (device_poke(device, buf, POKED, 8, 0xee)) {
			nap(self, 200);
			continue;
		}
		map.count = ARRAY_SIZE(segments);
		if (!device_map(device, buf, storm_pick(&self->random, 3),
				segments, &map)) {
			nap(self, 1000);
			if (storm_pick(&self->random, 8)) {
				device_unmap(device, map.handle);
			} else {
				close(device);
				device = device_open("plain");
			}
			storm_count(STORM_DEVICE);
		}
	}
	if (device >= 0)
		close(device);
}

/* A child of storm_forker() may still have the file that had the queue. */
static bool take_queue(struct video *video)
{
	struct v4l2_format format = { .type = video->type };
	struct v4l2_requestbuffers request = {
		.count = 2,
		.type = video->type,
		.memory = V4L2_MEMORY_DMABUF,
	};

	if (ioctl(video->fd, VIDIOC_G_FMT, &format))
		storm_wrong("vivid gives no format");
	video->bytes = format.fmt.pix.sizeimage;
	video->memory = V4L2_MEMORY_DMABUF;
	if (!ioctl(video->fd, VIDIOC_REQBUFS, &request))
		return true;
	if (errno != EBUSY)
		storm_wrong("vivid gives no queue");
	return false;
}

/* One frame each, behind the arena; closed while the queue has them. */
static bool play(struct storm_thread *self, struct video *video)
{
	uint64_t bytes = (video->bytes + page - 1) / page * page, at, owner;
	int bufs[2], i, stream = storm_pick(&self->random, 4);

	for (i = 0; i < 2; i++) {
		at = (ARENA_PAGES + 64) * page + i * bytes;
		owner = storm_new_owner();
		bufs[i] = owner ? carve_export_buf(storm.manager, at, bytes, owner) :
				  -ENOSPC;
		if (bufs[i] == -ENODEV || bufs[i] == -ENOSPC)
			return false;
		if (bufs[i] == -EBUSY)	/* not scrubbed yet */
			carve_scrub_range(storm.manager, at, bytes);
		if (bufs[i] < 0)
			continue;
		storm_book(owner, at, bytes);
		if (video_queue(video, i, bufs[i]))
			storm_wrong("a buffer cannot be queued");
		close(bufs[i]);
	}
	if (stream) {
		video_stream(video, true);
		nap(self, 50000);
	}
	if (stream > 1)
		video_stream(video, false);
	storm_count(STORM_PLAY);
	return true;
}

void storm_player(struct storm_thread *self)
{
	struct video video;
	bool more = true;

	while (more && !storm.stop) {
		if (!video_open_output(&video))
			return;
		if (take_queue(&video))
			more = play(self, &video);
		else
			nap(self, 5000);
		close(video.fd);
	}
}
