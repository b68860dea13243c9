// SPDX-License-Identifier: MIT
/*
 * baseline: four full-HD frames for a V4L2 device, the ordinary way or out of
 * Carve.
 *
 *	baseline mmap  DEVICE	VIDIOC_REQBUFS with V4L2_MEMORY_MMAP: the driver
 *				calls dma_alloc_coherent(), which takes from
 *				CMA or the buddy allocator
 *	baseline carve DEVICE [SECONDS]
 *				the same four frames from carved, imported
 *				into the same device, which fills them, at
 *				least for SECONDS
 *
 * Prints one JSON line, measured at that very moment. Exit status: 0 when
 * that could be tried, whatever came of it.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "capture.h"
#include "meminfo.h"

/* vivid's first input is a webcam that knows this size. */
#define INPUT	0
#define WIDTH	1920
#define HEIGHT	1080
#define FRAMES	8

static void print(const char *way, const struct capture *capture, int error,
		  unsigned int got, unsigned int frames)
{
	struct meminfo info;

	meminfo_read(&info);
	printf("{\"way\":\"%s\",\"asked\":%d,\"got\":%u,\"buffer_bytes\":%u,"
	       "\"frames\":%u,\"errno\":%d,\"error\":\"%s\",\"free_bytes\":%" PRIu64
	       ",\"available_bytes\":%" PRIu64 ",\"cma_free_bytes\":%" PRIu64
	       ",\"largest_block_bytes\":%" PRIu64 "}\n",
	       way, CAPTURE_BUFFERS, got, capture->bytes, frames, -error,
	       error ? strerrorname_np(-error) : "", info.free_bytes,
	       info.available_bytes, info.cma_free_bytes,
	       info.largest_block_bytes);
}

/* A driver that gets less than it asked for lowers the count without a word. */
static void try_mmap(struct capture *capture)
{
	unsigned int got = 0;
	int ret = capture_request(capture, V4L2_MEMORY_MMAP, &got);

	print("mmap", capture, ret, got, 0);
	close(capture->fd);
}

/* Memory from Carve is zeroed; what is otherwise in it, the device wrote. */
static int is_written(const struct capture *capture, unsigned int index)
{
	const char *map = capture->maps[index];
	int ret, written;

	ret = carve_buffer_begin_cpu(capture->buffers[index], CARVE_CPU_READ);
	if (ret < 0)
		errx(EXIT_FAILURE, "beginning CPU access: %s", strerror(-ret));
	/* The last row: the device got to the end of the buffer. */
	map += (size_t)capture->pitch * (HEIGHT - 1);
	written = 0;
	for (size_t i = 0; i < capture->pitch; i++)
		written |= map[i];
	ret = carve_buffer_end_cpu(capture->buffers[index], CARVE_CPU_READ);
	if (ret < 0)
		errx(EXIT_FAILURE, "ending CPU access: %s", strerror(-ret));
	return written;
}

static void try_carve(struct capture *capture, time_t seconds)
{
	int ret = capture_import(capture, "full HD frame");
	time_t end = time(NULL) + seconds;
	unsigned int frames = 0;

	if (ret < 0) {
		print("carve", capture, ret, 0, 0);
		return;
	}
	capture_run(capture);
	while (frames < FRAMES || time(NULL) < end) {
		unsigned int index = capture_take(capture);

		if (!is_written(capture, index))
			errx(EXIT_FAILURE, "%s left a frame empty", capture->path);
		capture_give(capture, index);
		frames++;
	}
	print("carve", capture, 0, CAPTURE_BUFFERS, frames);
	capture_close(capture);
}

int main(int argc, char **argv)
{
	struct capture capture;

	if (argc < 3 || argc > 4 ||
	    (strcmp(argv[1], "mmap") && strcmp(argv[1], "carve")))
		errx(EXIT_FAILURE, "usage: baseline mmap|carve DEVICE [SECONDS]");
	capture_open(&capture, argv[2], INPUT, WIDTH, HEIGHT, V4L2_PIX_FMT_XBGR32);
	if (!strcmp(argv[1], "mmap"))
		try_mmap(&capture);
	else
		try_carve(&capture, argc > 3 ? atoi(argv[3]) : 0);
	return 0;
}
