// SPDX-License-Identifier: MIT
/* Tables by libsmartcols, one definition for people and for JSON. */
#include <inttypes.h>

#include "carvectl.h"

static const char *title(const struct carvectl_table *table, size_t column)
{
	const struct carvectl_column *it = &table->columns[column];

	return table->json ? it->key : it->heading;
}

/* Where a column has gone, those of the other kind of output being left out. */
static size_t place(const struct carvectl_table *table, size_t column)
{
	size_t at = 0;

	for (size_t i = 0; i < column; i++)
		at += title(table, i) != NULL;
	return at;
}

void carvectl_table_init(struct carvectl_table *table, bool json,
			 const char *name,
			 const struct carvectl_column *columns, size_t count)
{
	*table = (struct carvectl_table) {
		.table = scols_new_table(),
		.columns = columns,
		.count = count,
		.json = json,
	};
	if (!table->table) {
		table->failed = true;
		return;
	}
	table->failed = scols_table_enable_json(table->table, json) ||
			scols_table_set_name(table->table, name);

	for (size_t i = 0; i < count; i++) {
		struct libscols_column *column;

		if (!title(table, i))
			continue;
		column = scols_table_new_column(table->table, title(table, i), 0,
						columns[i].right ?
						SCOLS_FL_RIGHT : 0);
		if (!column ||
		    scols_column_set_json_type(column, columns[i].type))
			table->failed = true;
	}
}

struct libscols_line *carvectl_table_row(struct carvectl_table *table)
{
	struct libscols_line *row = NULL;

	if (!table->failed)
		row = scols_table_new_line(table->table, NULL);
	if (!row)
		table->failed = true;
	return row;
}

void carvectl_table_set(struct carvectl_table *table,
			struct libscols_line *row, size_t column,
			const char *text)
{
	if (table->failed || !title(table, column))
		return;
	if (!text && !table->json)
		text = "-";
	if (text && scols_line_set_data(row, place(table, column), text))
		table->failed = true;
}

void carvectl_table_set_number(struct carvectl_table *table,
			       struct libscols_line *row, size_t column,
			       uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	carvectl_table_set(table, row, column, text);
}

int carvectl_table_done(struct carvectl_table *table)
{
	bool failed = table->failed || scols_print_table(table->table);

	scols_unref_table(table->table);
	return failed ? carvectl_fail("out of memory") : 0;
}
