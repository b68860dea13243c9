/* SPDX-License-Identifier: MIT */
/*
 * The player's frame buffers: contiguous memory from carved.
 *
 * Functions print what went wrong on stderr and return a negative errno.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdint.h>

#include <carve.h>

#include "video-output.h"

/**
 * struct frames - a connection and the buffers that came through it
 * @carve: the connection
 * @socket: path of the daemon's socket; NULL for the usual one
 * @region: label of the region; NULL for the default one
 * @count: buffers held
 * @buffers: the buffers
 * @maps: where they are mapped
 */
struct frames {
	struct carve *carve;
	const char *socket;
	const char *region;
	unsigned int count;
	struct carve_buffer *buffers[VIDEO_OUTPUT_BUFFERS_MAX];
	void *maps[VIDEO_OUTPUT_BUFFERS_MAX];
};

/**
 * frames_connect() - connect to carved
 * @frames: with socket and region set; frames_disconnect()
 *
 * Return: what carve_new() answers.
 */
int frames_connect(struct frames *frames);

/** frames_disconnect() - let go of everything */
void frames_disconnect(struct frames *frames);

/**
 * frames_get() - allocate and map buffers, all or none
 * @frames: connected, holding none
 * @count: 1 to VIDEO_OUTPUT_BUFFERS_MAX
 * @bytes: size of each
 *
 * A daemon that was restarted in between is found again.
 *
 * Return: what carve_alloc_many() and carve_buffer_map() answer.
 */
int frames_get(struct frames *frames, unsigned int count, uint64_t bytes);

/** frames_put() - let go of all buffers; carved gets them back by that alone */
void frames_put(struct frames *frames);

#endif /* FRAMES_H */
