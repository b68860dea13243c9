// SPDX-License-Identifier: MIT
/*
 * loopback: capture what the player's device shows, and find it in the film.
 *
 *	loopback DEVICE INPUT WIDTHxHEIGHT FORMAT FILM FRAME
 *
 * vivid's HDMI input is joined to its HDMI output and copies the frame that
 * is being shown. Size, format and pitch are the same on both sides, so
 * nothing is scaled or converted and every captured frame must be one of the
 * film's, byte for byte. The capture buffers come from Carve as well.
 *
 * Between two rounds of the film the player has its device stopped, and vivid
 * captures a test pattern; so there are three attempts, and one has to go
 * through without a single frame that is not the film's.
 *
 * Writes a frame to FRAME, prints one JSON line. Exit status: 0 when all
 * frames of an attempt were the film's.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "../tools/examples/film.h"

#define ATTEMPTS	3
#define FRAMES		12
#define PROBE_BYTES	16384

struct check {
	struct capture capture;
	struct film film;
	char *captured;		/* out of the buffer: slow to read from there */
	char *expected;
	uint64_t last;		/* frame of the film that was found last */
	unsigned int distinct;
};

static void copy_out(struct check *check, unsigned int index)
{
	struct carve_buffer *buffer = check->capture.buffers[index];
	int ret = carve_buffer_begin_cpu(buffer, CARVE_CPU_READ);

	if (ret < 0)
		errx(EXIT_FAILURE, "beginning CPU access: %s", strerror(-ret));
	memcpy(check->captured, check->capture.maps[index], check->film.frame_bytes);
	ret = carve_buffer_end_cpu(buffer, CARVE_CPU_READ);
	if (ret < 0)
		errx(EXIT_FAILURE, "ending CPU access: %s", strerror(-ret));
}

/* A piece from the middle tells most frames apart without reading them all. */
static bool may_be(struct check *check, uint64_t number)
{
	size_t bytes = check->film.frame_bytes < PROBE_BYTES ?
		       check->film.frame_bytes : PROBE_BYTES;
	size_t offset = (check->film.frame_bytes - bytes) / 2;
	off_t at = (off_t)(number * check->film.frame_bytes + offset);

	if (pread(check->film.fd, check->expected, bytes, at) != (ssize_t)bytes)
		err(EXIT_FAILURE, "reading the film");
	return !memcmp(check->expected, check->captured + offset, bytes);
}

static bool is_frame(struct check *check, uint64_t number)
{
	int ret;

	if (!may_be(check, number))
		return false;
	ret = film_read(&check->film, number, check->expected, check->capture.pitch);
	if (ret < 0)
		errx(EXIT_FAILURE, "reading the film: %s", strerror(-ret));
	return !memcmp(check->expected, check->captured, check->film.frame_bytes);
}

/* Starts with the frame found last: the next one is that, or close behind. */
static bool find(struct check *check)
{
	for (uint64_t i = 0; i < check->film.frames; i++) {
		uint64_t number = (check->last + i) % check->film.frames;

		if (is_frame(check, number)) {
			check->distinct += number != check->last;
			check->last = number;
			return true;
		}
	}
	return false;
}

static unsigned int attempt(struct check *check)
{
	unsigned int equal = 0;

	check->distinct = 0;
	capture_run(&check->capture);
	for (int i = 0; i < FRAMES; i++) {
		unsigned int index = capture_take(&check->capture);

		copy_out(check, index);
		capture_give(&check->capture, index);
		equal += find(check);
	}
	return equal;
}

static void write_frame(const struct check *check, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, check->captured, check->film.frame_bytes) !=
		      (ssize_t)check->film.frame_bytes)
		err(EXIT_FAILURE, "%s", path);
	close(fd);
}

static void open_check(struct check *check, char **argv)
{
	struct picture picture;
	int ret;

	ret = picture_parse(&picture, argv[3], argv[4]);
	if (ret < 0)
		errx(EXIT_FAILURE, "%s %s: %s", argv[3], argv[4], strerror(-ret));
	ret = film_open(&check->film, argv[5], &picture);
	if (ret < 0)
		errx(EXIT_FAILURE, "%s: %s", argv[5], strerror(-ret));
	check->captured = malloc(check->film.frame_bytes);
	check->expected = malloc(check->film.frame_bytes);
	if (!check->captured || !check->expected)
		err(EXIT_FAILURE, "malloc");
}

static void open_capture(struct check *check, char **argv)
{
	const struct picture *picture = &check->film.picture;

	capture_open(&check->capture, argv[1], atoi(argv[2]), picture->width,
		     picture->height, picture->fourcc);
	/* A pitch of its own would need a copy row by row: not what vivid has. */
	if (picture_bytes(picture, check->capture.pitch) != check->film.frame_bytes)
		errx(EXIT_FAILURE, "%s pads its rows to %u bytes", argv[1],
		     check->capture.pitch);
	if (capture_import(&check->capture, "captured frame") < 0)
		exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct check check = { 0 };
	unsigned int equal = 0, tries = 0;

	if (argc != 7)
		errx(EXIT_FAILURE, "usage: loopback DEVICE INPUT WIDTHxHEIGHT FORMAT FILM FRAME");
	open_check(&check, argv);
	while (equal < FRAMES && tries < ATTEMPTS) {
		if (tries++)
			sleep(1);
		open_capture(&check, argv);
		equal = attempt(&check);
		capture_close(&check.capture);
	}
	printf("{\"attempts\":%u,\"frames_compared\":%d,\"frames_equal\":%u,"
	       "\"frames_distinct\":%u,\"film_frame\":%" PRIu64 "}\n",
	       tries, FRAMES, equal, check.distinct, check.last);
	if (equal < FRAMES)
		errx(EXIT_FAILURE, "%u of %d captured frames are not in the film",
		     FRAMES - equal, FRAMES);
	write_frame(&check, argv[6]);
	return 0;
}
