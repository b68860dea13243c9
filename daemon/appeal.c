// SPDX-License-Identifier: MIT
#include "appeal.h"

#include <stdbool.h>
#include <stddef.h>

#include "identity.h"
#include "picture.h"
#include "queue.h"
#include "region.h"

/*
 * Requests whose lack is looked for in one appeal, in all and of one user: each
 * takes a look at all of the region. More than one, since what nobody's memory
 * would help must not silence those behind it.
 */
#define LOOKS		8
#define LOOKS_OF_USER	2

#define NOBODY		((uid_t)-1)

/* The first that others could help, or NULL. */
static struct carve_waiter *first_of(const struct carve_queue *queue)
{
	struct carve_waiter *waiter;

	TAILQ_FOREACH(waiter, &queue->waiters, link)
		if (waiter->lacks && waiter->wishes)
			return waiter;
	return NULL;
}

/* Bytes that have to come back for these; 0: that would not help. */
static uint64_t lack_of(struct carve_region *region,
			const struct carve_wish *wishes, size_t count)
{
	struct carve_span *spans = carve_picture_room()->spans;
	struct carve_survey *survey = carve_picture_take_fixed(region);
	uint64_t bytes = 0;

	if (!carve_survey_find_all(survey, wishes, count, spans, NULL))
		return 0;
	survey = carve_picture_take_fixed(region);
	for (size_t i = 0; i < count; i++)
		bytes += carve_survey_bytes(survey, &spans[i]);
	return bytes;
}

static bool may_look(const uid_t *looked, size_t count, uid_t uid)
{
	size_t of_user = 0;

	for (size_t i = 0; i < count; i++)
		of_user += looked[i] == uid;
	return of_user < LOOKS_OF_USER;
}

/* Of the first that it would help. Return: 0 when there is none. */
static uint64_t first_lack(struct carve_region *region,
			   const struct carve_queue *queue)
{
	struct carve_wish *wishes = carve_picture_room()->wishes;
	struct carve_waiter *waiter = first_of(queue);
	uid_t looked[LOOKS];
	uint64_t bytes = 0;
	size_t looks = 0;

	for (; waiter && !bytes && looks < LOOKS;
	     waiter = TAILQ_NEXT(waiter, link)) {
		uid_t uid = waiter->who ? waiter->who->uid : NOBODY;
		size_t count;

		if (!waiter->lacks || !waiter->wishes ||
		    !may_look(looked, looks, uid))
			continue;
		/* None of what its own limits forbid, which costs nothing. */
		count = waiter->wishes(waiter, wishes, CARVE_SURVEY_MANY);
		if (!count)
			continue;
		bytes = lack_of(region, wishes, count);
		looked[looks++] = uid;
	}
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
	uint64_t bytes;

	if (!appeal->tell || now_usec < appeal->next_usec || !first_of(queue))
		return;
	appeal->last_usec = now_usec;
	appeal->next_usec = now_usec + CARVE_APPEAL_USEC;
	bytes = first_lack(appeal->region, queue);
	if (bytes)
		appeal->tell(appeal->region, bytes, appeal->data);
}

uint64_t carve_appeal_wakes(const struct carve_appeal *appeal,
			    const struct carve_queue *queue)
{
	return appeal->tell && first_of(queue) ? appeal->next_usec : UINT64_MAX;
}
