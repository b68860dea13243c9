// SPDX-License-Identifier: MIT
/*
 * Traces in which video is one thing among others: cameras, user interfaces,
 * conferences, transcoding.
 */
#include "stream.h"

/*
 * A camera: previews run all the time, and now and then a burst of pictures is
 * taken, each as raw data, as YUV and as JPEG, and worked on for a while.
 */
struct camera {
	struct codec_layout layout;
	struct size sensor;
	struct size video;
	uint64_t preview[8];
	size_t previews;
	uint64_t ring[12];
	size_t ring_count;
	size_t burst_left;
};

static void camera_shot(struct trace *trace, void *what)
{
	struct camera *camera = what;
	struct size thumb = { 320, 240 };
	uint64_t pixels = camera->sensor.width * camera->sensor.height;
	uint64_t work = 400 + trace_exponential(trace, 900);
	uint64_t raw = trace_alloc(trace, pixels * 10 / 8, 4096);
	uint64_t yuv = trace_alloc(trace, codec_frame_bytes(FORMAT_NV12,
					camera->sensor, &camera->layout),
				   camera->layout.alignment);
	uint64_t jpeg = trace_alloc(trace, pixels / 3 +
				    trace_below(trace, pixels / 3), 4096);

	trace_free_in(trace, work, raw);
	trace_free_in(trace, work + trace_between(trace, 100, 400), yuv);
	trace_free_in(trace, work + trace_between(trace, 300, 3000), jpeg);
	if (trace_chance(trace, 60))
		trace_free_in(trace, trace_between(trace, 2000, 30000),
			      trace_alloc(trace, codec_frame_bytes(FORMAT_RGBA,
					thumb, &camera->layout), 4096));
	if (--camera->burst_left)
		trace_in(trace, trace_between(trace, 60, 140), camera_shot,
			 camera);
	else {
		camera->burst_left = trace_between(trace, 1, 24);
		trace_in(trace, 1000 + trace_exponential(trace, 6000),
			 camera_shot, camera);
	}
}

/* From photo to video and back: previews of another size. */
static void camera_mode(struct trace *trace, void *what)
{
	struct camera *camera = what;

	while (camera->previews)
		trace_free(trace, camera->preview[--camera->previews]);
	while (camera->ring_count)
		trace_free(trace, camera->ring[--camera->ring_count]);
	camera->video = codec_sizes[trace_between(trace, 6, 10)];
	for (size_t i = trace_between(trace, 4, 8); i--;)
		camera->preview[camera->previews++] = trace_alloc(trace,
			codec_frame_bytes(FORMAT_NV12, camera->video,
					  &camera->layout),
			camera->layout.alignment);
	for (size_t i = trace_between(trace, 0, 12); i--;)
		camera->ring[camera->ring_count++] = trace_alloc(trace,
			400000 + trace_below(trace, 4) * 300000, 4096);
	trace_in(trace, 3000 + trace_exponential(trace, 30000), camera_mode,
		 camera);
}

static void write_camera(struct trace *trace)
{
	static const struct size sensors[] = {
		{ 4208, 3120 }, { 4624, 3472 }, { 8000, 6000 }, { 3264, 2448 },
	};
	struct camera cameras[2] = { 0 };
	size_t count = trace_between(trace, 1, 2);

	for (size_t i = 0; i < count; i++) {
		cameras[i].layout = codec_layout_random(trace);
		cameras[i].sensor = sensors[trace_below(trace, 4)];
		cameras[i].burst_left = trace_between(trace, 1, 24);
		camera_mode(trace, &cameras[i]);
		trace_in(trace, 500, camera_shot, &cameras[i]);
	}
	trace_go(trace, 12000);
}

/* A user interface: windows with two or three buffers, icons, glyphs, video. */
struct window {
	uint64_t ids[4];
	size_t count;
	struct size size;
	struct codec_layout *layout;
};

static void window_close(struct trace *trace, struct window *window)
{
	while (window->count)
		trace_free_in(trace, trace_below(trace, 40),
			      window->ids[--window->count]);
}

static void window_draw(struct trace *trace, struct window *window)
{
	size_t count = trace_between(trace, 2, 3);

	while (window->count < count)
		window->ids[window->count++] = trace_alloc(trace,
			codec_frame_bytes(FORMAT_RGBA, window->size,
					  window->layout), 4096);
}

static void window_change(struct trace *trace, void *what)
{
	struct window *window = what;
	bool resize = window->count && trace_chance(trace, 40);

	window_close(trace, window);
	if (!resize)
		window->size = (struct size){
			trace_between(trace, 40, 1920),
			trace_between(trace, 24, 1080) };
	else
		window->size.width = window->size.width * 9 / 10 + 30;
	if (resize || trace_chance(trace, 75))
		window_draw(trace, window);
	trace_in(trace, resize ? trace_between(trace, 16, 400) :
		 100 + trace_exponential(trace, 9000), window_change, window);
}

