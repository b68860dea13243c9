// SPDX-License-Identifier: MIT
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "play.h"

/* No device needs longer for a frame; one that does has stopped. */
#define FRAME_TIMEOUT_S		5
/* Some devices go on showing the last frames until they get new ones. */
#define DRAIN_TIMEOUT_NS	500000000L

static volatile sig_atomic_t stop_signal;
static sigset_t signals_before;

static void on_signal(int number)
{
	stop_signal = number;
}

void play_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &signals_before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool is_over(const struct player *player)
{
	return stop_signal ||
	       (player->loops && player->report.loops >= player->loops) ||
	       (player->seconds > 0 &&
		report_seconds(&player->report) >= player->seconds);
}

/* -EAGAIN when time is up, -EINTR when the film is to end. */
static int wait_for_device(struct player *player, struct timespec timeout)
{
	struct pollfd poll = { .fd = player->output.fd, .events = POLLOUT };
	int ret = ppoll(&poll, 1, &timeout, &signals_before);

	if (ret < 0)
		return -errno;
	if (ret == 0)
		return -EAGAIN;
	if (poll.revents & POLLERR) {
		warnx("%s has stopped streaming", player->output.path);
		return -EIO;
	}
	return 0;
}

/* Takes back what the device has shown; waits for at least one frame. */
static int take_back(struct player *player, struct timespec timeout)
{
	unsigned int index;
	bool damaged;
	int ret;

	ret = wait_for_device(player, timeout);
	if (ret < 0)
		return ret;
	while ((ret = video_output_dequeue(&player->output, &index, &damaged)) == 0) {
		player->report.frames++;
		player->free[player->free_count++] = index;
		if (damaged) {
			warnx("%s says that a frame was damaged", player->output.path);
			report_failure(&player->report, "damaged frame", -EIO);
		}
	}
	player->report.dropped = player->output.dropped;
	player->report.late = player->output.late;
	return ret == -EAGAIN ? 0 : ret;
}

static int start(struct player *player)
{
	struct report *report = &player->report;
	int ret;

	ret = frames_get(&player->frames, player->buffers,
			 player->output.buffer_bytes);
	if (ret < 0)
		return ret;
	report->allocations += player->buffers;
	ret = video_output_start(&player->output, player->buffers);
	if (ret < 0)
		return ret;
	player->free_count = 0;
	for (unsigned int i = player->buffers; i > 0; i--)
		player->free[player->free_count++] = i - 1;
	return 0;
}

/* Shows what is still queued; not more than a moment of waiting for it. */
static int drain(struct player *player)
{
	struct video_output *output = &player->output;
	int ret = 0;

	/* A film shorter than the queue has not begun to stream yet. */
	if (!output->streaming && output->queued)
		ret = video_output_run(output);
	while (ret == 0 && output->queued > 1)
		ret = take_back(player, (struct timespec) { 0, DRAIN_TIMEOUT_NS });
	return ret == -EAGAIN || ret == -EINTR ? 0 : ret;
}

/* Gives all buffers back: to the device's driver first, then to carved. */
static int finish(struct player *player)
{
	int ret;

	player->report.cut += player->output.queued;
	ret = video_output_stop(&player->output);
	frames_put(&player->frames);
	return ret;
}

/*
 * The CPU writes between begin and end, so that the device reads from memory
 * what is otherwise still in a cache.
 */
static int fill(struct player *player, unsigned int index, uint64_t number)
{
	struct carve_buffer *buffer = player->frames.buffers[index];
	int ret, end;

	ret = carve_buffer_begin_cpu(buffer, CARVE_CPU_WRITE);
	if (ret < 0) {
		warnx("beginning CPU access: %s", strerror(-ret));
		return ret;
	}
	ret = film_read(&player->film, number, player->frames.maps[index],
			player->output.pitch);
	if (ret < 0)
		warnx("reading frame %llu of the film: %s",
		      (unsigned long long)number, strerror(-ret));
	end = carve_buffer_end_cpu(buffer, CARVE_CPU_WRITE);
	if (end < 0)
		warnx("ending CPU access: %s", strerror(-end));
	return ret < 0 ? ret : end;
}

/* Sleeps until the next frame is due; late frames do not pile up. */
static void keep_pace(struct player *player)
{
	const long period_ns = player->fps > 0 ? (long)(1e9 / player->fps) : 0;
	struct timespec now, wait = { 0 };

	if (!period_ns)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	wait.tv_sec = player->next_frame.tv_sec - now.tv_sec;
	wait.tv_nsec = player->next_frame.tv_nsec - now.tv_nsec;
	if (wait.tv_nsec < 0) {
		wait.tv_nsec += 1000000000L;
		wait.tv_sec--;
	}
	if (wait.tv_sec < 0)
		player->next_frame = now;
	else
		ppoll(NULL, 0, &wait, &signals_before);
	player->next_frame.tv_nsec += period_ns % 1000000000L;
	player->next_frame.tv_sec += period_ns / 1000000000L +
				     player->next_frame.tv_nsec / 1000000000L;
	player->next_frame.tv_nsec %= 1000000000L;
}

static int show(struct player *player, uint64_t number)
{
	struct video_output *output = &player->output;
	struct carve_buffer *buffer;
	unsigned int index;
	int ret = 0;

	while (ret == 0 && !player->free_count)
		ret = take_back(player, (struct timespec) { FRAME_TIMEOUT_S, 0 });
	if (ret == -EAGAIN) {
		warnx("%s gave no frame back for %d s", output->path, FRAME_TIMEOUT_S);
		return -ETIMEDOUT;
	}
	if (ret < 0)
		return ret;
	index = player->free[player->free_count - 1];
	buffer = player->frames.buffers[index];
	ret = fill(player, index, number);
	if (ret < 0)
		return ret;
	keep_pace(player);
	ret = video_output_queue(output, index, carve_buffer_get_fd(buffer),
				carve_buffer_get_bytes(buffer), output->buffer_bytes);
	if (ret < 0)
		return ret;
	player->free_count--;
	if (!output->streaming && !player->free_count)
		ret = video_output_run(output);
	return ret;
}

/* The film once, or less when the end comes first. */
static int play_once(struct player *player)
{
	for (uint64_t number = 0; number < player->film.frames; number++) {
		int ret;

		if (is_over(player))
			return 0;
		ret = show(player, number);
		if (ret < 0)
			return ret;
		report_tick(&player->report);
	}
	player->report.loops++;
	return 0;
}

static int play_on(struct player *player)
{
	while (!is_over(player)) {
		int ret = player->frames.count ? 0 : start(player);

		if (ret == 0)
			ret = play_once(player);
		if (ret == 0 && player->renew)
			ret = drain(player);
		if (ret == 0 && player->renew)
			ret = finish(player);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int play(struct player *player)
{
	int ret, end;

	clock_gettime(CLOCK_MONOTONIC, &player->next_frame);
	ret = play_on(player);
	/* The signal that ended the waiting is no failure. */
	if (ret == -EINTR && stop_signal)
		ret = 0;
	if (ret == 0)
		ret = drain(player);
	if (ret < 0)
		report_failure(&player->report, "playing", ret);
	end = finish(player);
	if (ret == 0 && end < 0) {
		report_failure(&player->report, "stopping", end);
		ret = end;
	}
	report_end(&player->report, ret < 0 ? "failure" :
		   stop_signal ? "signal" : "limit");
	return ret;
}
