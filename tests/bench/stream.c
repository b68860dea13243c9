// SPDX-License-Identifier: MIT
#include "stream.h"

#include <assert.h>

static void add(struct trace *trace, struct stream *stream, uint64_t bytes,
		uint64_t alignment)
{
	assert(stream->count < STREAM_BUFFERS);
	stream->ids[stream->count++] = trace_alloc(trace, bytes, alignment);
}

void stream_open(struct trace *trace, struct stream *stream,
		 const struct codec_needs *needs, unsigned int extra)
{
	*stream = (struct stream){ .needs = *needs };
	for (unsigned int i = 0; i < needs->packets; i++)
		add(trace, stream, needs->packet_bytes, 4096);
	stream->first_frame = stream->count;
	stream->frames = needs->frames + extra;
	for (size_t i = 0; i < stream->frames; i++)
		add(trace, stream, needs->frame_bytes, needs->alignment);
	for (size_t i = 0; needs->motion_bytes && i < stream->frames; i++)
		add(trace, stream, needs->motion_bytes, 4096);
}

void stream_close(struct trace *trace, struct stream *stream,
		  unsigned int late, uint64_t every_ms)
{
	/* Which pictures are shown last has nothing to do with their place. */
	size_t first_late = trace_below(trace, stream->frames);

	for (size_t i = 0; i < stream->count; i++) {
		size_t picture = i - stream->first_frame;
		size_t turn = (picture + stream->frames - first_late) %
			      stream->frames;

		if (i < stream->first_frame || picture >= stream->frames ||
		    turn >= late)
			trace_free(trace, stream->ids[i]);
		else
			trace_free_in(trace, (turn + 1) * every_ms,
				      stream->ids[i]);
	}
	stream->count = 0;
}
