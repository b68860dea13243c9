/* SPDX-License-Identifier: MIT */
/*
 * vivid, the kernel's virtual video device, as an importer: one capture and
 * one output device, loaded with
 *   n_devs=1 node_types=0x101 allocators=1 num_inputs=2 input_types=0xc
 *   num_outputs=1 output_types=0x1
 * so that input 0 is a camera (a test pattern), input 1 is HDMI, output 0 is
 * HDMI, and buffers have to be contiguous.
 */
#ifndef CARVE_VIVID_H
#define CARVE_VIVID_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct video - an open video device
 * @fd: its descriptor
 * @type: of its buffers
 * @memory: of its buffers, what the last video_request() said
 * @bytes: size of a frame
 */
struct video {
	int fd;
	uint32_t type;
	uint32_t memory;
	uint32_t bytes;
};

/* All but these three end the test when the device refuses. */

/* Opens "vivid-000-vid-cap" or "-out"; false when there is none. */
bool video_open_capture(struct video *video);
bool video_open_output(struct video *video);

/*
 * Opens vim2m, a converter: @in is what it reads, @out what it writes, both of
 * one descriptor, which is @in's to close; false when there is none.
 */
bool video_open_m2m(struct video *in, struct video *out);

/* Chooses an input of a capture device; no text is written into its frames. */
void video_input(struct video *video, int input);

/* Joins the HDMI input to the HDMI output. */
void video_join(struct video *capture, struct video *output);

/*
 * Joins them again when vivid has parted them: since 6.12 its menu is checked
 * by work of its own (update_hdmi_ctrls_work_handler()), which may have read
 * the old value and then takes the new one for an item that is in use. False
 * when they were parted.
 */
bool video_keep_joined(struct video *capture);

/* The current size in another pixel format. */
void video_format(struct video *video, uint32_t fourcc);

/* Asks for buffers (V4L2_MEMORY_DMABUF or _MMAP); 0 gives all back. */
void video_request(struct video *video, uint32_t memory, unsigned int count);

/* Queues a buffer; @buf is a dma-buf, or -1 for MMAP. 0 or negative errno. */
int video_queue(struct video *video, unsigned int index, int buf);

void video_stream(struct video *video, bool on);

/* Takes a finished buffer: its index, or negative errno; at most 5 s. */
int video_take(struct video *video);

/* Maps a buffer of V4L2_MEMORY_MMAP. */
const void *video_map(struct video *video, unsigned int index);

#endif /* CARVE_VIVID_H */
