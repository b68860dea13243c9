// SPDX-License-Identifier: MIT
/*
 * carve-player: loops a film of raw frames through a V4L2 output device, with
 * frame buffers that come from carved and are imported as dma-bufs.
 *
 *	frames.c	contiguous buffers: carve_alloc_many(), carve_buffer_map()
 *	film.c		the film, read straight into them
 *	video-output.c	the device: V4L2_MEMORY_DMABUF
 *	play.c		the loop that joins the three
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

const char *argp_program_version = "carve-player " CARVE_VERSION;

struct options {
	const char *film;
	const char *device;
	const char *size;
	const char *format;
	const char *report;
	bool quiet;
	struct player *player;
};

enum { OPTION_RENEW = 256, OPTION_SOCKET, OPTION_REGION, OPTION_REPORT };

static const struct argp_option option_list[] = {
	{ "device", 'd', "PATH", 0, "V4L2 output device (default /dev/video0)", 0 },
	{ "size", 's', "WxH", 0, "size of the film's frames (default 1280x720)", 0 },
	{ "format", 'f', "FOURCC", 0, "pixel format of the film (default NV12)", 0 },
	{ "buffers", 'b', "N", 0, "buffers to play with, 2 to 32 (default 4)", 0 },
	{ "fps", 'r', "N", 0, "frames a second; default: as fast as the device goes", 0 },
	{ "loops", 'n', "N", 0, "end after the film has run N times", 1 },
	{ "seconds", 't', "N", 0, "end after N seconds", 1 },
	{ "renew", OPTION_RENEW, NULL, 0,
	  "give all buffers back after every loop and allocate new ones, as a "
	  "box does that opens each film anew", 2 },
	{ "socket", OPTION_SOCKET, "PATH", 0, "socket of carved", 2 },
	{ "region", OPTION_REGION, "LABEL", 0, "region to allocate from", 2 },
	{ "report", OPTION_REPORT, "FILE", 0, "write figures there, as JSON lines", 3 },
	{ "quiet", 'q', NULL, 0, "print errors only", 3 },
	{ 0 }
};

static double parse_number(struct argp_state *state, const char *text,
			   const char *option, double min, double max)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(text, &end);
	if (errno || end == text || *end || !(number >= min && number <= max))
		argp_error(state, "--%s=%s: a number from %g to %g is needed",
			   option, text, min, max);
	return number;
}

static unsigned int parse_count(struct argp_state *state, const char *text,
				const char *option, unsigned int min,
				unsigned int max)
{
	double number = parse_number(state, text, option, min, max);

	if (number != (double)(unsigned int)number)
		argp_error(state, "--%s=%s: a whole number is needed", option, text);
	return (unsigned int)number;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	struct player *player = options->player;

	switch (key) {
	case 'd':
		options->device = text;
		return 0;
	case 's':
		options->size = text;
		return 0;
	case 'f':
		options->format = text;
		return 0;
	case 'b':
		player->buffers = parse_count(state, text, "buffers", 2,
					      VIDEO_OUTPUT_BUFFERS_MAX);
		return 0;
	case 'r':
		player->fps = parse_number(state, text, "fps", 0.01, 1000);
		return 0;
	case 'n':
		player->loops = parse_count(state, text, "loops", 1, 1000000000);
		return 0;
	case 't':
		player->seconds = parse_number(state, text, "seconds", 0.001, 1e9);
		return 0;
	case OPTION_RENEW:
		player->renew = true;
		return 0;
	case OPTION_SOCKET:
		player->frames.socket = text;
		return 0;
	case OPTION_REGION:
		player->frames.region = text;
		return 0;
	case OPTION_REPORT:
		options->report = text;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->film)
			argp_error(state, "one film at a time");
		options->film = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which film? Name a file of raw frames");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp arguments = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "FILM",
	.doc = "Loop FILM, raw frames one after the other, through a V4L2 output "
	       "device, out of contiguous memory from carved.\v"
	       "Ctrl-C ends it. Pixel formats: YUYV UYVY RGB3 BGR3 XR24 NV12 NV21 "
	       "NV16 YU12; `ffmpeg -i ANY -s 1280x720 -pix_fmt nv12 -f rawvideo "
	       "FILM` makes a film. Exit status: 0 when the film ran until a limit "
	       "or a signal, 1 after a failure, 64 for a wrong option.",
};

static int open_film(struct player *player, const struct options *options)
{
	struct picture picture;
	int ret;

	ret = picture_parse(&picture, options->size, options->format);
	if (ret == -ENOTSUP)
		warnx("--format=%s: unknown; known are %s", options->format,
		      picture_formats());
	else if (ret < 0)
		warnx("--size=%s: give WIDTHxHEIGHT in pixels, even numbers where "
		      "the format halves the chroma", options->size);
	if (ret < 0)
		return ret;
	ret = film_open(&player->film, options->film, &picture);
	if (ret == -ENODATA || ret == -EBADMSG)
		warnx("%s does not hold whole frames of %s %s (%llu bytes each): "
		      "is --size or --format wrong?", options->film,
		      options->size, options->format,
		      (unsigned long long)player->film.frame_bytes);
	else if (ret < 0)
		warnx("%s: %s", options->film, strerror(-ret));
	return ret;
}

/* A pitch that the driver rounds up must still leave room for every plane. */
static int check_layout(const struct player *player)
{
	const struct video_output *output = &player->output;
	uint64_t bytes = picture_bytes(&player->film.picture, output->pitch);
	struct picture_plane planes[PICTURE_PLANES_MAX];

	picture_planes(&player->film.picture, planes);
	if (output->pitch >= planes[0].row_bytes && bytes <= output->buffer_bytes)
		return 0;
	warnx("%s wants a pitch of %u and %u bytes, in which the film's frames "
	      "(%llu bytes) have no room", output->path, output->pitch,
	      output->buffer_bytes, (unsigned long long)bytes);
	return -ENOTSUP;
}

static int open_all(struct player *player, const struct options *options)
{
	int ret;

	ret = open_film(player, options);
	if (ret == 0)
		ret = video_output_open(&player->output, options->device,
				       &player->film.picture);
	if (ret == 0)
		ret = check_layout(player);
	if (ret == 0)
		ret = frames_connect(&player->frames);
	return ret;
}

int main(int argc, char **argv)
{
	struct player player = {
		.film.fd = -1,
		.output.fd = -1,
		.buffers = 4,
	};
	struct options options = {
		.device = "/dev/video0",
		.size = "1280x720",
		.format = "NV12",
		.player = &player,
	};
	int ret;

	argp_parse(&arguments, argc, argv, 0, NULL, &options);
	ret = report_init(&player.report, options.report);
	if (ret < 0)
		errx(EXIT_FAILURE, "%s: %s", options.report, strerror(-ret));
	player.report.quiet = options.quiet;
	ret = open_all(&player, &options);
	if (ret < 0) {
		report_failure(&player.report, "opening", ret);
	} else {
		play_catch_signals();
		ret = play(&player);
	}
	video_output_close(&player.output);
	frames_disconnect(&player.frames);
	film_close(&player.film);
	report_done(&player.report);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
