// SPDX-License-Identifier: MIT
/*
 * Traces: lines `a ID BYTES ALIGN` and `f ID`; blank lines, and whatever
 * follows a #, are passed over.
 */
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_NONE	SIZE_MAX
#define ALIGNMENT_MAX	(1ULL << 40)
#define BYTES_MAX	(1ULL << 50)

/**
 * struct buffers - what is alive at a point of the trace
 * @ids: open addressing; which buffer number stands here
 * @slots: its slot, or SLOT_NONE when it is not alive
 * @taken: whether anything stands here
 * @room: entries, a power of two
 * @count: how many stand there, alive or not
 * @spare: slots that buffers have left
 * @spare_count: how many
 * @pages: by slot
 */
struct buffers {
	uint64_t *ids;
	size_t *slots;
	bool *taken;
	size_t room;
	size_t count;
	size_t *spare;
	size_t spare_count;
	uint64_t *pages;
	size_t pages_room;
	uint64_t live_pages;
};

/* Where a reader is, and what it has. */
struct reader {
	const char *path;
	size_t line;
	struct replay *replay;
	size_t steps_room;
	struct buffers buffers;
};

static void *grown(void *memory, size_t count, size_t bytes)
{
	memory = reallocarray(memory, count, bytes);
	if (!memory) {
		fprintf(stderr, "bench-placement: out of memory\n");
		exit(1);
	}
	return memory;
}

static size_t entry_of(const struct buffers *buffers, uint64_t id)
{
	size_t i = (size_t)((id * 0x9e3779b97f4a7c15) >> 20);

	for (;; i++) {
		i &= buffers->room - 1;
		if (!buffers->taken[i] || buffers->ids[i] == id)
			return i;
	}
}

static void make_room(struct buffers *buffers)
{
	struct buffers old = *buffers;

	if (2 * old.count < old.room)
		return;
	buffers->room = old.room ? 2 * old.room : 1024;
	buffers->ids = bench_new(buffers->room, sizeof(*buffers->ids));
	buffers->slots = bench_new(buffers->room, sizeof(*buffers->slots));
	buffers->taken = bench_new(buffers->room, sizeof(*buffers->taken));
	for (size_t i = 0; i < old.room; i++) {
		if (!old.taken[i])
			continue;

		size_t to = entry_of(buffers, old.ids[i]);

		buffers->taken[to] = true;
		buffers->ids[to] = old.ids[i];
		buffers->slots[to] = old.slots[i];
	}
	free(old.ids);
	free(old.slots);
	free(old.taken);
}

static int complain(const struct reader *reader, const char *what)
{
	fprintf(stderr, "%s:%zu: %s\n", reader->path, reader->line, what);
	return -1;
}

static void add_step(struct reader *reader, struct replay_step step)
{
	struct replay *replay = reader->replay;

	if (replay->count == reader->steps_room) {
		reader->steps_room = 2 * replay->count + 1024;
		replay->steps = grown(replay->steps, reader->steps_room,
				      sizeof(step));
	}
	replay->steps[replay->count++] = step;
}

static size_t take_slot(struct reader *reader)
{
	struct buffers *buffers = &reader->buffers;

	if (buffers->spare_count)
		return buffers->spare[--buffers->spare_count];
	if (reader->replay->slots == buffers->pages_room) {
		buffers->pages_room = 2 * buffers->pages_room + 64;
		buffers->pages = grown(buffers->pages, buffers->pages_room,
				       sizeof(*buffers->pages));
		buffers->spare = grown(buffers->spare, buffers->pages_room,
				       sizeof(*buffers->spare));
	}
	return reader->replay->slots++;
}

static int read_alloc(struct reader *reader, uint64_t id, uint64_t bytes,
		      uint64_t alignment)
{
	struct buffers *buffers = &reader->buffers;
	uint64_t pages = (bytes + BENCH_PAGE - 1) / BENCH_PAGE;
	size_t entry, slot;

	if (!bytes || bytes > BYTES_MAX)
		return complain(reader, "BYTES has to be 1 to 2^50");
	if (alignment & (alignment - 1) || alignment > ALIGNMENT_MAX)
		return complain(reader, "ALIGN has to be a power of two, at most 2^40, or 0");
	make_room(buffers);
	entry = entry_of(buffers, id);
	if (buffers->taken[entry] && buffers->slots[entry] != SLOT_NONE)
		return complain(reader, "this buffer is alive already");
	slot = take_slot(reader);
	buffers->count += !buffers->taken[entry];
	buffers->taken[entry] = true;
	buffers->ids[entry] = id;
	buffers->slots[entry] = slot;
	buffers->pages[slot] = pages;
	buffers->live_pages += pages;
	if (buffers->live_pages > reader->replay->peak_pages)
		reader->replay->peak_pages = buffers->live_pages;
	add_step(reader, (struct replay_step){
		.pages = pages,
		.alignment = alignment > BENCH_PAGE ? alignment / BENCH_PAGE : 1,
		.slot = slot,
	});
	return 0;
}

static int read_free(struct reader *reader, uint64_t id)
{
	struct buffers *buffers = &reader->buffers;
	size_t entry, slot;

	make_room(buffers);
	entry = entry_of(buffers, id);
	if (!buffers->taken[entry] || buffers->slots[entry] == SLOT_NONE)
		return complain(reader, "this buffer is not alive");
	slot = buffers->slots[entry];
	buffers->slots[entry] = SLOT_NONE;
	buffers->live_pages -= buffers->pages[slot];
	buffers->spare[buffers->spare_count++] = slot;
	add_step(reader, (struct replay_step){ .slot = slot });
	return 0;
}

/* The whole of the word at *@text is a number; *@text goes behind it. */
static bool number(char **text, bool minus, uint64_t *ret)
{
	char *word = *text + strspn(*text, " \t"), *end;

	errno = 0;
	if (!(*word >= '0' && *word <= '9') && !(minus && *word == '-'))
		return false;
	*ret = strtoull(word, &end, 10);
	*text = end;
	return end != word && !errno && strchr(" \t", *end) != NULL;
}

static int read_line(struct reader *reader, char *line)
{
	uint64_t id, bytes, alignment;
	bool alloc;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	if (!*line)
		return 0;
	alloc = *line == 'a';
	if ((*line != 'a' && *line != 'f') || !strchr(" \t", line[1]) ||
	    !line[1])
		return complain(reader, "neither `a ID BYTES ALIGN` nor `f ID`");
	line++;
	if (!number(&line, true, &id) ||
	    (alloc && (!number(&line, false, &bytes) ||
		       !number(&line, false, &alignment))) ||
	    line[strspn(line, " \t")])
		return complain(reader, alloc ? "not `a ID BYTES ALIGN`, all of them numbers" :
						"not `f ID` with a number");
	return alloc ? read_alloc(reader, id, bytes, alignment) :
		       read_free(reader, id);
}

int replay_read(struct replay *replay, const char *path)
{
	struct reader reader = { .path = path, .replay = replay };
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	int r = 0;

	*replay = (struct replay){ 0 };
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while (r == 0 && getline(&line, &room, file) >= 0) {
		reader.line++;
		r = read_line(&reader, line);
	}
	if (r == 0 && ferror(file)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		r = -1;
	}
	fclose(file);
	free(line);
	free(reader.buffers.ids);
	free(reader.buffers.slots);
	free(reader.buffers.taken);
	free(reader.buffers.spare);
	free(reader.buffers.pages);
	if (r < 0)
		replay_done(replay);
	return r;
}

void replay_done(struct replay *replay)
{
	free(replay->steps);
	*replay = (struct replay){ 0 };
}
