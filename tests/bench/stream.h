/* SPDX-License-Identifier: MIT */
/*
 * A decoder with its buffers, for the generators.
 */
#ifndef CARVE_TESTS_BENCH_STREAM_H
#define CARVE_TESTS_BENCH_STREAM_H

#include "codec.h"

/* Pictures, vectors and packets of the hungriest codec, and some to spare. */
#define STREAM_BUFFERS	96

/**
 * struct stream - what one decoder holds
 * @needs: what it was opened for
 * @ids: its buffers: packets first, then pictures, then motion vectors
 * @count: how many
 * @first_frame: the first picture among them
 * @frames: how many pictures
 */
struct stream {
	struct codec_needs needs;
	uint64_t ids[STREAM_BUFFERS];
	size_t count;
	size_t first_frame;
	size_t frames;
};

/**
 * stream_open() - allocate everything a decoder needs
 * @extra: pictures beyond what the codec keeps: on screen, in a queue
 */
void stream_open(struct trace *trace, struct stream *stream,
		 const struct codec_needs *needs, unsigned int extra);

/**
 * stream_close() - free it all
 * @late: this many of its pictures are still shown and go one by one
 * @every_ms: so far apart
 */
void stream_close(struct trace *trace, struct stream *stream,
		  unsigned int late, uint64_t every_ms);

#endif /* CARVE_TESTS_BENCH_STREAM_H */
