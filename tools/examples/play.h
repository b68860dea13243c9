/* SPDX-License-Identifier: MIT */
/*
 * Playing: film -> buffer -> device, over and over.
 */
#ifndef PLAY_H
#define PLAY_H

#include <stdbool.h>

#include "film.h"
#include "frames.h"
#include "report.h"
#include "video-output.h"

/**
 * struct player - everything that plays; the caller opens the parts
 * @film: open
 * @output: open
 * @frames: connected
 * @report: counting
 * @buffers: how many to play with
 * @fps: frames a second at most; 0 for as many as the device takes
 * @loops: end after that many; 0 for no end
 * @seconds: end after that time; 0 for no end
 * @renew: give the buffers back after every loop and allocate new ones
 * @next_frame: when the next frame is due, with @fps
 * @free: stack of buffers the device does not have
 * @free_count: how many
 */
struct player {
	struct film film;
	struct video_output output;
	struct frames frames;
	struct report report;
	unsigned int buffers;
	double fps;
	uint64_t loops;
	double seconds;
	bool renew;
	struct timespec next_frame;
	unsigned int free[VIDEO_OUTPUT_BUFFERS_MAX];
	unsigned int free_count;
};

/**
 * play_catch_signals() - let SIGINT and SIGTERM end the film, not the process
 *
 * They are blocked but while play() waits, so that none comes too early to be
 * noticed.
 */
void play_catch_signals(void);

/**
 * play() - play until a limit, a signal or a failure
 * @player: with everything open
 *
 * Return: 0 (limit or signal); the negative errno of what failed, which has
 * been printed.
 */
int play(struct player *player);

#endif /* PLAY_H */
