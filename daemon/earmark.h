/* SPDX-License-Identifier: MIT */
/*
 * Space that a request which waits is going to get: windows of a region into which
 * nobody else is let for the time being. Pure: no system call, no clock, no
 * allocation.
 *
 * An earmark changes nothing in the region. Whoever has to keep out of it shuts it
 * for the moment in which a place is looked for: what is free in the windows is
 * covered by marks, and uncovered again.
 */
#ifndef CARVE_DAEMON_EARMARK_H
#define CARVE_DAEMON_EARMARK_H

#include "placement.h"
#include "survey.h"

/*
 * Free parts of the windows that can be covered, of clean memory and of clean and
 * dirty memory together. Each lies between two buffers that have to go first; what
 * there are more stays open.
 */
#define CARVE_EARMARK_MARKS	256

/**
 * struct carve_earmark - windows
 * @spans: @count windows without overlaps; none: there is no earmark
 * @used, @held: private, while it is shut
 */
struct carve_earmark {
	size_t count;
	struct carve_span spans[CARVE_SURVEY_MANY];
	size_t used_count;
	size_t held_count;
	struct carve_mark used[CARVE_EARMARK_MARKS];
	struct carve_mark held[CARVE_EARMARK_MARKS];
};

/**
 * carve_earmark_shut() - let nobody in
 *
 * Until carve_earmark_open() nothing may be asked of @placement but for places, and
 * what is placed meanwhile lies outside of the windows.
 */
void carve_earmark_shut(struct carve_earmark *earmark,
			struct carve_placement *placement);

void carve_earmark_open(struct carve_earmark *earmark,
			struct carve_placement *placement);

/**
 * carve_earmark_place() - put extents into the windows, all or none
 * @extents: one for each window, in no region; live on success
 *
 * For whose windows they are: a place looked for in the ordinary way may be in
 * another one's window, and spoil it.
 *
 * Return: 0; -ENOSPC (not all of it is clean), and nothing has changed.
 */
int carve_earmark_place(const struct carve_earmark *earmark,
			struct carve_placement *placement,
			struct carve_extent *const *extents);

#endif /* CARVE_DAEMON_EARMARK_H */
