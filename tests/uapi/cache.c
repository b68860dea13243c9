// SPDX-License-Identifier: MIT
/*
 * Cache maintenance covers exactly what it must: for a cached region the pages
 * scrubbed, mapped, unmapped or bracketed, all of them and no others; for a
 * write-combined one none ever, since it is not in the linear map through
 * which maintenance would go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include "check.h"
#include "syncs.h"
#include "trace.h"
#include "vgem.h"
#include "vivid.h"

#define FORMAT V4L2_PIX_FMT_YUYV
static int manager;

static int make(uint64_t offset, uint64_t bytes)
{
	int buf = carve_export_buf(manager, offset, bytes, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

static void clean_up(void)
{
	struct carve_release records[16];

	while (carve_read_records(manager, records, ARRAY_SIZE(records)) > 0)
		;
	if (carve_scrub_range(manager, 0, region.bytes) < 0 ||
	    !region_is_clean(manager))
		die("cannot clean up");
	trace_clear();
}

static void check_scrub(void)
{
	/* More than three steps of 1 MiB, and not at a round place. */
	uint64_t offset = 7 * page, bytes = (3 << 20) + 2 * page;

	close(make(offset, bytes));
	step_check("export and release: none", 0, 0, nothing);
	carve_scrub_range(manager, offset + page, page);
	step_check("scrub of one page: that page", offset + page, page, cleaned);
	carve_scrub_range(manager, offset + page, page);
	step_check("scrub of clean pages: none", 0, 0, nothing);
	carve_scrub_range(manager, offset + 2 * page, bytes);
	step_check("scrub of the rest: the rest", offset + 2 * page, bytes - 2 * page,
	     cleaned);
	carve_scrub_range(manager, 0, region.bytes);
	step_check("scrub of everything: the one dirty page", offset, page, cleaned);
	clean_up();
}

static void check_unmapped(void)
{
	uint64_t offset = 50 * page, bytes = 8 * page;
	int buf = make(offset, bytes);
	uint64_t *map;

	trace_clear();
	map = buf_map(buf, bytes);
	check_value(region.memory == CARVE_MEMORY_CACHED ?
		    "user space maps it cached" :
		    "user space maps it write-combined",
		    trace_mapped_as(region.phys + offset + 3 * page),
		    region.memory == CARVE_MEMORY_CACHED ? MEMORY_NORMAL :
							   MEMORY_NORMAL_NC);
	map[0] = 1;
	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
	step_check("CPU access while no device has the buffer: none", 0, 0, nothing);
	munmap(map, bytes);
	close(buf);
	clean_up();
}

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + page - 1) / page * page;
}

static void bracket(const char *who, int buf, uint64_t offset, uint64_t bytes,
		    unsigned int devices, int dir)
{
	const struct wanted begin = { 0, devices, dir };
	static const struct { const char *name; uint64_t flags; } kinds[] = {
		{ "reading", DMA_BUF_SYNC_READ },
		{ "writing", DMA_BUF_SYNC_WRITE },
		{ "both", DMA_BUF_SYNC_RW },
	};
	char name[100];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct wanted end = { devices, 0, dir };

		/* No device here for which writing is cleaned anyway. */
		if (dir == FROM_DEVICE && kinds[i].flags & DMA_BUF_SYNC_WRITE)
			end = kept_for_device;
		buf_sync(buf, DMA_BUF_SYNC_START | kinds[i].flags);
		snprintf(name, sizeof(name), "%s: begin %s: the buffer", who,
			 kinds[i].name);
		step_check(name, offset, bytes, begin);
		buf_sync(buf, DMA_BUF_SYNC_END | kinds[i].flags);
		snprintf(name, sizeof(name), "%s: end %s: the buffer", who,
			 kinds[i].name);
		step_check(name, offset, bytes, end);
	}
}

/* A queue that is not streaming maps at once, and unmaps when it ends. */
static void check_queue(const char *who, struct video *video, int dir)
{
	uint64_t offset = region.bytes / 2 - 100 * page, bytes;
	char name[100];
	int buf;

	video_format(video, FORMAT);
	bytes = round_up(video->bytes);
	buf = make(offset, bytes);
	video_request(video, V4L2_MEMORY_DMABUF, 2);
	trace_clear();
	if (video_queue(video, 0, buf))
		die("%s: cannot queue: %m", who);
	snprintf(name, sizeof(name), "%s: queued: the buffer", who);
	step_check(name, offset, bytes, (struct wanted){ 1, 0, dir });
	bracket(who, buf, offset, bytes, 1, dir);
	video_request(video, V4L2_MEMORY_DMABUF, 0);
	snprintf(name, sizeof(name), "%s: given back: the buffer", who);
	step_check(name, offset, bytes, (struct wanted){ 0, 1, dir });
	close(buf);
	step_check("and closed: none", 0, 0, nothing);
	clean_up();
}

/*
 * While it streams, V4L2 leaves its mapping as it is from turn to turn, and
 * that of a buffer it has given back as well: bracketing is all that tells the
 * caches, and the CPU has to do it.
 */
