// SPDX-License-Identifier: MIT
/* Windows for several wishes at a time. */
#include "survey.h"

#include <string.h>

/* The largest first, equal ones as they come. */
static void sort(const struct carve_wish *wishes, size_t count, uint16_t *order)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = i;

		for (; at && wishes[order[at - 1]].bytes < wishes[i].bytes; at--)
			order[at] = order[at - 1];
		order[at] = (uint16_t)i;
	}
}

/* Whoever is in the window has to go, and then is nowhere any more. */
static void clear(struct carve_survey *survey, const struct carve_span *span,
		  bool *needed)
{
	uint64_t end = span->offset + span->bytes;
	size_t i = carve_survey_at(survey, span->offset);

	while (i < survey->count &&
	       carve_block_offset(survey, &survey->blocks[i]) < end) {
		uint32_t holder = survey->blocks[i].holder;

		needed[holder] = true;
		carve_survey_drop(survey, holder);
		i = carve_survey_at(survey, span->offset);
	}
}

bool carve_survey_find_all(struct carve_survey *survey,
			   const struct carve_wish *wishes, size_t count,
			   struct carve_span *spans, bool *needed)
{
	uint16_t order[CARVE_SURVEY_MANY];

	if (count > CARVE_SURVEY_MANY ||
	    (survey->count + 1) * count > CARVE_SURVEY_WORK)
		return false;
	if (needed)
		memset(needed, 0, CARVE_SURVEY_HOLDERS * sizeof(needed[0]));
	sort(wishes, count, order);
	for (size_t i = 0; i < count; i++) {
		struct carve_span *span = &spans[order[i]];

		if (!carve_survey_find(survey, &wishes[order[i]], needed ?
				       CARVE_SURVEY_HOLDERS_IN :
				       CARVE_SURVEY_BYTES, span))
			return false;
		if (needed)
			clear(survey, span, needed);
		if (!carve_survey_take(survey, span))
			return false;
	}
	return true;
}
