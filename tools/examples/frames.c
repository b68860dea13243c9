// SPDX-License-Identifier: MIT
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "frames.h"

int frames_connect(struct frames *frames)
{
	const char *path = frames->socket ? frames->socket : CARVE_DEFAULT_SOCKET;
	int ret = carve_new(&frames->carve, frames->socket);

	if (ret == -ENOENT || ret == -ECONNREFUSED)
		warnx("no carved answers at %s: systemctl start carved.socket", path);
	else if (ret == -EACCES)
		warnx("%s: not allowed: is this user in the socket's group?", path);
	else if (ret < 0)
		warnx("connecting to carved: %s", strerror(-ret));
	return ret;
}

void frames_disconnect(struct frames *frames)
{
	frames_put(frames);
	frames->carve = carve_free(frames->carve);
}

static void explain(const struct carve_refusal *refusal, unsigned int count)
{
	if (refusal->own_limit)
		warnx("the rules of carved.conf allow no more: limit %" PRIu64
		      ", in use %" PRIu64 " bytes", refusal->own_limit,
		      refusal->own_bytes);
	warnx("no room for %u buffers of %" PRIu64 " bytes (only %u of them would "
	      "fit): of %" PRIu64 " bytes %" PRIu64 " are free, the largest hole has %"
	      PRIu64 ", %" PRIu64 " are in use, %" PRIu64 " are still being zeroed",
	      count, refusal->wanted_bytes, refusal->index, refusal->region_bytes,
	      refusal->free_bytes, refusal->largest_bytes, refusal->live_bytes,
	      refusal->dirty_bytes);
}

/* Who has it, as far as this user may know; those in the way with a star. */
static void explain_holders(const struct carve_refusal *refusal)
{
	for (uint32_t i = 0; i < refusal->holder_count; i++) {
		const struct carve_holder *holder = &refusal->holders[i];
		const char *star = holder->flags & CARVE_HOLDER_NEEDED ? "*" : " ";

		if (holder->flags & CARVE_HOLDER_KNOWN)
			warnx(" %s %" PRIu64 " bytes in %u buffers: uid %u %s", star,
			      holder->bytes, holder->buffers, holder->uid,
			      holder->unit);
		else
			warnx(" %s %" PRIu64 " bytes in %u buffers: another user",
			      star, holder->bytes, holder->buffers);
	}
}

static int allocate(struct frames *frames, unsigned int count, uint64_t bytes)
{
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_request requests[VIDEO_OUTPUT_BUFFERS_MAX];
	int ret;

	for (unsigned int i = 0; i < count; i++) {
		requests[i] = (struct carve_request) CARVE_REQUEST_INIT;
		requests[i].bytes = bytes;
		requests[i].name = "player frame";
		requests[i].region = frames->region;
	}
	ret = carve_alloc_many(frames->carve, requests, count, frames->buffers,
			       &refusal);
	if (ret == -ENOSPC || ret == -EDQUOT) {
		explain(&refusal, count);
		explain_holders(&refusal);
	}
	if (ret == -ENOENT)
		warnx("there is no region \"%s\"; `carvectl status` lists them",
		      frames->region ? frames->region : "(default)");
	else if (ret == -ECONNRESET || ret == -EPIPE)
		warnx("carved has gone and does not come back; `journalctl -u carved` may say why");
	else if (ret < 0 && ret != -ENOSPC && ret != -EDQUOT)
		warnx("allocating %u buffers of %" PRIu64 " bytes: %s", count,
		      bytes, strerror(-ret));
	return ret;
}

static int map_all(struct frames *frames)
{
	for (unsigned int i = 0; i < frames->count; i++) {
		int ret = carve_buffer_map(frames->buffers[i], &frames->maps[i]);

		if (ret < 0) {
			warnx("mapping a buffer: %s", strerror(-ret));
			return ret;
		}
	}
	return 0;
}

int frames_get(struct frames *frames, unsigned int count, uint64_t bytes)
{
	int ret = allocate(frames, count, bytes);

	if (ret < 0)
		return ret;
	frames->count = count;
	ret = map_all(frames);
	if (ret < 0)
		frames_put(frames);
	return ret;
}

void frames_put(struct frames *frames)
{
	for (unsigned int i = 0; i < frames->count; i++)
		frames->buffers[i] = carve_buffer_unref(frames->buffers[i]);
	frames->count = 0;
}
