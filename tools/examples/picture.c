// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/videodev2.h>

#include "picture.h"

/* One plane: bits of a pixel column in a row, and by what rows are divided. */
struct plane_shape {
	uint8_t bits;
	uint8_t rows_div;
	uint8_t pitch_div;
};

struct picture_format {
	uint32_t fourcc;
	uint8_t planes;
	uint8_t width_step;
	uint8_t height_step;
	struct plane_shape plane[PICTURE_PLANES_MAX];
};

#define PACKED(fourcc, step, bits)	{ fourcc, 1, step, 1, { { bits, 1, 1 } } }

static const struct picture_format formats[] = {
	PACKED(V4L2_PIX_FMT_YUYV, 2, 16),
	PACKED(V4L2_PIX_FMT_UYVY, 2, 16),
	PACKED(V4L2_PIX_FMT_RGB24, 1, 24),
	PACKED(V4L2_PIX_FMT_BGR24, 1, 24),
	PACKED(V4L2_PIX_FMT_XBGR32, 1, 32),
	{ V4L2_PIX_FMT_NV12, 2, 2, 2, { { 8, 1, 1 }, { 8, 2, 1 } } },
	{ V4L2_PIX_FMT_NV21, 2, 2, 2, { { 8, 1, 1 }, { 8, 2, 1 } } },
	{ V4L2_PIX_FMT_NV16, 2, 2, 1, { { 8, 1, 1 }, { 8, 1, 1 } } },
	{ V4L2_PIX_FMT_YUV420, 3, 2, 2, { { 8, 1, 1 }, { 4, 2, 2 }, { 4, 2, 2 } } },
};

static const struct picture_format *find_format(uint32_t fourcc)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].fourcc == fourcc)
			return &formats[i];
	}
	return NULL;
}

const char *picture_formats(void)
{
	return "YUYV UYVY RGB3 BGR3 XR24 NV12 NV21 NV16 YU12";
}

int picture_parse(struct picture *ret, const char *size, const char *format)
{
	const struct picture_format *known;
	unsigned int width, height;
	uint32_t fourcc;
	int end = 0;

	if (sscanf(size, "%5ux%5u%n", &width, &height, &end) != 2 || size[end] ||
	    !width || !height || width > 65535 || height > 65535)
		return -EINVAL;
	if (strlen(format) != 4)
		return -ENOTSUP;
	fourcc = v4l2_fourcc(format[0], format[1], format[2], format[3]);
	known = find_format(fourcc);
	if (!known)
		return -ENOTSUP;
	if (width % known->width_step || height % known->height_step)
		return -EINVAL;
	*ret = (struct picture) { width, height, fourcc };
	return 0;
}

size_t picture_planes(const struct picture *picture, struct picture_plane *ret)
{
	const struct picture_format *format = find_format(picture->fourcc);

	for (size_t i = 0; i < format->planes; i++) {
		const struct plane_shape *shape = &format->plane[i];

		ret[i].row_bytes = (size_t)picture->width * shape->bits / 8;
		ret[i].rows = picture->height / shape->rows_div;
		ret[i].pitch_div = shape->pitch_div;
	}
	return format->planes;
}

uint64_t picture_bytes(const struct picture *picture, uint32_t pitch)
{
	struct picture_plane planes[PICTURE_PLANES_MAX];
	size_t count = picture_planes(picture, planes);
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		size_t row = pitch ? pitch / planes[i].pitch_div : planes[i].row_bytes;

		bytes += (uint64_t)row * planes[i].rows;
	}
	return bytes;
}
