// SPDX-License-Identifier: MIT
/*
 * Traces of decoders: what set-top boxes, televisions and video walls do.
 */
#include "stream.h"

#define MANY	24

/* What runs in these traces, one per decoder. */
struct player {
	struct stream stream;
	struct stream next;
	struct codec_layout layout;
	struct codec_needs clips[8];
	size_t clip_count;
	size_t at;
	bool open;
};

static struct size some_size(struct trace *trace, size_t low, size_t high)
{
	return codec_sizes[trace_between(trace, low, high)];
}

/*
 * Gapless loops: each player shows its list of clips for ever. The next clip's
 * decoder is open some seconds before the last one's closes.
 */
static void loop_end(struct trace *trace, void *what)
{
	struct player *player = what;

	stream_close(trace, &player->stream, 3, 17);
	player->stream = player->next;
}

static void loop_begin(struct trace *trace, void *what)
{
	struct player *player = what;
	const struct codec_needs *clip =
		&player->clips[player->at++ % player->clip_count];

	if (!player->open) {
		stream_open(trace, &player->stream, clip, 3);
		player->open = true;
	} else {
		stream_open(trace, &player->next, clip, 3);
		trace_in(trace, trace_between(trace, 200, 3000), loop_end,
			 player);
	}
	trace_in(trace, trace_between(trace, 4000, 60000), loop_begin, player);
}

static void write_loop(struct trace *trace)
{
	struct player players[4] = { 0 };
	size_t count = trace_between(trace, 1, 4);

	for (size_t i = 0; i < count; i++) {
		struct player *player = &players[i];

		player->layout = codec_layout_random(trace);
		player->clip_count = trace_between(trace, 3, 8);
		for (size_t j = 0; j < player->clip_count; j++)
			player->clips[j] = codec_needs_random(trace,
				some_size(trace, 2, 10), &player->layout);
		trace_in(trace, trace_below(trace, 4000), loop_begin, player);
	}
	trace_go(trace, 12000);
}

/*
 * Adaptive streaming: the size goes up and down with the network. The old
 * pictures are on screen while the new ones fill, one by one.
 */
static void adaptive_switch(struct trace *trace, void *what)
{
	struct player *player = what;
	size_t step = trace_chance(trace, 20) ? 2 : 1;

	if (trace_chance(trace, 50))
		player->at += step;
	else
		player->at -= player->at < step ? player->at : step;
	if (player->at >= player->clip_count)
		player->at = player->clip_count - 1;
	if (player->open)
		stream_close(trace, &player->stream,
			     (unsigned int)trace_between(trace, 2, 6), 40);
	player->open = true;
	stream_open(trace, &player->stream, &player->clips[player->at],
		    (unsigned int)trace_between(trace, 3, 5));
	trace_in(trace, trace_between(trace, 300, 12000), adaptive_switch,
		 player);
}

static void write_adaptive(struct trace *trace)
{
	struct player players[6] = { 0 };
	size_t count = trace_between(trace, 2, 6);

	for (size_t i = 0; i < count; i++) {
		struct player *player = &players[i];
		static const size_t ladder[] = { 1, 2, 5, 6, 7, 8, 9, 10 };
		enum codec codec = (enum codec)trace_below(trace, 4);

		player->layout = codec_layout_random(trace);
		player->clip_count = trace_between(trace, 5, 8);
		for (size_t j = 0; j < player->clip_count; j++)
			player->clips[j] = codec_needs(codec, FORMAT_NV12,
				codec_sizes[ladder[j]], &player->layout);
		trace_in(trace, trace_below(trace, 2000), adaptive_switch,
			 player);
	}
	trace_go(trace, 16000);
}

/* Video walls: many tiles, each starts, plays for a while and ends. */
static void wall_begin(struct trace *trace, void *what);

static void wall_end(struct trace *trace, void *what)
{
	struct player *player = what;

	stream_close(trace, &player->stream,
		     (unsigned int)trace_between(trace, 1, 3), 33);
	trace_in(trace, 50 + trace_exponential(trace, 3000), wall_begin,
		 player);
}

static void wall_begin(struct trace *trace, void *what)
{
	struct player *player = what;

	player->clips[0] = codec_needs_random(trace, some_size(trace, 0, 9),
					      &player->layout);
	stream_open(trace, &player->stream, &player->clips[0],
		    (unsigned int)trace_between(trace, 2, 4));
	trace_in(trace, 500 + trace_exponential(trace, 15000), wall_end,
		 player);
}

static void write_wall(struct trace *trace)
{
	static struct player players[MANY];
	struct codec_layout layout = codec_layout_random(trace);
	size_t count = trace_between(trace, 9, MANY);

	for (size_t i = 0; i < count; i++) {
		players[i].layout = layout;
		trace_in(trace, trace_below(trace, 20000), wall_begin,
			 &players[i]);
	}
	trace_go(trace, 24000);
}

/*
 * Zapping: a television switches channels at once, with a small picture in the
 * corner now and then, teletext and menus over it.
 */
