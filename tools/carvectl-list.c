// SPDX-License-Identifier: MIT
/* carvectl list: the buffers, and who holds them. */
#include <string.h>

#include "carvectl.h"

enum { ID, REGION, BYTES, OFFSET, UID, USER, PID, COMMAND, STATE, NAME };

static const struct carvectl_column columns[] = {
	[ID] = { "ID", "id", true, SCOLS_JSON_NUMBER },
	[REGION] = { "REGION", "region", false, SCOLS_JSON_STRING },
	[BYTES] = { "SIZE", "bytes", true, SCOLS_JSON_NUMBER },
	[OFFSET] = { "OFFSET", "offset", true, SCOLS_JSON_NUMBER },
	[UID] = { NULL, "uid", true, SCOLS_JSON_NUMBER },
	[USER] = { "USER", "user", false, SCOLS_JSON_STRING },
	[PID] = { "PID", "pid", true, SCOLS_JSON_NUMBER },
	[COMMAND] = { "COMMAND", "command", false, SCOLS_JSON_STRING },
	[STATE] = { "STATE", "state", false, SCOLS_JSON_STRING },
	[NAME] = { "NAME", "name", false, SCOLS_JSON_STRING },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

static void set_owner(struct carvectl_table *table, struct libscols_line *row,
		      const struct carve_buffer_info *buffer)
{
	bool known = buffer->flags & CARVE_BUFFER_OWNER_KNOWN;
	char text[CARVECTL_TEXT];

	carvectl_table_set(table, row, USER, known ?
			   carvectl_user(buffer->uid, text) : NULL);
	carvectl_table_set(table, row, NAME, known && *buffer->name ?
			   carvectl_clean(buffer->name, text) : NULL);
	if (known)
		carvectl_table_set_number(table, row, UID, buffer->uid);
	if (!known || buffer->pid <= 0) {
		carvectl_table_set(table, row, PID, NULL);
		carvectl_table_set(table, row, COMMAND, NULL);
		return;
	}
	carvectl_table_set_number(table, row, PID, buffer->pid);
	carvectl_command(buffer->pid, text);
	carvectl_table_set(table, row, COMMAND, strcmp(text, "-") ? text : NULL);
}

static const char *state(const struct carve_buffer_info *buffer)
{
	if (buffer->flags & CARVE_BUFFER_DIRTY)
		return "dirty";
	/* Memory of a reservation with a buffer in it is that buffer. */
	return buffer->flags & CARVE_BUFFER_RESERVED && !buffer->id ?
		"reserved" : "live";
}

static void add_buffer(struct carvectl_table *table, bool exact,
		       const struct carve_buffer_info *buffer)
{
	struct libscols_line *row = carvectl_table_row(table);
	char text[CARVECTL_TEXT];

	if (buffer->id)
		carvectl_table_set_number(table, row, ID, buffer->id);
	else
		carvectl_table_set(table, row, ID, NULL);
	carvectl_table_set(table, row, REGION, carvectl_clean(buffer->region, text));
	carvectl_table_set(table, row, BYTES,
			   carvectl_size(buffer->bytes, exact, text));
	carvectl_table_set(table, row, OFFSET,
			   buffer->flags & CARVE_BUFFER_OFFSET_KNOWN ?
			   carvectl_size(buffer->offset, exact, text) : NULL);
	set_owner(table, row, buffer);
	carvectl_table_set(table, row, STATE,
			   state(buffer));
}

int carvectl_list(const struct carvectl *ctl)
{
	struct carve_buffers *buffers;
	struct carvectl_table table;
	size_t shown = 0;
	int r;

	r = carve_buffers_new(ctl->carve, &buffers);
	if (r < 0)
		return carvectl_fail_call("cannot ask for the buffers", r);

	carvectl_table_init(&table, ctl->json, "buffers", columns, N_COLUMNS);
	for (size_t i = 0; i < carve_buffers_count(buffers); i++) {
		const struct carve_buffer_info *buffer = carve_buffers_get(buffers, i);

		if (ctl->region && strcmp(ctl->region, buffer->region))
			continue;
		add_buffer(&table, ctl->exact || ctl->json, buffer);
		shown++;
	}
	carve_buffers_free(buffers);
	r = carvectl_table_done(&table);
	if (r == 0 && !shown && !ctl->json)
		puts("No buffers.");
	return r;
}
