/* SPDX-License-Identifier: MIT */
/*
 * A V4L2 video output device that takes its frames out of dma-bufs.
 *
 * Single-planar API (V4L2_BUF_TYPE_VIDEO_OUTPUT) only: all planes of a frame
 * lie in one buffer. A device that has nothing but the multi-planar API is
 * refused with a sentence. Which output, which mode and which frame rate the
 * device shows is its owner's business (v4l2-ctl); only size and pixel format
 * are set here.
 *
 * Functions print what went wrong on stderr and return a negative errno.
 */
#ifndef VIDEO_OUTPUT_H
#define VIDEO_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "picture.h"

#define VIDEO_OUTPUT_BUFFERS_MAX	32

/**
 * struct video_output - an open device; members are for reading
 * @fd: the device
 * @path: its name, borrowed from the caller
 * @pitch: bytes from one row to the next, as the driver wants it
 * @buffer_bytes: what a buffer has to hold, as the driver wants it
 * @started: the driver expects buffers
 * @queued: buffers the driver has
 * @streaming: between STREAMON and STREAMOFF
 * @shows: a frame has come back since STREAMON
 * @low: when the last one did, the driver had no other but the one it shows
 * @sequence: the number after that frame's; the device counts its periods
 *	(v4l2_buffer.sequence), also those in which it has nothing new
 * @dropped: periods in which it had nothing new, because too few were queued
 * @late: periods it left out although frames were queued
 */
struct video_output {
	int fd;
	const char *path;
	uint32_t pitch;
	uint32_t buffer_bytes;
	bool started;
	unsigned int queued;
	bool streaming;
	bool shows;
	bool low;
	uint32_t sequence;
	uint64_t dropped;
	uint64_t late;
};

/**
 * video_output_open() - open the device and agree on the format
 * @output: to be filled in; video_output_close()
 * @path: such as /dev/video1, must outlive @output
 * @picture: what is to be shown; the device has to take it as it is
 *
 * Return: 0; what open() and the ioctls answer; -ENOTSUP (no such device, or
 * not this picture).
 */
int video_output_open(struct video_output *output, const char *path,
		     const struct picture *picture);

/** video_output_close() - stop and close; fd may be -1 */
void video_output_close(struct video_output *output);

/**
 * video_output_start() - have the driver expect @count dma-bufs
 * @output: not started
 * @count: 1 to VIDEO_OUTPUT_BUFFERS_MAX
 *
 * Return: 0; what VIDIOC_REQBUFS answers; -ENOSPC (the driver wants another
 * number of buffers).
 */
int video_output_start(struct video_output *output, unsigned int count);

/**
 * video_output_stop() - end streaming and let go of all buffers
 * @output: may be stopped already
 *
 * Afterwards the driver holds no reference to any dma-buf.
 *
 * Return: 0; what the ioctls answer.
 */
int video_output_stop(struct video_output *output);

/**
 * video_output_queue() - give a frame to the device
 * @output: started
 * @index: buffer number, below the count given to video_output_start()
 * @dmabuf: the buffer; the driver takes a reference of its own
 * @dmabuf_bytes: its size
 * @bytes_used: how much of it is picture
 *
 * Return: 0; what VIDIOC_QBUF answers: -EINVAL also when the buffer does not
 * suit the device (too small, or not contiguous enough).
 */
int video_output_queue(struct video_output *output, unsigned int index, int dmabuf,
		      uint64_t dmabuf_bytes, uint64_t bytes_used);

/** video_output_run() - STREAMON, once enough frames are queued */
int video_output_run(struct video_output *output);

/**
 * video_output_dequeue() - take a frame back that has been shown
 * @output: running
 * @ret_index: which buffer
 * @ret_damaged: the device said that it could not show it properly
 *
 * Does not wait.
 *
 * Return: 0; -EAGAIN (none yet); what VIDIOC_DQBUF answers.
 */
int video_output_dequeue(struct video_output *output, unsigned int *ret_index,
			bool *ret_damaged);

#endif /* VIDEO_OUTPUT_H */