static void ui_small(struct trace *trace, void *what)
{
	uint64_t bytes = 4096 + trace_exponential(trace, 60000);

	trace_free_in(trace, 20 + trace_exponential(trace, 8000),
		      trace_alloc(trace, bytes, 4096));
	trace_in(trace, trace_between(trace, 10, 120), ui_small, what);
}

static void write_ui(struct trace *trace)
{
	struct window windows[32] = { 0 };
	struct codec_layout layout = codec_layout_random(trace);
	size_t count = trace_between(trace, 8, 32);
	struct stream video;
	struct codec_needs needs = codec_needs_random(trace,
		codec_sizes[trace_between(trace, 5, 8)], &layout);

	stream_open(trace, &video, &needs, 3);
	for (size_t i = 0; i < count; i++) {
		windows[i].layout = &layout;
		trace_in(trace, trace_below(trace, 9000), window_change,
			 &windows[i]);
	}
	trace_in(trace, 5, ui_small, NULL);
	trace_go(trace, 30000);
}

/* A conference: people come and go, and are shown large when they speak. */
struct person {
	struct stream stream;
	struct codec_layout *layout;
	bool there;
};

static void person_changes(struct trace *trace, void *what)
{
	struct person *person = what;
	static const size_t shown[] = { 0, 2, 2, 6, 7, 8 };
	bool leaves = person->there && trace_chance(trace, 20);

	if (person->there)
		stream_close(trace, &person->stream, 2, 33);
	person->there = !leaves;
	if (person->there) {
		struct codec_needs needs = codec_needs(CODEC_H264, FORMAT_NV12,
			codec_sizes[shown[trace_below(trace, 6)]],
			person->layout);

		/* Nothing is reordered in a conversation. */
		needs.frames = 4;
		stream_open(trace, &person->stream, &needs, 2);
	}
	trace_in(trace, 300 + trace_exponential(trace, 12000), person_changes,
		 person);
}

static void write_conference(struct trace *trace)
{
	struct person people[25] = { 0 };
	struct codec_layout layout = codec_layout_random(trace);
	size_t count = trace_between(trace, 6, 25);

	for (size_t i = 0; i < count; i++) {
		people[i].layout = &layout;
		trace_in(trace, trace_below(trace, 20000), person_changes,
			 &people[i]);
	}
	trace_go(trace, 20000);
}

/* Transcoding: jobs of one decoder, several scalers and several encoders. */
struct job {
	struct stream decoder;
	struct stream outputs[4];
	size_t output_count;
	struct codec_layout layout;
};

static void job_begin(struct trace *trace, void *what);

static void job_end(struct trace *trace, void *what)
{
	struct job *job = what;

	stream_close(trace, &job->decoder, 0, 0);
	while (job->output_count)
		stream_close(trace, &job->outputs[--job->output_count],
			     2, 200);
	trace_in(trace, trace_exponential(trace, 4000), job_begin, job);
}

static void job_begin(struct trace *trace, void *what)
{
	struct job *job = what;
	size_t source = trace_between(trace, 5, 10);
	size_t outputs = trace_between(trace, 1, 4);
	struct codec_needs needs = codec_needs_random(trace,
						      codec_sizes[source],
						      &job->layout);

	stream_open(trace, &job->decoder, &needs, 2);
	while (job->output_count < outputs) {
		needs = codec_needs(CODEC_H264, FORMAT_NV12,
				    codec_sizes[trace_below(trace, source + 1)],
				    &job->layout);
		needs.frames = (unsigned int)trace_between(trace, 4, 7);
		needs.packets = 2;
		stream_open(trace, &job->outputs[job->output_count++], &needs,
			    0);
	}
	trace_in(trace, 2000 + trace_exponential(trace, 60000), job_end, job);
}

static void write_transcode(struct trace *trace)
{
	struct job jobs[8] = { 0 };
	size_t count = trace_between(trace, 3, 8);

	for (size_t i = 0; i < count; i++) {
		jobs[i].layout = codec_layout_random(trace);
		trace_in(trace, trace_below(trace, 30000), job_begin,
			 &jobs[i]);
	}
	trace_go(trace, 20000);
}

const struct trace_kind trace_kinds_mixed[] = {
	{ "camera", true, "previews and bursts of pictures", write_camera },
	{ "ui", true, "windows, icons, one video", write_ui },
	{ "conference", false, "people come, go and speak", write_conference },
	{ "transcode", true, "jobs with a decoder and encoders",
	  write_transcode },
	{ 0 },
};
