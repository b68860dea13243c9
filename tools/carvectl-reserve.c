// SPDX-License-Identifier: MIT
/* carvectl reserve: hold a reservation, until interrupted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "carvectl.h"

enum { CLASS, COUNT, BYTES, ALIGNMENT, LIMIT, BEFORE, AFTER };

static const struct carvectl_column columns[] = {
	[CLASS] = { "CLASS", "class", true, SCOLS_JSON_NUMBER },
	[COUNT] = { "COUNT", "count", true, SCOLS_JSON_NUMBER },
	[BYTES] = { "SIZE", "bytes", true, SCOLS_JSON_NUMBER },
	[ALIGNMENT] = { "ALIGN", "alignment", true, SCOLS_JSON_NUMBER },
	[LIMIT] = { NULL, "limit", true, SCOLS_JSON_NUMBER },
	[BEFORE] = { NULL, "guard_before", true, SCOLS_JSON_NUMBER },
	[AFTER] = { NULL, "guard_after", true, SCOLS_JSON_NUMBER },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

int carvectl_add_class(struct carvectl *ctl, const char *word)
{
	struct carve_class *class = &ctl->classes[ctl->class_count];
	char *end;
	long count;

	if (ctl->class_count == CARVE_CLASSES_MAX)
		return -E2BIG;
	errno = 0;
	count = strtol(word, &end, 10);
	if (errno || end == word || *end != 'x' || count < 1 ||
	    count > CARVE_SLOTS_MAX)
		return -EINVAL;
	*class = (struct carve_class)CARVE_CLASS_INIT;
	class->count = (uint32_t)count;
	if (carvectl_parse_size(end + 1, &class->bytes) < 0 || !class->bytes)
		return -EINVAL;
	ctl->class_count++;
	return 0;
}

static int fail_reserve(const struct carvectl *ctl, int error,
			const struct carve_refusal *why)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
	case -ETIMEDOUT:
		/* Its size says which class it is. */
		return carvectl_fail_alloc(ctl, error, why);
	case -EINVAL:
		return carvectl_fail("a reservation may be for %d buffers of %d "
				     "classes, its name may have 31 bytes of "
				     "UTF-8 without control characters, and "
				     "guards are whole pages", CARVE_SLOTS_MAX,
				     CARVE_CLASSES_MAX);
	case -EBUSY:
		return carvectl_fail("this connection has too many reservations");
	}
	return carvectl_fail_alloc(ctl, error, why);
}

static int print(const struct carvectl *ctl,
		 const struct carve_reservation *reservation)
{
	bool exact = ctl->exact || ctl->json;
	struct carvectl_table table;

	carvectl_table_init(&table, ctl->json, "classes", columns, N_COLUMNS);
	for (size_t i = 0; i < carve_reservation_count(reservation); i++) {
		const struct carve_class *class =
			carve_reservation_get(reservation, i);
		struct libscols_line *row = carvectl_table_row(&table);
		char text[CARVECTL_TEXT];

		carvectl_table_set_number(&table, row, CLASS, i);
		carvectl_table_set_number(&table, row, COUNT, class->count);
		carvectl_table_set(&table, row, BYTES,
				   carvectl_size(class->bytes, exact, text));
		carvectl_table_set(&table, row, ALIGNMENT,
				   carvectl_size(class->alignment, exact, text));
		carvectl_table_set_number(&table, row, LIMIT, class->limit);
		carvectl_table_set_number(&table, row, BEFORE,
					  class->guard_before);
		carvectl_table_set_number(&table, row, AFTER,
					  class->guard_after);
	}
	return carvectl_table_done(&table);
}

/* Return: 0; 1, and it is said why. */
static int reserve(const struct carvectl *ctl, struct carve_reservation **ret)
{
	struct carve_refusal why = CARVE_REFUSAL_INIT;
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_class classes[CARVE_CLASSES_MAX];
	int r;

	for (unsigned int i = 0; i < ctl->class_count; i++) {
		classes[i] = ctl->classes[i];
		classes[i].alignment = ctl->alignment;
		classes[i].limit = ctl->limit;
		classes[i].guard_before = ctl->guard_before;
		classes[i].guard_after = ctl->guard_after;
	}
	profile.classes = classes;
	profile.class_count = ctl->class_count;
	profile.region = ctl->region;
	profile.name = ctl->name;
	profile.timeout_nsec = ctl->timeout_nsec;
	r = carve_reserve(ctl->carve, &profile, ret, &why);
	return r < 0 ? fail_reserve(ctl, r, &why) : 0;
}

static int fail_claim(const struct carvectl *ctl, int error)
{
	switch (error) {
	case -ENOENT:
	case -EINVAL:
		return carvectl_fail("there is no reservation '%s' in the "
				     "configuration of carved", ctl->claim);
	case -EACCES:
		return carvectl_fail("reservation '%s' is for another user or "
				     "unit; carved.conf says for whom",
				     ctl->claim);
	case -EBUSY:
		return carvectl_fail("reservation '%s' is claimed already; "
				     "carvectl reservations shows by whom",
				     ctl->claim);
	case -ENOSPC:
	case -ETIMEDOUT:
		return carvectl_fail("reservation '%s' is pending: it does not "
				     "fit beside what is alive; carvectl list "
				     "shows what that is, and --timeout waits",
				     ctl->claim);
	}
	return carvectl_fail_alloc(ctl, error, NULL);
}

/* Return: 0; 1, and it is said why. */
static int claim(const struct carvectl *ctl, struct carve_reservation **ret)
{
	int r = carve_reservation_claim(ctl->carve, ctl->claim,
					ctl->timeout_nsec, ret);

	return r < 0 ? fail_claim(ctl, r) : 0;
}

int carvectl_reserve(const struct carvectl *ctl)
{
	struct carve_reservation *reservation;
	sigset_t signals;
	int r = ctl->claim ? claim(ctl, &reservation) :
			     reserve(ctl, &reservation);

	if (r != 0)
		return r;

	/* From here on a signal asks for an orderly end. */
	carvectl_block_signals(&signals);
	r = print(ctl, reservation);
	if (r == 0 && fflush(stdout) != 0)
		r = carvectl_fail("cannot write: %m");
	if (r == 0)
		carvectl_hold(ctl, &signals);
	carve_reservation_free(reservation);
	return r;
}
