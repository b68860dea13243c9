// SPDX-License-Identifier: MIT
/* carvectl reservations: what is set aside, and for whom. */
#include <string.h>

#include "carvectl.h"

enum { ID, REGION, BYTES, LIVE_BYTES, SLOTS, LIVE, UID, USER, PID, COMMAND,
       STATE, CONFIGURED, NAME };

static const struct carvectl_column columns[] = {
	[ID] = { "ID", "id", true, SCOLS_JSON_NUMBER },
	[REGION] = { "REGION", "region", false, SCOLS_JSON_STRING },
	[BYTES] = { "SIZE", "bytes", true, SCOLS_JSON_NUMBER },
	[LIVE_BYTES] = { "LIVE", "live_bytes", true, SCOLS_JSON_NUMBER },
	[SLOTS] = { "BUFFERS", "slots", true, SCOLS_JSON_NUMBER },
	[LIVE] = { "ALIVE", "live", true, SCOLS_JSON_NUMBER },
	[UID] = { NULL, "uid", true, SCOLS_JSON_NUMBER },
	[USER] = { "USER", "user", false, SCOLS_JSON_STRING },
	[PID] = { "PID", "pid", true, SCOLS_JSON_NUMBER },
	[COMMAND] = { "COMMAND", "command", false, SCOLS_JSON_STRING },
	[STATE] = { "STATE", "state", false, SCOLS_JSON_STRING },
	[CONFIGURED] = { NULL, "configured", false, SCOLS_JSON_BOOLEAN },
	[NAME] = { "NAME", "name", false, SCOLS_JSON_STRING },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

/* One of the configuration is there before anybody uses it. */
static const char *state(const struct carve_reservation_info *info)
{
	if (info->flags & CARVE_RESERVATION_PENDING)
		return "pending";
	if (!(info->flags & CARVE_RESERVATION_CONFIGURED))
		return "granted";
	return info->flags & CARVE_RESERVATION_CLAIMED ? "claimed" : "unclaimed";
}

static void set_owner(struct carvectl_table *table, struct libscols_line *row,
		      const struct carve_reservation_info *info)
{
	bool known = info->flags & CARVE_RESERVATION_KNOWN;
	char text[CARVECTL_TEXT];

	carvectl_table_set(table, row, USER, known ?
			   carvectl_user(info->uid, text) : NULL);
	carvectl_table_set(table, row, NAME, known && *info->name ?
			   carvectl_clean(info->name, text) : NULL);
	if (known)
		carvectl_table_set_number(table, row, UID, info->uid);
	if (!known || info->pid <= 0) {
		carvectl_table_set(table, row, PID, NULL);
		carvectl_table_set(table, row, COMMAND, NULL);
		return;
	}
	carvectl_table_set_number(table, row, PID, info->pid);
	carvectl_command(info->pid, text);
	carvectl_table_set(table, row, COMMAND, strcmp(text, "-") ? text : NULL);
}

static void add(struct carvectl_table *table, bool exact,
		const struct carve_reservation_info *info)
{
	struct libscols_line *row = carvectl_table_row(table);
	char text[CARVECTL_TEXT];

	carvectl_table_set_number(table, row, ID, info->id);
	carvectl_table_set(table, row, REGION, carvectl_clean(info->region, text));
	carvectl_table_set(table, row, BYTES,
			   carvectl_size(info->bytes, exact, text));
	carvectl_table_set(table, row, LIVE_BYTES,
			   carvectl_size(info->live_bytes, exact, text));
	carvectl_table_set_number(table, row, SLOTS, info->slots);
	carvectl_table_set_number(table, row, LIVE, info->live);
	set_owner(table, row, info);
	carvectl_table_set(table, row, STATE, state(info));
	carvectl_table_set_number(table, row, CONFIGURED,
				  !!(info->flags & CARVE_RESERVATION_CONFIGURED));
}

int carvectl_reservations(const struct carvectl *ctl)
{
	struct carve_reservations *list;
	struct carvectl_table table;
	size_t shown = 0;
	int r;

	r = carve_reservations_new(ctl->carve, &list);
	if (r < 0)
		return carvectl_fail_call("cannot ask for the reservations", r);

	carvectl_table_init(&table, ctl->json, "reservations", columns,
			    N_COLUMNS);
	for (size_t i = 0; i < carve_reservations_count(list); i++) {
		const struct carve_reservation_info *info =
			carve_reservations_get(list, i);

		if (ctl->region && strcmp(ctl->region, info->region))
			continue;
		add(&table, ctl->exact || ctl->json, info);
		shown++;
	}
	carve_reservations_free(list);
	r = carvectl_table_done(&table);
	if (r == 0 && !shown && !ctl->json)
		puts("No reservations.");
	return r;
}
