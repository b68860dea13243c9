// SPDX-License-Identifier: MIT
#include "codec.h"

const struct size codec_sizes[CODEC_SIZES] = {
	{ 320, 240 }, { 416, 240 }, { 640, 360 }, { 720, 480 }, { 720, 576 },
	{ 854, 480 }, { 960, 540 }, { 1280, 720 }, { 1920, 1080 },
	{ 2560, 1440 }, { 3840, 2160 }, { 4096, 2160 },
};

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct codec_layout codec_layout_random(struct trace *trace)
{
	static const struct codec_layout layouts[] = {
		{ 16, 1, 4096, false },		{ 32, 16, 4096, true },
		{ 64, 1, 4096, true },		{ 64, 32, 4096, false },
		{ 128, 32, 4096, true },	{ 256, 16, 65536, false },
		{ 256, 1, 4096, true },		{ 128, 64, 65536, true },
	};

	return layouts[trace_below(trace, sizeof(layouts) / sizeof(*layouts))];
}

uint64_t codec_frame_bytes(enum format format, struct size size,
			   const struct codec_layout *layout)
{
	uint64_t lines = round_up(size.height, layout->lines);
	uint64_t pitch = round_up(size.width, layout->pitch);

	switch (format) {
	case FORMAT_P010:
		pitch = round_up(2 * size.width, layout->pitch);
		return pitch * lines + pitch * round_up(lines / 2, 2);
	case FORMAT_YUV420:
		return pitch * lines +
		       2 * round_up(size.width / 2, layout->pitch) * (lines / 2);
	case FORMAT_RGBA:
		return round_up(4 * size.width, layout->pitch) * size.height;
	default:
		return pitch * lines + pitch * round_up(lines / 2, 2);
	}
}

/* H.264 table A-1: the lowest level for a size, and its MaxDpbMbs. */
static unsigned int h264_frames(struct size size)
{
	static const struct {
		uint64_t max_frame_mbs;
		uint64_t max_dpb_mbs;
	} levels[] = {
		{ 396, 2376 },		/* 2 */
		{ 792, 4752 },		/* 2.1 */
		{ 1620, 8100 },		/* 3 */
		{ 3600, 18000 },	/* 3.1 */
		{ 5120, 20480 },	/* 3.2 */
		{ 8192, 32768 },	/* 4, 4.1 */
		{ 22080, 110400 },	/* 5 */
		{ 36864, 184320 },	/* 5.1, 5.2 */
		{ 139264, 696320 },	/* 6 to 6.2 */
	};
	uint64_t mbs = (size.width + 15) / 16 * ((size.height + 15) / 16);
	size_t i = 0;

	while (levels[i].max_frame_mbs < mbs)
		i++;
	return (unsigned int)min(levels[i].max_dpb_mbs / mbs, 16) + 1;
}

/* HEVC A.4.2: maxDpbPicBuf is 6, more for pictures smaller than the level's. */
static unsigned int hevc_frames(struct size size)
{
	static const uint64_t max_luma_ps[] = {
		122880, 245760, 552960, 983040, 2228224, 8912896, 35651584,
	};
	uint64_t luma = size.width * size.height;
	size_t i = 0;

	while (max_luma_ps[i] < luma)
		i++;
	if (luma <= max_luma_ps[i] / 4)
		return 16 + 1;
	if (luma <= max_luma_ps[i] / 2)
		return 12 + 1;
	if (luma <= max_luma_ps[i] / 4 * 3)
		return 8 + 1;
	return 6 + 1;
}

struct codec_needs codec_needs(enum codec codec, enum format format,
			       struct size size,
			       const struct codec_layout *layout)
{
	/* Macroblock, largest coding unit, superblock. */
	static const uint64_t block[] = { 16, 64, 64, 64 };
	struct size coded = {
		round_up(size.width, codec == CODEC_HEVC ? 16 : 8),
		round_up(size.height, codec == CODEC_H264 ? 16 : 8),
	};
	uint64_t blocks = round_up(size.width, block[codec]) *
			  round_up(size.height, block[codec]) / 256;
	struct codec_needs needs = {
		.frame_bytes = codec_frame_bytes(format, coded, layout),
		.motion_bytes = layout->motion ? blocks * 64 : 0,
		.alignment = layout->alignment,
		.packets = 4,
	};

	/* Half of an uncompressed picture holds the worst compressed one. */
	needs.packet_bytes = round_up(size.width * size.height * 3 / 4, 65536);
	switch (codec) {
	case CODEC_H264:
		needs.frames = h264_frames(size);
		break;
	case CODEC_HEVC:
		needs.frames = hevc_frames(size);
		break;
	case CODEC_VP9:
		needs.frames = 8 + 1;
		break;
	case CODEC_AV1:
		/* One more where film grain is put into a copy. */
		needs.frames = 8 + 2;
		break;
	}
	return needs;
}

struct codec_needs codec_needs_random(struct trace *trace, struct size size,
				      const struct codec_layout *layout)
{
	enum codec codec = (enum codec)trace_below(trace, 4);
	bool deep = codec != CODEC_H264 && size.height >= 1080 &&
		    trace_chance(trace, 40);

	return codec_needs(codec, deep ? FORMAT_P010 : FORMAT_NV12, size,
			   layout);
}
