// SPDX-License-Identifier: MIT
/*
 * V4L2 as an importer: what a device captures into a buffer is what the CPU
 * reads there, what the CPU writes is what a device shows, and a buffer that a
 * queue holds is held.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include "check.h"
#include "vivid.h"

#define FORMAT V4L2_PIX_FMT_YUYV
#define COUNT 3

/* Buffers of one frame each, one behind the other. */
struct buffers {
	uint64_t offset, stride;
	int bufs[COUNT];
	unsigned char *maps[COUNT];
};

static int manager;

static uint64_t frame_stride(uint32_t bytes)
{
	return (bytes + page - 1) / page * page;
}

static void make_buffers(struct buffers *buffers, uint64_t offset, uint32_t bytes)
{
	buffers->offset = offset;
	buffers->stride = frame_stride(bytes);
	for (int i = 0; i < COUNT; i++) {
		buffers->bufs[i] = carve_export_buf(manager,
						    offset + i * buffers->stride,
						    buffers->stride, i);
		if (buffers->bufs[i] < 0)
			die("export: %s", strerror(-buffers->bufs[i]));
		buffers->maps[i] = buf_map(buffers->bufs[i], buffers->stride);
	}
}

static void drop_buffer(struct buffers *buffers, int i)
{
	munmap(buffers->maps[i], buffers->stride);
	close(buffers->bufs[i]);
}