static void zap_overlay(struct trace *trace, void *what)
{
	struct size size = some_size(trace, 0, 8);
	struct codec_layout *layout = what;
	size_t count = trace_between(trace, 1, 3);
	uint64_t shown = 300 + trace_exponential(trace, 5000);

	for (size_t i = 0; i < count; i++)
		trace_free_in(trace, shown,
			      trace_alloc(trace, codec_frame_bytes(FORMAT_RGBA,
						size, layout), 4096));
	trace_in(trace, 200 + trace_exponential(trace, 4000), zap_overlay,
		 what);
}

static void zap(struct trace *trace, void *what)
{
	struct player *player = what;

	if (player->open)
		stream_close(trace, &player->stream, 2, 20);
	player->open = true;
	stream_open(trace, &player->stream,
		    &player->clips[trace_below(trace, player->clip_count)], 4);
	trace_in(trace, 700 + trace_exponential(trace, 9000), zap, player);
}

static void write_zapping(struct trace *trace)
{
	struct player players[3] = { 0 };
	struct codec_layout layout = codec_layout_random(trace);
	size_t count = trace_between(trace, 1, 3);

	for (size_t i = 0; i < count; i++) {
		struct player *player = &players[i];

		player->layout = layout;
		player->clip_count = trace_between(trace, 4, 8);
		for (size_t j = 0; j < player->clip_count; j++)
			player->clips[j] = codec_needs_random(trace,
				i ? some_size(trace, 2, 6) :
				    some_size(trace, 4, 10), &layout);
		trace_in(trace, trace_below(trace, 3000), zap, player);
	}
	trace_in(trace, 1000, zap_overlay, &layout);
	trace_go(trace, 12000);
}

/*
 * Pictures on demand: the decoder takes each picture when it begins it and
 * lets it go when it was shown; packets are as long as they happen to be.
 */
static void demand_frame(struct trace *trace, void *what)
{
	struct player *player = what;
	const struct codec_needs *needs = &player->clips[0];
	uint64_t packet = 2000 + trace_exponential(trace,
						   needs->frame_bytes / 20);

	trace_free_in(trace, trace_between(trace, 5, 60),
		      trace_alloc(trace, packet, 4096));
	/* Shown at once, after reordering, or kept as a reference. */
	trace_free_in(trace, trace_chance(trace, 70) ?
				     trace_between(trace, 60, 200) :
				     trace_between(trace, 200, 33 * needs->frames),
		      trace_alloc(trace, needs->frame_bytes, needs->alignment));
	if (trace_chance(trace, 1))
		player->clips[0] = codec_needs_random(trace,
			some_size(trace, 2, 9), &player->layout);
	trace_in(trace, trace_between(trace, 30, 36), demand_frame, player);
}

static void write_demand(struct trace *trace)
{
	struct player players[6] = { 0 };
	size_t count = trace_between(trace, 2, 6);

	for (size_t i = 0; i < count; i++) {
		players[i].layout = codec_layout_random(trace);
		players[i].clips[0] = codec_needs_random(trace,
			some_size(trace, 2, 9), &players[i].layout);
		trace_in(trace, trace_below(trace, 2000), demand_frame,
			 &players[i]);
	}
	trace_go(trace, 30000);
}

/*
 * Hand over: at a change of size each new picture is allocated when the
 * decoder gets to it, and each old one goes when it was shown.
 */
static void handover_frame(struct trace *trace, void *what)
{
	struct player *player = what;
	struct stream *next = &player->next;

	if (next->count < next->frames) {
		next->ids[next->count++] = trace_alloc(trace,
			next->needs.frame_bytes, next->needs.alignment);
		trace_in(trace, 33, handover_frame, player);
	}
}

static void handover(struct trace *trace, void *what)
{
	struct player *player = what;
	struct stream *old = &player->next;
	const struct codec_needs *needs =
		&player->clips[trace_below(trace, player->clip_count)];
	uint64_t delay = 100;

	for (size_t i = 0; i < old->count; i++) {
		/* Mostly in the order of coding, which is not that of showing. */
		delay += trace_between(trace, 0, 60);
		trace_free_in(trace, delay, old->ids[i]);
	}
	*old = (struct stream){
		.needs = *needs,
		.frames = needs->frames + trace_between(trace, 2, 4),
	};
	handover_frame(trace, player);
	trace_in(trace, 2500 + trace_exponential(trace, 12000), handover,
		 player);
}

static void write_handover(struct trace *trace)
{
	struct player players[8] = { 0 };
	size_t count = trace_between(trace, 2, 8);

	for (size_t i = 0; i < count; i++) {
		struct player *player = &players[i];

		player->layout = codec_layout_random(trace);
		player->clip_count = trace_between(trace, 4, 8);
		for (size_t j = 0; j < player->clip_count; j++)
			player->clips[j] = codec_needs_random(trace,
				some_size(trace, 2, 10), &player->layout);
		trace_in(trace, trace_below(trace, 9000), handover, player);
	}
	trace_go(trace, 20000);
}

const struct trace_kind trace_kinds_video[] = {
	{ "loop", true, "gapless loops over mixed sizes", write_loop },
	{ "adaptive", true, "adaptive streaming, old pictures on screen",
	  write_adaptive },
	{ "handover", true, "old pictures go while new ones come",
	  write_handover },
	{ "wall", true, "many decoders starting and ending", write_wall },
	{ "zapping", false, "channels, a small picture, menus", write_zapping },
	{ "demand", true, "pictures and packets allocated one by one",
	  write_demand },
	{ 0 },
};
