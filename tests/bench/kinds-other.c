// SPDX-License-Identifier: MIT
/*
 * Traces without a scenario, or with an unusual one: random churn, large
 * alignments, inference, recorders, and many small buffers.
 */
#include "stream.h"

/* Log-uniform: as many buffers of 4 to 8 KiB as of 4 to 8 MiB. */
static uint64_t any_bytes(struct trace *trace, unsigned int low_bit,
			  unsigned int high_bit)
{
	uint64_t low = 1ULL << trace_between(trace, low_bit, high_bit - 1);

	return low + trace_below(trace, low);
}

/* Long random churn: any size, any life. */
static void churn_one(struct trace *trace, void *what)
{
	trace_free_in(trace, 10 + trace_exponential(trace, 4000),
		      trace_alloc(trace, any_bytes(trace, 12, 23), 4096));
	trace_in(trace, trace_between(trace, 5, 35), churn_one, what);
}

static void write_churn(struct trace *trace)
{
	churn_one(trace, NULL);
	trace_go(trace, 60000);
}

/* Random churn over the sizes that pictures have. */
struct sizes {
	uint64_t bytes[24];
	uint64_t life_ms[24];
	size_t count;
	unsigned int large;
};

static void pictures_one(struct trace *trace, void *what)
{
	struct sizes *sizes = what;
	size_t i = trace_below(trace, sizes->count);

	trace_free_in(trace, 10 + trace_exponential(trace, sizes->life_ms[i]),
		      trace_alloc(trace, sizes->bytes[i], 4096));
	trace_in(trace, trace_between(trace, 5, 35), pictures_one, what);
}

static void write_pictures(struct trace *trace)
{
	struct sizes sizes = { .count = trace_between(trace, 6, 24) };
	struct codec_layout layout = codec_layout_random(trace);

	for (size_t i = 0; i < sizes.count; i++) {
		sizes.bytes[i] = codec_frame_bytes(
			(enum format)trace_below(trace, 4),
			codec_sizes[trace_below(trace, 10)], &layout);
		sizes.life_ms[i] = 50 + trace_exponential(trace, 3000);
	}
	pictures_one(trace, &sizes);
	trace_go(trace, 40000);
}

/* What IOMMU-less importers with large pages ask for: up to 2 MiB. */
static void aligned_one(struct trace *trace, void *what)
{
	static const uint64_t alignments[] = {
		4096, 4096, 16384, 65536, 65536, 1 << 20, 2 << 20,
	};
	struct sizes *sizes = what;
	size_t i = trace_below(trace, sizes->count);

	trace_free_in(trace, 10 + trace_exponential(trace, sizes->life_ms[i]),
		      trace_alloc(trace, sizes->bytes[i], alignments[i % 7]));
	trace_in(trace, trace_between(trace, 5, 35), aligned_one, what);
}

static void write_aligned(struct trace *trace)
{
	struct sizes sizes = { .count = trace_between(trace, 7, 21) };

	for (size_t i = 0; i < sizes.count; i++) {
		sizes.bytes[i] = any_bytes(trace, 15, 23);
		sizes.life_ms[i] = 50 + trace_exponential(trace, 3000);
	}
	aligned_one(trace, &sizes);
	trace_go(trace, 30000);
}

/* Inference beside video: models that stay, tensors that come and go. */
static void tensors(struct trace *trace, void *what)
{
	struct sizes *sizes = what;
	uint64_t layer = trace_between(trace, 1, 6);

	/* Each layer's output is the next one's input. */
	for (uint64_t i = 0; i < layer; i++)
		trace_free_in(trace, (i + 2) * 3,
			      trace_alloc(trace, sizes->bytes[i], 4096));
	trace_in(trace, 40, tensors, what);
}

static void model_load(struct trace *trace, void *what)
{
	uint64_t stay = 3000 + trace_exponential(trace, 20000);

	for (size_t i = trace_between(trace, 1, 5); i--;)
		trace_free_in(trace, stay + trace_below(trace, 5),
			      trace_alloc(trace, any_bytes(trace, 20, 24),
					  65536));
	trace_in(trace, 2000 + trace_exponential(trace, 5000), model_load,
		 what);
}

static void video_runs(struct trace *trace, void *what)
{
	static struct stream stream;
	struct codec_layout *layout = what;
	struct codec_needs needs = codec_needs_random(trace,
		codec_sizes[trace_between(trace, 2, 8)], layout);

	if (stream.count)
		stream_close(trace, &stream, 3, 33);
	stream_open(trace, &stream, &needs, 2);
	trace_in(trace, 2000 + trace_exponential(trace, 15000), video_runs,
		 what);
}

static void write_inference(struct trace *trace)
{
	struct codec_layout layout = codec_layout_random(trace);
	struct sizes sizes = { .count = 6 };

	for (size_t i = 0; i < sizes.count; i++)
		sizes.bytes[i] = any_bytes(trace, 17, 21);
	trace_in(trace, 1, tensors, &sizes);
	trace_in(trace, 2, model_load, NULL);
	trace_in(trace, 3, video_runs, &layout);
	trace_go(trace, 40000);
}

/* A recorder: encoders with long lives, chunks written out in order. */
static void chunk(struct trace *trace, void *what)
{
	trace_free_in(trace, 500 + trace_exponential(trace, 2500),
		      trace_alloc(trace, 65536 * trace_between(trace, 1, 40),
				  4096));
	trace_in(trace, trace_between(trace, 20, 200), chunk, what);
}

struct tuner {
	struct stream stream;
	struct codec_layout *layout;
	bool on;
};

static void tuner_switch(struct trace *trace, void *what)
{
	struct tuner *tuner = what;
	struct codec_needs needs = codec_needs_random(trace,
		codec_sizes[trace_between(trace, 4, 10)], tuner->layout);

	if (tuner->on)
		stream_close(trace, &tuner->stream, 0, 0);
	else
		stream_open(trace, &tuner->stream, &needs, 1);
	tuner->on = !tuner->on;
	trace_in(trace, 2000 + trace_exponential(trace, 9000), tuner_switch,
		 tuner);
}

static void write_recorder(struct trace *trace)
{
	struct codec_layout layout = codec_layout_random(trace);
	struct tuner tuners[8] = { 0 };
	size_t count = trace_between(trace, 3, 8);

	for (size_t i = 0; i < count; i++) {
		tuners[i].layout = &layout;
		trace_in(trace, trace_below(trace, 9000), tuner_switch,
			 &tuners[i]);
	}
	chunk(trace, NULL);
	trace_go(trace, 30000);
}

const struct trace_kind trace_kinds_other[] = {
	{ "churn", true, "any size, any life", write_churn },
	{ "pictures", true, "pictures of all sizes, any life", write_pictures },
	{ "aligned", false, "alignments up to 2 MiB", write_aligned },
	{ "inference", true, "models, tensors and a video", write_inference },
	{ "recorder", false, "tuners and chunks written out", write_recorder },
	{ 0 },
};
