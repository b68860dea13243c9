/* SPDX-License-Identifier: MIT */
/*
 * What decoders ask memory for: the number of pictures a standard obliges them
 * to keep, and the bytes of a picture as hardware wants it laid out.
 */
#ifndef CARVE_TESTS_BENCH_CODEC_H
#define CARVE_TESTS_BENCH_CODEC_H

#include "trace.h"

enum codec {
	CODEC_H264,
	CODEC_HEVC,
	CODEC_VP9,
	CODEC_AV1,
};

enum format {
	FORMAT_NV12,
	FORMAT_P010,
	FORMAT_YUV420,
	FORMAT_RGBA,
};

struct size {
	uint64_t width;
	uint64_t height;
};

/* The sizes that video comes in, smallest first. */
extern const struct size codec_sizes[];
enum { CODEC_SIZES = 12 };

/**
 * struct codec_layout - how one SoC lays pictures out
 * @pitch: what the pitch is a multiple of, bytes
 * @lines: what the height is a multiple of, beyond the codec's own
 * @alignment: of a picture's start, bytes
 * @motion: the decoder keeps motion vectors in a buffer beside each picture
 */
struct codec_layout {
	uint64_t pitch;
	uint64_t lines;
	uint64_t alignment;
	bool motion;
};

/* One of those that SoCs have. */
struct codec_layout codec_layout_random(struct trace *trace);

/* Bytes of a picture. */
uint64_t codec_frame_bytes(enum format format, struct size size,
			   const struct codec_layout *layout);

/**
 * struct codec_needs - what a decoder holds while it runs
 * @frames: pictures it has to keep, and the one being decoded
 * @frame_bytes: of each
 * @motion_bytes: of the motion vectors beside each; 0 where there are none
 * @packet_bytes: of each buffer for compressed data
 * @packets: how many of these
 * @alignment: of the pictures
 */
struct codec_needs {
	unsigned int frames;
	uint64_t frame_bytes;
	uint64_t motion_bytes;
	uint64_t packet_bytes;
	unsigned int packets;
	uint64_t alignment;
};

struct codec_needs codec_needs(enum codec codec, enum format format,
			       struct size size,
			       const struct codec_layout *layout);

/* A usual codec and format for a size. */
struct codec_needs codec_needs_random(struct trace *trace, struct size size,
				      const struct codec_layout *layout);

#endif /* CARVE_TESTS_BENCH_CODEC_H */
