/* SPDX-License-Identifier: MIT */
/*
 * A V4L2 capture device, single-planar, as the demo's programs need it. Every
 * function ends the program with a sentence on stderr when it fails, unless
 * it says otherwise.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdint.h>

#include <carve.h>

#define CAPTURE_BUFFERS	4

/**
 * struct capture - an open capture device
 * @fd: the device
 * @path: its name
 * @pitch: bytes from one row to the next
 * @bytes: size of a buffer
 * @buffers: of Carve, after capture_import()
 * @maps: where they are mapped
 */
struct capture {
	int fd;
	const char *path;
	uint32_t pitch;
	uint32_t bytes;
	struct carve_buffer *buffers[CAPTURE_BUFFERS];
	void *maps[CAPTURE_BUFFERS];
};

/** capture_open() - open @path, choose input @input and this very format */
void capture_open(struct capture *capture, const char *path, int input,
		  uint32_t width, uint32_t height, uint32_t fourcc);

/**
 * capture_request() - VIDIOC_REQBUFS of CAPTURE_BUFFERS
 * @capture: open
 * @memory: V4L2_MEMORY_MMAP or V4L2_MEMORY_DMABUF
 * @ret_got: how many the driver agreed to
 *
 * Return: 0 or a negative errno; prints nothing.
 */
int capture_request(struct capture *capture, uint32_t memory, unsigned int *ret_got);

/**
 * capture_import() - buffers from Carve, mapped here and queued there
 * @capture: open
 * @name: what the buffers are to be called
 *
 * Return: 0; or what carve_alloc_many() answered, which is printed.
 */
int capture_import(struct capture *capture, const char *name);

/** capture_run() - start streaming */
void capture_run(struct capture *capture);

/** capture_take() - wait for a frame; returns the buffer's index */
unsigned int capture_take(struct capture *capture);

/** capture_give() - queue buffer @index again */
void capture_give(struct capture *capture, unsigned int index);

/** capture_close() - stop, give the buffers back, close */
void capture_close(struct capture *capture);

#endif /* CAPTURE_H */
