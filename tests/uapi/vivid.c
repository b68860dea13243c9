// SPDX-License-Identifier: MIT
/*
 * vivid as an importer, see vivid.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../patience.h"
#include "check.h"
#include "vivid.h"

static void call(struct video *video, const char *what, unsigned long request,
		 void *args)
{
	if (ioctl(video->fd, request, args))
		die("%s: %m", what);
}

static int open_named(const char *name)
{
	char path[600], text[64];
	struct dirent *entry;
	int fd = -1;
	DIR *dir = opendir("/sys/class/video4linux");

	while (dir && fd < 0 && (entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/video4linux/%s/name",
			 entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file) &&
		    !strncmp(text, name, strlen(name))) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return fd;
}

static bool open_video(struct video *video, const char *name, uint32_t type)
{
	memset(video, 0, sizeof(*video));
	video->fd = open_named(name);
	video->type = type;
	return video->fd >= 0;
}

bool video_open_capture(struct video *video)
{
	return open_video(video, "vivid-000-vid-cap", V4L2_BUF_TYPE_VIDEO_CAPTURE);
}

bool video_open_output(struct video *video)
{
	return open_video(video, "vivid-000-vid-out", V4L2_BUF_TYPE_VIDEO_OUTPUT);
}

bool video_open_m2m(struct video *in, struct video *out)
{
	if (!open_video(in, "vim2m", V4L2_BUF_TYPE_VIDEO_OUTPUT))
		return false;
	*out = *in;
	out->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	return true;
}

/* Finds a control by the beginning of its name; false when there is none. */
static bool find_control(struct video *video, const char *name,
			 struct v4l2_queryctrl *control)
{
	memset(control, 0, sizeof(*control));
	do
		control->id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	while (!ioctl(video->fd, VIDIOC_QUERYCTRL, control) &&
	       strncmp((char *)control->name, name, strlen(name)));
	return !strncmp((char *)control->name, name, strlen(name));
}

static void set_control(struct video *video, uint32_t id, int value)
{
	struct v4l2_control control = { .id = id, .value = value };

	call(video, "VIDIOC_S_CTRL", VIDIOC_S_CTRL, &control);
}

void video_input(struct video *video, int input)
{
	struct v4l2_queryctrl control;

	call(video, "VIDIOC_S_INPUT", VIDIOC_S_INPUT, &input);
	if (find_control(video, "OSD Text Mode", &control))
		set_control(video, control.id, control.maximum);
}

/* The item of a menu whose name begins like this; -1 when there is none. */
static int find_item(struct video *video, const struct v4l2_queryctrl *control,
		     const char *name)
{
	struct v4l2_querymenu item = { .id = control->id };

	for (item.index = 0; (int)item.index <= control->maximum; item.index++)
		if (!ioctl(video->fd, VIDIOC_QUERYMENU, &item) &&
		    !strncmp((char *)item.name, name, strlen(name)))
			return item.index;
	return -1;
}

/* The control that joins input and output: up to 6.6 a switch, then a menu. */
static int find_join(struct video *capture, struct v4l2_queryctrl *control)
{
	int item;

	if (find_control(capture, "Loop Video", control))
		return 1;
	if (!find_control(capture, "HDMI 000-0 Is Connected To", control))
		die("vivid has no control that joins input and output");
	item = find_item(capture, control, "Output HDMI");
	if (item < 0)
		die("vivid's input cannot be joined to an output");
	return item;
}

void video_join(struct video *capture, struct video *output)
{
	struct v4l2_queryctrl control;
	struct v4l2_dv_timings timings;
	int first = 0, joined;

	call(output, "VIDIOC_S_OUTPUT", VIDIOC_S_OUTPUT, &first);
	joined = find_join(capture, &control);
	set_control(capture, control.id, joined);
	call(capture, "VIDIOC_QUERY_DV_TIMINGS", VIDIOC_QUERY_DV_TIMINGS,
	     &timings);
	call(capture, "VIDIOC_S_DV_TIMINGS", VIDIOC_S_DV_TIMINGS, &timings);
}

bool video_keep_joined(struct video *capture)
{
	struct v4l2_queryctrl control;
	struct v4l2_control now;
	int joined = find_join(capture, &control);

	now.id = control.id;
	call(capture, "VIDIOC_G_CTRL", VIDIOC_G_CTRL, &now);
	if (now.value == joined)
		return true;
	set_control(capture, control.id, joined);
	return false;
}

void video_format(struct video *video, uint32_t fourcc)
{
	struct v4l2_format format = { .type = video->type };

	call(video, "VIDIOC_G_FMT", VIDIOC_G_FMT, &format);
	format.fmt.pix.pixelformat = fourcc;
	format.fmt.pix.bytesperline = 0;
	format.fmt.pix.sizeimage = 0;
	call(video, "VIDIOC_S_FMT", VIDIOC_S_FMT, &format);
	if (format.fmt.pix.pixelformat != fourcc)
		die("vivid does not take the pixel format");
	video->bytes = format.fmt.pix.sizeimage;
}

void video_request(struct video *video, uint32_t memory, unsigned int count)
{
	struct v4l2_requestbuffers request = {
		.count = count,
		.type = video->type,
		.memory = memory,
	};

	call(video, "VIDIOC_REQBUFS", VIDIOC_REQBUFS, &request);
	if (request.count != count)
		die("%u buffers instead of %u", request.count, count);
	video->memory = memory;
}

int video_queue(struct video *video, unsigned int index, int buf)
{
	struct v4l2_buffer buffer = {
		.index = index,
		.type = video->type,
		.memory = video->memory,
		.length = video->bytes,
	};

	if (video->type == V4L2_BUF_TYPE_VIDEO_OUTPUT)
		buffer.bytesused = video->bytes;
	if (buf >= 0)
		buffer.m.fd = buf;
	return ioctl(video->fd, VIDIOC_QBUF, &buffer) ? -errno : 0;
}

void video_stream(struct video *video, bool on)
{
	call(video, "VIDIOC_STREAMON or OFF",
	     on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &video->type);
}

int video_take(struct video *video)
{
	bool capture = video->type == V4L2_BUF_TYPE_VIDEO_CAPTURE;
	struct pollfd pollfd = {
		.fd = video->fd,
		.events = capture ? POLLIN : POLLOUT,
	};
	struct v4l2_buffer buffer = {
		.type = video->type,
		.memory = video->memory,
	};

	if (patient_poll(&pollfd, 1, 5000) != 1)
		return -ETIMEDOUT;
	if (ioctl(video->fd, VIDIOC_DQBUF, &buffer))
		return -errno;
	return buffer.flags & V4L2_BUF_FLAG_ERROR ? -EIO : (int)buffer.index;
}

const void *video_map(struct video *video, unsigned int index)
{
	struct v4l2_buffer buffer = {
		.index = index,
		.type = video->type,
		.memory = V4L2_MEMORY_MMAP,
	};
	void *map;

	call(video, "VIDIOC_QUERYBUF", VIDIOC_QUERYBUF, &buffer);
	map = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, video->fd,
		   buffer.m.offset);
	if (map == MAP_FAILED)
		die("cannot map vivid's buffer: %m");
	return map;
}