static void check_streaming(struct video *capture)
{
	uint64_t bytes, offset = 0;
	int bufs[2], i, index;

	video_format(capture, FORMAT);
	bytes = round_up(capture->bytes);
	video_request(capture, V4L2_MEMORY_DMABUF, 2);
	for (i = 0; i < 2; i++)
		bufs[i] = make(offset + i * bytes, bytes);
	trace_clear();
	for (i = 0; i < 2; i++)
		video_queue(capture, i, bufs[i]);
	step_check("two buffers queued: both", offset, 2 * bytes,
	     (struct wanted){ 1, 0, FROM_DEVICE });
	video_stream(capture, true);
	index = video_take(capture);
	if (index < 0)
		die("no frame: %s", strerror(-index));
	step_check("a frame taken: none", 0, 0, nothing);
	bracket("a frame taken", bufs[index], offset + index * bytes, bytes, 1,
		FROM_DEVICE);
	video_queue(capture, index, bufs[index]);
	step_check("queued again: none", 0, 0, nothing);
	video_stream(capture, false);
	video_request(capture, V4L2_MEMORY_DMABUF, 0);
	step_check("stopped and given back: both", offset, 2 * bytes,
	     (struct wanted){ 0, 1, FROM_DEVICE });
	for (i = 0; i < 2; i++)
		close(bufs[i]);
	clean_up();
}

/* Two devices have the buffer: both are told. */
static void check_two_devices(struct video *output)
{
	uint64_t offset = 300 * page, bytes;
	int card = vgem_open(), buf;
	uint32_t handle;

	if (card < 0) {
		skip("two devices with one buffer", "there is no vgem");
		return;
	}
	if (!vgem_maps()) {
		skip("two devices with one buffer", "vgem of this kernel maps nothing");
		close(card);
		return;
	}
	video_format(output, FORMAT);
	bytes = round_up(output->bytes);
	buf = make(offset, bytes);
	trace_clear();
	if (vgem_import(card, buf, &handle))
		die("vgem does not import: %m");
	step_check("imported by vgem: the buffer", offset, bytes,
	     (struct wanted){ 1, 0, BIDIRECTIONAL });
	bracket("vgem", buf, offset, bytes, 1, BIDIRECTIONAL);
	video_request(output, V4L2_MEMORY_DMABUF, 2);
	video_queue(output, 0, buf);
	step_check("and queued by vivid: the buffer", offset, bytes,
	     (struct wanted){ 1, 0, TO_DEVICE });
	bracket("two devices", buf, offset, bytes, 2, -1);
	video_request(output, V4L2_MEMORY_DMABUF, 0);
	trace_clear();
	vgem_drop(card, handle);
	step_check("vgem gives it back: the buffer", offset, bytes,
	     (struct wanted){ 0, 1, BIDIRECTIONAL });
	close(buf);
	close(card);
	clean_up();
}

static void begin(int buf, uint64_t flags)
{
	buf_sync(buf, DMA_BUF_SYNC_START | flags);
}

static void end(int buf, uint64_t flags)
{
	buf_sync(buf, DMA_BUF_SYNC_END | flags);
}

/* What another program would do that has the buffer. */
static void elsewhere(void (*what)(int buf, uint64_t flags), int buf,
		      uint64_t flags)
{
	int pid = fork_child();

	if (!pid) {
		what(buf, flags);
		_exit(0);
	}
	if (wait_child(pid))
		die("the other program has failed");
}

/*
 * Two programs have the buffer, and know nothing of each other: what the one is
 * writing is not thrown away because the other begins, or because a device
 * comes or goes.
 */
static void check_writers(struct video *capture)
{
	uint64_t offset = 200 * page, bytes;
	int buf;

	video_format(capture, FORMAT);
	bytes = round_up(capture->bytes);
	buf = make(offset, bytes);
	trace_clear();
	begin(buf, DMA_BUF_SYNC_WRITE);
	end(buf, DMA_BUF_SYNC_WRITE);
	step_check("written before any device has it: none", 0, 0, nothing);
	video_request(capture, V4L2_MEMORY_DMABUF, 2);
	video_queue(capture, 0, buf);
	step_check("then queued for capture: cleaned", offset, bytes, kept_for_device);
	steps_cleaned_first("before it is handed over");

	begin(buf, DMA_BUF_SYNC_WRITE);
	step_check("one begins to write: thrown away", offset, bytes,
	     (struct wanted){ 0, 1, FROM_DEVICE });
	begin(buf, DMA_BUF_SYNC_READ);
	step_check("another begins beside it: cleaned", offset, bytes, kept);
	steps_cleaned_first("before it is thrown away");
	end(buf, DMA_BUF_SYNC_READ);
	step_check("the other ends: cleaned", offset, bytes, kept_for_device);
	elsewhere(end, buf, DMA_BUF_SYNC_WRITE);
	step_check("a stranger ends what it never began: cleaned", offset, bytes,
	     kept_for_device);
	begin(buf, DMA_BUF_SYNC_READ);
	step_check("which is not the writer's end: cleaned", offset, bytes, kept);
	steps_cleaned_first("before it is thrown away, for all that");
	end(buf, DMA_BUF_SYNC_READ);
	trace_clear();
	end(buf, DMA_BUF_SYNC_WRITE);
	step_check("the one ends: cleaned", offset, bytes, kept_for_device);
	begin(buf, DMA_BUF_SYNC_READ);
	step_check("all have ended, one begins: thrown away", offset, bytes,
	     (struct wanted){ 0, 1, FROM_DEVICE });
	end(buf, DMA_BUF_SYNC_READ);
	begin(buf, DMA_BUF_SYNC_WRITE);
	trace_clear();
	video_request(capture, V4L2_MEMORY_DMABUF, 0);
	step_check("the device gives it back beside a writer: cleaned", offset, bytes,
	     kept);
	steps_cleaned_first("before it is thrown away, again");
	close(buf);
	clean_up();
}

