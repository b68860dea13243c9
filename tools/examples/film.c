// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "film.h"

/* Works for block devices too, whose st_size is 0. */
static int measure(struct film *film)
{
	off_t bytes = lseek(film->fd, 0, SEEK_END);

	if (bytes < 0)
		return -errno;
	film->frames = (uint64_t)bytes / film->frame_bytes;
	if (!film->frames)
		return -ENODATA;
	return (uint64_t)bytes % film->frame_bytes ? -EBADMSG : 0;
}

int film_open(struct film *film, const char *path, const struct picture *picture)
{
	int ret;

	film->picture = *picture;
	film->frame_bytes = picture_bytes(picture, 0);
	film->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (film->fd < 0)
		return -errno;
	ret = measure(film);
	if (ret < 0) {
		film_close(film);
		return ret;
	}
	posix_fadvise(film->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

void film_close(struct film *film)
{
	if (film->fd >= 0)
		close(film->fd);
	film->fd = -1;
}

static int read_all(int fd, void *into, size_t bytes, off_t offset)
{
	char *at = into;

	while (bytes) {
		ssize_t n = pread(fd, at, bytes, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ENODATA;
		at += n;
		offset += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* Rows of the file are tight; rows in the buffer are @pitch apart. */
static int read_plane(int fd, const struct picture_plane *plane, char *into,
		      size_t pitch, off_t offset)
{
	if (pitch == plane->row_bytes)
		return read_all(fd, into, pitch * plane->rows, offset);
	for (uint32_t row = 0; row < plane->rows; row++) {
		int ret = read_all(fd, into, plane->row_bytes, offset);

		if (ret < 0)
			return ret;
		into += pitch;
		offset += (off_t)plane->row_bytes;
	}
	return 0;
}

int film_read(const struct film *film, uint64_t frame, void *into, uint32_t pitch)
{
	struct picture_plane planes[PICTURE_PLANES_MAX];
	size_t count = picture_planes(&film->picture, planes);
	off_t start = (off_t)(frame * film->frame_bytes);
	off_t offset = start;
	char *at = into;

	for (size_t i = 0; i < count; i++) {
		size_t plane_pitch = pitch / planes[i].pitch_div;
		int ret = read_plane(film->fd, &planes[i], at, plane_pitch, offset);

		if (ret < 0)
			return ret;
		at += plane_pitch * planes[i].rows;
		offset += (off_t)(planes[i].row_bytes * planes[i].rows);
	}
	posix_fadvise(film->fd, start, (off_t)film->frame_bytes,
		      POSIX_FADV_DONTNEED);
	return 0;
}