/* A copy of what the CPU sees in a buffer. */
static unsigned char *read_buffer(const struct buffers *buffers, int i,
				  uint32_t bytes)
{
	unsigned char *copy = malloc(bytes);

	if (!copy)
		die("malloc");
	buf_sync(buffers->bufs[i], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	memcpy(copy, buffers->maps[i], bytes);
	buf_sync(buffers->bufs[i], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	return copy;
}

/* A picture no other buffer has, in every byte. */
static void paint(const struct buffers *buffers, int i, uint32_t bytes)
{
	uint32_t value = 12345 + i, at;

	buf_sync(buffers->bufs[i], DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	for (at = 0; at < bytes; at++) {
		value = value * 1664525 + 1013904223;
		buffers->maps[i][at] = value >> 24;
	}
	buf_sync(buffers->bufs[i], DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

/* The device's own test pattern, captured the ordinary way. */
static unsigned char *capture_ordinary(struct video *capture)
{
	unsigned char *copy = malloc(capture->bytes);
	const void *map;
	int i, index;

	video_request(capture, V4L2_MEMORY_MMAP, 2);
	for (i = 0; i < 2; i++)
		video_queue(capture, i, -1);
	video_stream(capture, true);
	index = video_take(capture);
	if (index < 0 || !copy)
		die("no frame the ordinary way: %s", strerror(-index));
	map = video_map(capture, index);
	memcpy(copy, map, capture->bytes);
	munmap((void *)map, capture->bytes);
	video_stream(capture, false);
	video_request(capture, V4L2_MEMORY_MMAP, 0);
	return copy;
}

/*
 * In the middle of the region, which is where the kernel's RAM and with it the
 * struct pages may end: one buffer in front, one across, one behind.
 */
static uint64_t around_middle(uint32_t bytes)
{
	return region.bytes / 2 - (frame_stride(bytes) * 3 / 2) / page * page;
}

static void check_capture(struct video *capture)
{
	unsigned char *ordinary, *ours;
	struct buffers buffers;
	int i, index, equal = 0;

	video_input(capture, 0);
	video_format(capture, FORMAT);
	ordinary = capture_ordinary(capture);
	make_buffers(&buffers, around_middle(capture->bytes), capture->bytes);
	video_request(capture, V4L2_MEMORY_DMABUF, COUNT);
	for (i = 0; i < COUNT; i++)
		if (!check_value("capture takes a buffer",
				 video_queue(capture, i, buffers.bufs[i]), 0))
			return;
	video_stream(capture, true);
	for (i = 0; i < COUNT; i++) {
		index = video_take(capture);
		if (index < 0)
			die("no frame: %s", strerror(-index));
		ours = read_buffer(&buffers, index, capture->bytes);
		equal += !memcmp(ours, ordinary, capture->bytes);
		free(ours);
	}
	check_value("frames equal to the one captured the ordinary way", equal,
		    COUNT);
	video_stream(capture, false);
	video_request(capture, V4L2_MEMORY_DMABUF, 0);
	for (i = 0; i < COUNT; i++)
		drop_buffer(&buffers, i);
	free(ordinary);
}

/* Which output picture a captured frame is; -1 when none. */
static int find_picture(unsigned char *const pictures[], const unsigned char *frame,
			uint32_t bytes)
{
	for (int i = 0; i < COUNT; i++)
		if (!memcmp(pictures[i], frame, bytes))
			return i;
	return -1;
}

/*
 * Frames without a picture come first: vivid shows one when its output has got
 * round to it, which a slow kernel takes seconds for.
 */
static void capture_loop(struct video *capture, struct buffers *shown,
			 struct buffers *captured)
{
	unsigned char *pictures[COUNT], *frame;
	time_t end = time(NULL) + 120;
	int i, index, equal = 0;

	for (i = 0; i < COUNT; i++)
		pictures[i] = read_buffer(shown, i, capture->bytes);
	while (equal < COUNT && time(NULL) < end) {
		index = video_take(capture);
		if (index < 0)
			die("no looped frame: %s", strerror(-index));
		frame = read_buffer(captured, index, capture->bytes);
		if (find_picture(pictures, frame, capture->bytes) >= 0)
			equal++;
		else if (!video_keep_joined(capture))
			printf("# vivid had parted input and output\n");
		free(frame);
		video_queue(capture, index, captured->bufs[index]);
	}
	check_value("frames that went out of one buffer and into another", equal,
		    COUNT);
	for (i = 0; i < COUNT; i++)
		free(pictures[i]);
}

/* The device still shows the last picture: its buffer is held. */
static void check_queue_holds(struct video *output, struct buffers *shown)
{
	struct carve_release records[COUNT];
	int i;

	for (i = 0; i < COUNT; i++)
		drop_buffer(shown, i);
	check_value("a queue holds its buffers: no record",
		    carve_wait_record(manager, 200), 0);
	for (i = 0; i < COUNT; i++)
		check_value("a queue holds its buffers: not exported again",
			    carve_export_buf(manager,
					     shown->offset + i * shown->stride,
					     page, 9), -EBUSY);
	video_stream(output, false);
	check_value("a stopped queue holds them: no record",
		    carve_wait_record(manager, 200), 0);
	video_request(output, V4L2_MEMORY_DMABUF, 0);
	check_value("a queue without buffers: a record",
		    carve_wait_record(manager, 5000), 1);
	check_value("for each", carve_read_records(manager, records, COUNT),
		    COUNT);
}

static void check_loop(struct video *capture, struct video *output)
{
	struct carve_release records[2 * COUNT];
	struct buffers shown, captured;
	int i;

	video_input(capture, 1);
	video_join(capture, output);
	video_format(output, FORMAT);
	video_format(capture, FORMAT);
	if (capture->bytes != output->bytes)
		die("%u bytes in, %u out", capture->bytes, output->bytes);
	make_buffers(&shown, 0, output->bytes);
	make_buffers(&captured, region.bytes - COUNT * shown.stride,
		     capture->bytes);
	video_request(output, V4L2_MEMORY_DMABUF, COUNT);
	video_request(capture, V4L2_MEMORY_DMABUF, COUNT);
	for (i = 0; i < COUNT; i++) {
		paint(&shown, i, output->bytes);
		if (!check_value("output takes a buffer",
				 video_queue(output, i, shown.bufs[i]), 0))
			return;
		video_queue(capture, i, captured.bufs[i]);
	}
	video_stream(output, true);
	video_stream(capture, true);
	capture_loop(capture, &shown, &captured);
	check_queue_holds(output, &shown);
	video_stream(capture, false);
	video_request(capture, V4L2_MEMORY_DMABUF, 0);
	check_value("capture's buffers are still held by us",
		    carve_wait_record(manager, 200), 0);
	for (i = 0; i < COUNT; i++)
		drop_buffer(&captured, i);
	carve_wait_record(manager, 5000);
	carve_read_records(manager, records, 2 * COUNT);
}

/* A process that dies with its queue running. */
static void check_killed(void)
{
	struct buffers buffers;
	struct video output;
	int pid = fork_child(), i;

	if (!pid) {
		video_open_output(&output);
		video_format(&output, FORMAT);
		make_buffers(&buffers, 0, output.bytes);
		video_request(&output, V4L2_MEMORY_DMABUF, COUNT);
		for (i = 0; i < COUNT; i++)
			video_queue(&output, i, buffers.bufs[i]);
		video_stream(&output, true);
		abort();
	}
	check_value("a player dies while it plays", wait_child(pid), 128 + 6);
	check_value("its buffers come back", carve_wait_record(manager, 5000), 1);
}

int main(void)
{
	struct video capture, output;

	manager = region_open();
	if (!video_open_capture(&capture) || !video_open_output(&output)) {
		skip("V4L2 import", "there is no vivid");
		return finish();
	}
	check_capture(&capture);
	close(manager);
	manager = region_open();
	check_loop(&capture, &output);
	close(capture.fd);
	close(output.fd);
	close(manager);
	manager = region_open();
	check_killed();
	return finish();
}
