/* SPDX-License-Identifier: MIT */
/*
 * How the pixels of one raw frame lie in memory.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>
#include <stdint.h>

#define PICTURE_PLANES_MAX	3

/**
 * struct picture - size and pixel format of a frame
 * @width: in pixels
 * @height: in pixels
 * @fourcc: V4L2_PIX_FMT_* (linux/videodev2.h); only those whose planes share
 *	one buffer
 */
struct picture {
	uint32_t width;
	uint32_t height;
	uint32_t fourcc;
};

/**
 * struct picture_plane - one plane
 * @row_bytes: what a row holds, without padding
 * @rows: number of rows
 * @pitch_div: V4L2 gives the pitch of the first plane; this plane's is that
 *	divided by @pitch_div
 */
struct picture_plane {
	size_t row_bytes;
	uint32_t rows;
	uint32_t pitch_div;
};

/**
 * picture_parse() - read "1280x720" and "NV12"
 * @ret: the picture
 * @size: WIDTHxHEIGHT, both 1 to 65535
 * @format: four characters of V4L2
 *
 * Return: 0; -EINVAL for a size that is none, or one the format cannot have
 * (odd, where it halves the chroma planes); -ENOTSUP for a format this player
 * does not know.
 */
int picture_parse(struct picture *ret, const char *size, const char *format);

/**
 * picture_planes() - the planes of a picture, in the order they lie in memory
 * @picture: a picture from picture_parse()
 * @ret: room for PICTURE_PLANES_MAX
 *
 * Return: number of planes.
 */
size_t picture_planes(const struct picture *picture, struct picture_plane *ret);

/**
 * picture_bytes() - size of one frame
 * @picture: a picture from picture_parse()
 * @pitch: bytes from one row of the first plane to the next; 0 for rows
 *	without padding
 */
uint64_t picture_bytes(const struct picture *picture, uint32_t pitch);

/** picture_formats() - every known format, for --help, separated by blanks */
const char *picture_formats(void);

#endif /* PICTURE_H */
