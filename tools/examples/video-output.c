// SPDX-License-Identifier: MIT
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "video-output.h"

#define OUTPUT	V4L2_BUF_TYPE_VIDEO_OUTPUT

static int xioctl(int fd, unsigned long request, void *argument)
{
	int ret;

	do {
		ret = ioctl(fd, request, argument);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

/* As xioctl(), with a line on stderr that names what was tried. */
static int call(struct video_output *output, const char *what,
		unsigned long request, void *argument)
{
	int ret = xioctl(output->fd, request, argument);

	if (ret < 0)
		warnx("%s: %s: %s", output->path, what, strerror(-ret));
	return ret;
}

static int check_capabilities(struct video_output *output)
{
	struct v4l2_capability capability = { 0 };
	uint32_t caps;
	int ret;

	ret = call(output, "is it a V4L2 device? VIDIOC_QUERYCAP",
		   VIDIOC_QUERYCAP, &capability);
	if (ret < 0)
		return ret;
	caps = capability.capabilities & V4L2_CAP_DEVICE_CAPS ?
	       capability.device_caps : capability.capabilities;
	if (!(caps & V4L2_CAP_VIDEO_OUTPUT)) {
		warnx("%s (%s) is no video output with the single-planar API; "
		      "`v4l2-ctl --list-devices` shows what there is",
		      output->path, (const char *)capability.card);
		return -ENOTSUP;
	}
	if (!(caps & V4L2_CAP_STREAMING)) {
		warnx("%s cannot stream from buffers", output->path);
		return -ENOTSUP;
	}
	return 0;
}

/*
 * Pitch and size are zeroed: a driver may take what is in there as a wish and
 * let them grow, call after call.
 */
static int set_format(struct video_output *output, const struct picture *picture)
{
	struct v4l2_format format = { .type = OUTPUT };
	struct v4l2_pix_format *pix = &format.fmt.pix;
	int ret;

	ret = call(output, "VIDIOC_G_FMT", VIDIOC_G_FMT, &format);
	if (ret < 0)
		return ret;
	pix->width = picture->width;
	pix->height = picture->height;
	pix->pixelformat = picture->fourcc;
	pix->field = V4L2_FIELD_NONE;
	pix->bytesperline = 0;
	pix->sizeimage = 0;
	ret = call(output, "VIDIOC_S_FMT", VIDIOC_S_FMT, &format);
	if (ret < 0)
		return ret;
	if (pix->width != picture->width || pix->height != picture->height ||
	    pix->pixelformat != picture->fourcc || pix->field != V4L2_FIELD_NONE) {
		warnx("%s takes %ux%u %.4s%s, not the film's %ux%u %.4s: choose "
		      "another mode (v4l2-ctl) or convert the film",
		      output->path, pix->width, pix->height,
		      (const char *)&pix->pixelformat,
		      pix->field == V4L2_FIELD_NONE ? "" : " interlaced",
		      picture->width, picture->height,
		      (const char *)&picture->fourcc);
		return -ENOTSUP;
	}
	output->pitch = pix->bytesperline;
	output->buffer_bytes = pix->sizeimage;
	return 0;
}

int video_output_open(struct video_output *output, const char *path,
		     const struct picture *picture)
{
	int ret;

	*output = (struct video_output) { .path = path };
	output->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (output->fd < 0) {
		ret = -errno;
		warn("%s", path);
		return ret;
	}
	ret = check_capabilities(output);
	if (ret == 0)
		ret = set_format(output, picture);
	if (ret < 0)
		video_output_close(output);
	return ret;
}

void video_output_close(struct video_output *output)
{
	if (output->fd < 0)
		return;
	video_output_stop(output);
	close(output->fd);
	output->fd = -1;
}

int video_output_start(struct video_output *output, unsigned int count)
{
	struct v4l2_requestbuffers request = {
		.type = OUTPUT,
		.memory = V4L2_MEMORY_DMABUF,
		.count = count,
	};
	int ret;

	ret = call(output, "VIDIOC_REQBUFS for dma-bufs", VIDIOC_REQBUFS, &request);
	if (ret < 0)
		return ret;
	output->started = true;
	if (request.count != count) {
		warnx("%s works with %u buffers, not %u: use --buffers=%u",
		      output->path, request.count, count, request.count);
		video_output_stop(output);
		return -ENOSPC;
	}
	return 0;
}

int video_output_stop(struct video_output *output)
{
	struct v4l2_requestbuffers none = {
		.type = OUTPUT,
		.memory = V4L2_MEMORY_DMABUF,
	};
	int type = OUTPUT;
	int ret;

	if (output->streaming) {
		ret = call(output, "VIDIOC_STREAMOFF", VIDIOC_STREAMOFF, &type);
		if (ret < 0)
			return ret;
		output->streaming = false;
		output->shows = false;
	}
	output->queued = 0;
	if (!output->started)
		return 0;
	output->started = false;
	return call(output, "VIDIOC_REQBUFS of none", VIDIOC_REQBUFS, &none);
}

int video_output_queue(struct video_output *output, unsigned int index, int dmabuf,
		      uint64_t dmabuf_bytes, uint64_t bytes_used)
{
	struct v4l2_buffer buffer = {
		.type = OUTPUT,
		.memory = V4L2_MEMORY_DMABUF,
		.index = index,
		.m.fd = dmabuf,
		.length = (uint32_t)dmabuf_bytes,
		.bytesused = (uint32_t)bytes_used,
		.field = V4L2_FIELD_NONE,
	};
	int ret;

	ret = call(output, "VIDIOC_QBUF", VIDIOC_QBUF, &buffer);
	if (ret == 0)
		output->queued++;
	return ret;
}

int video_output_run(struct video_output *output)
{
	int type = OUTPUT;
	int ret;

	ret = call(output, "VIDIOC_STREAMON", VIDIOC_STREAMON, &type);
	if (ret == 0)
		output->streaming = true;
	return ret;
}

/*
 * A device starts to count anew with each STREAMON. One that counts by the clock
 * and is late itself may say a number twice.
 */
static void count(struct video_output *output, uint32_t sequence)
{
	int32_t skipped = (int32_t)(sequence - output->sequence);

	if (output->shows && skipped > 0)
		*(output->low ? &output->dropped : &output->late) += (uint32_t)skipped;
	output->shows = true;
	output->low = output->queued <= 1;
	output->sequence = sequence + 1;
}

int video_output_dequeue(struct video_output *output, unsigned int *ret_index,
			bool *ret_damaged)
{
	struct v4l2_buffer buffer = {
		.type = OUTPUT,
		.memory = V4L2_MEMORY_DMABUF,
	};
	int ret;

	ret = xioctl(output->fd, VIDIOC_DQBUF, &buffer);
	if (ret == -EAGAIN)
		return ret;
	if (ret < 0) {
		warnx("%s: VIDIOC_DQBUF: %s", output->path, strerror(-ret));
		return ret;
	}
	output->queued--;
	count(output, buffer.sequence);
	*ret_index = buffer.index;
	*ret_damaged = buffer.flags & V4L2_BUF_FLAG_ERROR;
	return 0;
}
