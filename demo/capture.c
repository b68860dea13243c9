// SPDX-License-Identifier: MIT
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "capture.h"

#define CAPTURE			V4L2_BUF_TYPE_VIDEO_CAPTURE
#define FRAME_TIMEOUT_MS	5000

static void call(struct capture *capture, const char *what,
		 unsigned long request, void *argument)
{
	if (ioctl(capture->fd, request, argument) < 0)
		err(EXIT_FAILURE, "%s: %s", capture->path, what);
}

void capture_open(struct capture *capture, const char *path, int input,
		  uint32_t width, uint32_t height, uint32_t fourcc)
{
	struct v4l2_format format = { .type = CAPTURE };
	struct v4l2_pix_format *pix = &format.fmt.pix;

	*capture = (struct capture) { .path = path };
	capture->fd = open(path, O_RDWR | O_CLOEXEC);
	if (capture->fd < 0)
		err(EXIT_FAILURE, "%s", path);
	call(capture, "VIDIOC_S_INPUT", VIDIOC_S_INPUT, &input);
	call(capture, "VIDIOC_G_FMT", VIDIOC_G_FMT, &format);
	pix->width = width;
	pix->height = height;
	pix->pixelformat = fourcc;
	pix->bytesperline = 0;
	pix->sizeimage = 0;
	call(capture, "VIDIOC_S_FMT", VIDIOC_S_FMT, &format);
	if (pix->width != width || pix->height != height || pix->pixelformat != fourcc)
		errx(EXIT_FAILURE, "%s does not capture %ux%u %.4s", path, width,
		     height, (const char *)&fourcc);
	capture->pitch = pix->bytesperline;
	capture->bytes = pix->sizeimage;
}

int capture_request(struct capture *capture, uint32_t memory, unsigned int *ret_got)
{
	struct v4l2_requestbuffers request = {
		.type = CAPTURE,
		.memory = memory,
		.count = CAPTURE_BUFFERS,
	};

	if (ioctl(capture->fd, VIDIOC_REQBUFS, &request) < 0)
		return -errno;
	*ret_got = request.count;
	return 0;
}

static int allocate(struct capture *capture, const char *name)
{
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_request requests[CAPTURE_BUFFERS];
	struct carve *carve;
	int ret;

	ret = carve_new(&carve, NULL);
	if (ret < 0) {
		warnx("connecting to carved: %s", strerror(-ret));
		return ret;
	}
	for (int i = 0; i < CAPTURE_BUFFERS; i++) {
		requests[i] = (struct carve_request) CARVE_REQUEST_INIT;
		requests[i].bytes = capture->bytes;
		requests[i].name = name;
	}
	ret = carve_alloc_many(carve, requests, CAPTURE_BUFFERS,
			       capture->buffers, &refusal);
	if (ret == -ENOSPC)
		warnx("carved has no room for %d buffers of %" PRIu64 " bytes: %"
		      PRIu64 " free, largest hole %" PRIu64, CAPTURE_BUFFERS,
		      refusal.wanted_bytes, refusal.free_bytes, refusal.largest_bytes);
	else if (ret < 0)
		warnx("carved refuses %d buffers of %u bytes: %s",
		      CAPTURE_BUFFERS, capture->bytes, strerror(-ret));
	carve_free(carve);
	return ret;
}

int capture_import(struct capture *capture, const char *name)
{
	unsigned int got = 0;
	int ret;

	ret = allocate(capture, name);
	if (ret < 0)
		return ret;
	ret = capture_request(capture, V4L2_MEMORY_DMABUF, &got);
	if (ret < 0)
		errx(EXIT_FAILURE, "%s: VIDIOC_REQBUFS for dma-bufs: %s",
		     capture->path, strerror(-ret));
	if (got != CAPTURE_BUFFERS)
		errx(EXIT_FAILURE, "%s works with %u buffers, not %d",
		     capture->path, got, CAPTURE_BUFFERS);
	for (unsigned int i = 0; i < got; i++) {
		ret = carve_buffer_map(capture->buffers[i], &capture->maps[i]);
		if (ret < 0)
			errx(EXIT_FAILURE, "mapping a buffer: %s", strerror(-ret));
		capture_give(capture, i);
	}
	return 0;
}

void capture_give(struct capture *capture, unsigned int index)
{
	struct carve_buffer *buffer = capture->buffers[index];
	struct v4l2_buffer queue = {
		.type = CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.index = index,
		.m.fd = carve_buffer_get_fd(buffer),
		.length = (uint32_t)carve_buffer_get_bytes(buffer),
	};

	call(capture, "VIDIOC_QBUF of a dma-buf", VIDIOC_QBUF, &queue);
}

void capture_run(struct capture *capture)
{
	int type = CAPTURE;

	call(capture, "VIDIOC_STREAMON", VIDIOC_STREAMON, &type);
}

unsigned int capture_take(struct capture *capture)
{
	struct pollfd poll_in = { .fd = capture->fd, .events = POLLIN };
	struct v4l2_buffer buffer = {
		.type = CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};

	if (poll(&poll_in, 1, FRAME_TIMEOUT_MS) != 1)
		errx(EXIT_FAILURE, "%s captured nothing for 5 s", capture->path);
	call(capture, "VIDIOC_DQBUF", VIDIOC_DQBUF, &buffer);
	if (buffer.flags & V4L2_BUF_FLAG_ERROR)
		errx(EXIT_FAILURE, "%s says that a frame is damaged", capture->path);
	if (buffer.bytesused < capture->bytes)
		errx(EXIT_FAILURE, "%s captured %u bytes of %u", capture->path,
		     buffer.bytesused, capture->bytes);
	return buffer.index;
}

void capture_close(struct capture *capture)
{
	int type = CAPTURE;

	call(capture, "VIDIOC_STREAMOFF", VIDIOC_STREAMOFF, &type);
	close(capture->fd);
	for (int i = 0; i < CAPTURE_BUFFERS; i++)
		capture->buffers[i] = carve_buffer_unref(capture->buffers[i]);
}