/*
 * Two programs have been writing at a time, and one of them has ended: as it
 * cannot be known which, all is cleaned before anything is thrown away from then
 * on, but once for each pass.
 */
static void check_several_writers(struct video *capture)
{
	uint64_t offset = 150 * page, bytes;
	int buf, i;

	video_format(capture, FORMAT);
	bytes = round_up(capture->bytes);
	buf = make(offset, bytes);
	video_request(capture, V4L2_MEMORY_DMABUF, 2);
	video_queue(capture, 0, buf);
	begin(buf, DMA_BUF_SYNC_WRITE);
	trace_clear();
	elsewhere(begin, buf, DMA_BUF_SYNC_RW);
	step_check("another program writes as well: cleaned", offset, bytes, kept);
	steps_cleaned_first("before it is thrown away from under the first");
	end(buf, DMA_BUF_SYNC_WRITE);
	step_check("the first ends: cleaned", offset, bytes, kept_for_device);
	for (i = 0; i < 2; i++) {
		begin(buf, DMA_BUF_SYNC_READ);
		step_check("the other may still write: cleaned", offset, bytes, kept);
		steps_cleaned_first("before it is thrown away from under the other");
		end(buf, DMA_BUF_SYNC_READ);
		trace_clear();
	}
	video_request(capture, V4L2_MEMORY_DMABUF, 0);
	step_check("also when the device gives it back: cleaned", offset, bytes, kept);
	close(buf);
	clean_up();
}

/* A device that also reads has everything cleaned for it already. */
static void check_writers_two_ways(void)
{
	uint64_t offset = 20 * page, bytes = 16 * page;
	int card = vgem_open(), buf;
	uint32_t handle;

	if (card < 0) {
		skip("two writers and vgem", "there is no vgem");
		return;
	}
	if (!vgem_maps()) {
		skip("two writers and vgem", "vgem of this kernel maps nothing");
		close(card);
		return;
	}
	buf = make(offset, bytes);
	if (vgem_import(card, buf, &handle))
		die("vgem does not import: %m");
	trace_clear();
	begin(buf, DMA_BUF_SYNC_WRITE);
	step_check("vgem: one begins to write: thrown away", offset, bytes,
	     (struct wanted){ 0, 1, BIDIRECTIONAL });
	begin(buf, DMA_BUF_SYNC_RW);
	step_check("vgem: another begins: cleaned", offset, bytes, kept);
	steps_cleaned_first("vgem: before it is thrown away");
	end(buf, DMA_BUF_SYNC_RW);
	step_check("vgem: the other ends: cleaned once", offset, bytes,
	     (struct wanted){ 1, 0, BIDIRECTIONAL });
	end(buf, DMA_BUF_SYNC_WRITE);
	step_check("vgem: the one ends: cleaned once", offset, bytes,
	     (struct wanted){ 1, 0, BIDIRECTIONAL });
	begin(buf, DMA_BUF_SYNC_RW);
	step_check("vgem: begun again: thrown away", offset, bytes,
	     (struct wanted){ 0, 1, BIDIRECTIONAL });
	end(buf, DMA_BUF_SYNC_RW);
	vgem_drop(card, handle);
	close(buf);
	close(card);
	clean_up();
}

int main(void)
{
	struct video capture, output;
	const char *why;

	manager = region_open();
	why = trace_open();
	if (why) {
		skip("cache maintenance", why);
		return finish();
	}
	printf("# the region is %s\n", region.memory == CARVE_MEMORY_CACHED ?
	       "cached: exactly the right pages" : "write-combined: none at all");
	check_scrub();
	check_unmapped();
	if (video_open_capture(&capture) && video_open_output(&output)) {
		video_input(&capture, 0);
		check_queue("output", &output, TO_DEVICE);
		check_queue("capture", &capture, FROM_DEVICE);
		check_streaming(&capture);
		check_two_devices(&output);
		check_writers(&capture);
		check_several_writers(&capture);
	} else {
		skip("cache maintenance for V4L2", "there is no vivid");
	}
	check_writers_two_ways();
	trace_close();
	return finish();
}
