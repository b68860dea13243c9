// SPDX-License-Identifier: MIT
/*
 * vim2m, V4L2's virtual converter, with buffers of ours on both its queues: what
 * goes in comes out, and by vmap.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include "check.h"
#include "vivid.h"

#define FORMAT V4L2_PIX_FMT_RGB24
#define FRAMES 3

static int manager;

static void paint(int buf, unsigned char *map, uint32_t bytes, uint32_t salt)
{
	uint32_t value = salt * 2654435761u + 1, at;

	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	for (at = 0; at < bytes; at++) {
		value = value * 1664525 + 1013904223;
		map[at] = value >> 24;
	}
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

static int make(uint64_t offset, uint64_t bytes)
{
	int buf = carve_export_buf(manager, offset, bytes, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

static void check_frames(struct video *in, struct video *out)
{
	uint64_t stride = (in->bytes + page - 1) / page * page;
	/* Across the middle, where the struct pages may end. */
	uint64_t middle = region.bytes / 2 - stride / page / 2 * page;
	int bufs[2] = { make(middle, stride), make(0, stride) };
	unsigned char *maps[2] = { buf_map(bufs[0], stride),
				   buf_map(bufs[1], stride) };
	struct carve_release records[2];
	uint32_t i, same = 0;

	for (i = 0; i < FRAMES; i++) {
		paint(bufs[0], maps[0], in->bytes, i);
		if (!check_value("vim2m takes a buffer to read",
				 video_queue(in, 0, bufs[0]), 0) ||
		    !check_value("and one to write",
				 video_queue(out, 0, bufs[1]), 0))
			break;
		if (video_take(in) || video_take(out))
			die("no frame: %m");
		buf_sync(bufs[1], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
		same += !memcmp(maps[0], maps[1], in->bytes);
		buf_sync(bufs[1], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	}
	check_value("frames that came out as they went in", same, FRAMES);
	for (i = 0; i < 2; i++) {
		munmap(maps[i], stride);
		close(bufs[i]);
	}
	check_value("its queues hold both", carve_wait_record(manager, 200), 0);
	video_stream(in, false);
	video_stream(out, false);
	video_request(in, V4L2_MEMORY_DMABUF, 0);
	video_request(out, V4L2_MEMORY_DMABUF, 0);
	check_value("and give them back",
		    carve_wait_record(manager, 5000) == 1 ?
		    carve_read_records(manager, records, 2) : 0, 2);
}

int main(void)
{
	struct video in, out;

	manager = region_open();
	if (!video_open_m2m(&in, &out)) {
		skip("vim2m import", "there is no vim2m");
		return finish();
	}
	video_format(&in, FORMAT);
	video_format(&out, FORMAT);
	if (in.bytes != out.bytes)
		die("%u bytes in, %u out", in.bytes, out.bytes);
	video_request(&in, V4L2_MEMORY_DMABUF, 1);
	video_request(&out, V4L2_MEMORY_DMABUF, 1);
	video_stream(&in, true);
	video_stream(&out, true);
	check_frames(&in, &out);
	close(in.fd);
	return finish();
}
