/* SPDX-License-Identifier: MIT */
/*
 * A film of raw frames, one after the other without padding: a file or a
 * block device.
 */
#ifndef FILM_H
#define FILM_H

#include "picture.h"

/**
 * struct film - an open film; members are for reading
 * @fd: the file
 * @picture: what one frame is
 * @frame_bytes: size of one frame in the file
 * @frames: number of frames, at least 1
 */
struct film {
	int fd;
	struct picture picture;
	uint64_t frame_bytes;
	uint64_t frames;
};

/**
 * film_open() - open a film
 * @film: to be filled in; film_close()
 * @path: of the file
 * @picture: what its frames are
 *
 * Return: 0; what open() and lseek() answer; -ENODATA (not one whole frame);
 * -EBADMSG (the size is no multiple of a frame's: size or format is wrong).
 */
int film_open(struct film *film, const char *path, const struct picture *picture);

/** film_close() - close it; a film that was never opened may have fd -1 */
void film_close(struct film *film);

/**
 * film_read() - read one frame into a buffer
 * @film: the film
 * @frame: number of the frame, from 0
 * @into: where the first row goes
 * @pitch: bytes from one row of the first plane to the next
 *
 * The page cache does not keep what was read: a film that is bigger than the
 * memory would push everything else out.
 *
 * Return: 0; what pread() answers; -ENODATA (the file has become shorter).
 */
int film_read(const struct film *film, uint64_t frame, void *into, uint32_t pitch);

#endif /* FILM_H */
