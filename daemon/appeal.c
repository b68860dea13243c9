// SPDX-License-Identifier: MIT
#include "appeal.h"

#include <stddef.h>

#include "picture.h"
#include "queue.h"
#include "region.h"

/* The first that others could help, or NULL. */
static struct carve_waiter *first_of(const struct carve_queue *queue)
{
	struct carve_waiter *waiter;

	TAILQ_FOREACH(waiter, &queue->waiters, link)
		if (waiter->lacks && waiter->wishes)
			return waiter;
	return NULL;
}

/* Bytes that have to come back for it; 0: that would not help. */
static uint64_t lack_of(struct carve_region *region, struct carve_waiter *waiter)
{
	static struct carve_wish wishes[CARVE_SURVEY_MANY];
	static struct carve_span spans[CARVE_SURVEY_MANY];
	size_t count = waiter->wishes(waiter, wishes, CARVE_SURVEY_MANY);
	struct carve_survey *survey = carve_picture_take_fixed(region);
	uint64_t bytes = 0;

	if (!count ||
	    !carve_survey_find_all(survey, wishes, count, spans, NULL))
		return 0;
	survey = carve_picture_take_fixed(region);
	for (size_t i = 0; i < count; i++)
		bytes += carve_survey_bytes(survey, &spans[i]);
	return bytes;
}

void carve_appeal_new(struct carve_appeal *appeal, uint64_t now_usec)
{
	uint64_t soon = appeal->last_usec + CARVE_APPEAL_NEW_USEC;

	appeal->next_usec = soon > now_usec ? soon : now_usec;
}

void carve_appeal_settle(struct carve_appeal *appeal,
			 const struct carve_queue *queue, uint64_t now_usec)
{
	struct carve_waiter *waiter = first_of(queue);
	uint64_t bytes;

	if (!waiter || !appeal->tell || now_usec < appeal->next_usec)
		return;
	appeal->last_usec = now_usec;
	appeal->next_usec = now_usec + CARVE_APPEAL_USEC;
	bytes = lack_of(appeal->region, waiter);
	if (bytes)
		appeal->tell(appeal->region, bytes, appeal->data);
}

uint64_t carve_appeal_wakes(const struct carve_appeal *appeal,
			    const struct carve_queue *queue)
{
	return appeal->tell && first_of(queue) ? appeal->next_usec : UINT64_MAX;
}
