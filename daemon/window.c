// SPDX-License-Identifier: MIT
#include "window.h"

#include <errno.h>

#include "identity.h"
#include "picture.h"
#include "queue.h"
#include "region.h"

static void end(struct carve_window *window)
{
	window->owner = NULL;
	window->earmark.count = 0;
}

/* Is there nothing left to wait for but zeroing? */
static bool only_scrubbing(const struct carve_window *window)
{
	struct carve_survey *survey = carve_picture_take(window->region);

	if (!window->region->scrubbing)
		return false;
	for (size_t i = 0; i < window->earmark.count; i++)
		if (carve_survey_bytes(survey, &window->earmark.spans[i]))
			return false;
	return true;
}

bool carve_window_expire(struct carve_window *window, uint64_t now_usec)
{
	if (!window->owner || now_usec < window->until_usec)
		return false;
	if (only_scrubbing(window)) {
		window->until_usec = now_usec + CARVE_WINDOW_USEC;
		return false;
	}
	end(window);
	return true;
}

bool carve_window_leave(struct carve_window *window,
			const struct carve_waiter *waiter, bool served)
{
	if (window->owner != waiter)
		return false;
	/* It was worth it; whoever gives up has used the user's time all the same. */
	if (served)
		window->period_usec = 0;
	end(window);
	return true;
}

/* When may this user's requests have an earmark until? 0: not now. */
static uint64_t time_of(const struct carve_window *window, uid_t uid,
			uint64_t now_usec)
{
	uint64_t passed = now_usec - window->period_usec;

	if (!window->period_usec || window->last_uid != uid ||
	    passed >= 2 * CARVE_WINDOW_USEC)
		return now_usec + CARVE_WINDOW_USEC;
	return passed < CARVE_WINDOW_USEC ?
		       window->period_usec + CARVE_WINDOW_USEC : 0;
}

/* Does any other user have memory in the windows? */
static bool others_have(const struct carve_window *window, uid_t uid)
{
	struct carve_survey *survey = carve_picture_take(window->region);
	bool own[CARVE_SURVEY_HOLDERS] = { false };
	const struct carve_charge *charge;

	LIST_FOREACH(charge, &window->region->charges, link)
		own[charge->number] = charge->uid == uid;
	/* The last number may be several holders. */
	own[CARVE_SURVEY_HOLDERS - 1] = false;
	for (size_t i = 0; i < window->earmark.count; i++) {
		const struct carve_span *span = &window->earmark.spans[i];
		uint64_t end = span->offset + span->bytes;

		for (size_t j = carve_survey_at(survey, span->offset);
		     j < survey->count; j++) {
			const struct carve_block *block = &survey->blocks[j];

			if (carve_block_offset(survey, block) >= end)
				break;
			if (block->holder == CARVE_SURVEY_FIXED ||
			    !own[block->holder])
				return true;
		}
	}
	return false;
}

/* Find its windows. Return: whether it may have them. */
static bool find(struct carve_window *window, struct carve_waiter *waiter)
{
	struct carve_wish *wishes = carve_picture_room()->wishes;
	size_t count = waiter->wishes(waiter, wishes, CARVE_SURVEY_MANY);
	struct carve_survey *survey;

	if (!count)
		return false;
	survey = carve_picture_take_fixed(window->region);
	if (!carve_survey_find_all(survey, wishes, count, window->earmark.spans,
				   NULL))
		return false;
	window->earmark.count = count;
	return waiter->timeout_nsec != UINT64_MAX ||
	       !others_have(window, waiter->who->uid);
}

static bool take(struct carve_window *window, struct carve_waiter *waiter,
		 uint64_t now_usec)
{
	uint64_t until_usec = time_of(window, waiter->who->uid, now_usec);
	struct carve_waiter *before = window->owner;
	bool found;

	if (!until_usec || now_usec < waiter->look_usec ||
	    !carve_picture_begin(waiter->who, true))
		return false;
	/* It costs a look at all of the region: not at every occasion. */
	waiter->look_usec = now_usec + CARVE_WINDOW_USEC;
	end(window);
	found = find(window, waiter);
	carve_picture_end(waiter->who);
	if (!found) {
		end(window);
		/* Its windows are lost, and are found anew next time. */
		if (before)
			before->look_usec = 0;
		return false;
	}
	if (until_usec == now_usec + CARVE_WINDOW_USEC) {
		window->last_uid = waiter->who->uid;
		window->period_usec = now_usec;
	}
	window->owner = waiter;
	window->until_usec = until_usec;
	return true;
}

void carve_window_settle(struct carve_window *window, struct carve_queue *queue,
			 uint64_t now_usec)
{
	struct carve_waiter *waiter;

	TAILQ_FOREACH(waiter, &queue->waiters, link) {
		/* Whoever has it keeps it, but for higher priority. */
		if (window->owner &&
		    waiter->priority <= window->owner->priority)
			return;
		/* Behind this one nobody is served anyway. */
		if (waiter == queue->blocking)
			return;
		if (waiter->wishes && waiter->who &&
		    take(window, waiter, now_usec))
			return;
	}
}

uint64_t carve_window_wakes(const struct carve_window *window,
			    const struct carve_queue *queue, uint64_t now_usec)
{
	uint64_t again = window->period_usec + 2 * CARVE_WINDOW_USEC;

	if (window->owner)
		return window->until_usec;
	/* Somebody's rest may be over then. */
	return queue->count && window->period_usec && again > now_usec ?
		       again : UINT64_MAX;
}

bool carve_window_shut(struct carve_window *window,
		       const struct carve_waiter *waiter)
{
	if (!window->owner || window->owner == waiter ||
	    window->owner->priority < waiter->priority)
		return false;
	carve_earmark_shut(&window->earmark, &window->region->placement);
	return true;
}

void carve_window_open(struct carve_window *window)
{
	carve_earmark_open(&window->earmark, &window->region->placement);
}

int carve_window_place(struct carve_window *window,
		       const struct carve_waiter *waiter,
		       struct carve_extent *const *extents, size_t count)
{
	if (window->owner != waiter || window->earmark.count != count)
		return -ENOSPC;
	return carve_earmark_place(&window->earmark, &window->region->placement,
				   extents);
}
