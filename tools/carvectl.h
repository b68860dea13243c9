/* SPDX-License-Identifier: MIT */
/*
 * carvectl: what its commands share. Everything is done through carve.h, as
 * any other program could.
 */
#ifndef CARVE_TOOLS_CARVECTL_H
#define CARVE_TOOLS_CARVECTL_H

#include <libsmartcols.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <carve.h>

/**
 * struct carvectl - the command line, and the connection
 * @carve: connection to the daemon
 * @socket_path: --socket; NULL for the library's default
 * @region: --region; NULL for the daemon's default region
 * @json: --json
 * @exact: --bytes
 * @bytes: of alloc, SIZE
 * @alignment: of alloc, --align; 0 for a page
 * @limit: of alloc, --limit; 0 for none
 * @guard_before, @guard_after: of alloc, in bytes
 * @name: of alloc, --name, or NULL
 * @claim: of reserve, --claim, or NULL
 * @count: of alloc, --count
 * @timeout_nsec: --timeout: how long to wait for others; 0 for not at all
 * @hold_ms: of alloc and reserve, --for; -1 for until interrupted
 * @classes: of reserve, @class_count with count and size
 */
struct carvectl {
	struct carve *carve;
	const char *socket_path;
	const char *region;
	bool json;
	bool exact;
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
	const char *name;
	const char *claim;
	unsigned int count;
	uint64_t timeout_nsec;
	int64_t hold_ms;
	struct carve_class classes[CARVE_CLASSES_MAX];
	unsigned int class_count;
};

/* The commands. Return: the exit status. */
int carvectl_status(const struct carvectl *ctl);
int carvectl_list(const struct carvectl *ctl);
int carvectl_alloc(const struct carvectl *ctl);
int carvectl_map(const struct carvectl *ctl);
int carvectl_reserve(const struct carvectl *ctl);
int carvectl_reservations(const struct carvectl *ctl);

/* ---- carvectl-alloc.c: what holds memory -------------------------------- */

/* From now on a signal asks for an orderly end. */
void carvectl_block_signals(sigset_t *signals);

/* Wait for one of them, or for the time to pass. */
void carvectl_hold(const struct carvectl *ctl, const sigset_t *signals);

/* Say why there is no memory. Return: 1. */
int carvectl_fail_alloc(const struct carvectl *ctl, int error,
			const struct carve_refusal *why);

/* ---- carvectl-reserve.c ------------------------------------------------- */

/* One more class: "COUNTxSIZE". Return: 0; -EINVAL; -E2BIG (too many). */
int carvectl_add_class(struct carvectl *ctl, const char *word);

/* ---- carvectl-text.c: values as text ----------------------------------- */

#define CARVECTL_TEXT	96	/* room for any of the texts below */

/**
 * carvectl_size() - bytes as people write them, or exactly
 * @exact: the number of bytes alone
 * @text: CARVECTL_TEXT bytes
 *
 * Return: @text.
 */
const char *carvectl_size(uint64_t bytes, bool exact, char *text);

/**
 * carvectl_parse_size() - "4096", "64K", "8M", "1.5GiB"
 * @ret: bytes
 *
 * Units are binary; what is not whole bytes is rounded up.
 *
 * Return: 0; -EINVAL; -ERANGE (beyond 64 bits).
 */
int carvectl_parse_size(const char *text, uint64_t *ret);

/**
 * carvectl_clean() - text of somebody else's, safe for a terminal and for XML
 * @from: at most CARVECTL_TEXT - 1 bytes of it are used
 * @text: CARVECTL_TEXT bytes; what is no printable UTF-8 becomes a question mark
 *
 * Return: @text.
 */
const char *carvectl_clean(const char *from, char *text);

/* The user's name, or the number where there is none. Return: @text. */
const char *carvectl_user(uint32_t uid, char *text);

/* The command of a process, "-" if it is gone. Return: @text. */
const char *carvectl_command(int32_t pid, char *text);

/* ---- carvectl-error.c: errors, each one line that says what to do ------ */

/* Say what went wrong. Return: 1, for the command to return. */
int carvectl_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Say why there is no connection. Return: 1. */
int carvectl_fail_connect(const struct carvectl *ctl, int error);

/* Say why a question was not answered. Return: 1. */
int carvectl_fail_call(const char *what, int error);

/* For -ENOSPC, -EDQUOT and -ETIMEDOUT: the numbers, and who has the memory. */
int carvectl_fail_refused(const struct carvectl *ctl, int error,
			  const struct carve_refusal *why);

/* ---- carvectl-table.c -------------------------------------------------- */

/**
 * struct carvectl_column - a column of a table
 * @heading: in the table; NULL for a column of the JSON alone
 * @key: in the JSON; NULL for a column of the table alone
 * @right: numbers go to the right
 * @type: SCOLS_JSON_*
 */
struct carvectl_column {
	const char *heading;
	const char *key;
	bool right;
	int type;
};

/**
 * struct carvectl_table - a table being filled
 * @table: libsmartcols' own
 * @columns: as given
 * @count: of them
 * @json: written as JSON
 * @failed: there was no memory
 */
struct carvectl_table {
	struct libscols_table *table;
	const struct carvectl_column *columns;
	size_t count;
	bool json;
	bool failed;
};

/**
 * carvectl_table_init() - an empty table
 * @name: of the JSON array
 * @columns: stay the caller's
 */
void carvectl_table_init(struct carvectl_table *table, bool json,
			 const char *name,
			 const struct carvectl_column *columns, size_t count);

/* Begin a row. Return: it, or NULL without memory. */
struct libscols_line *carvectl_table_row(struct carvectl_table *table);

/**
 * carvectl_table_set() - fill a cell
 * @text: copied; NULL for null in JSON and "-" in the table
 */
void carvectl_table_set(struct carvectl_table *table,
			struct libscols_line *row, size_t column,
			const char *text);

/* Fill a cell with a number. */
void carvectl_table_set_number(struct carvectl_table *table,
			       struct libscols_line *row, size_t column,
			       uint64_t number);

/* Print it to standard output and release it. Return: the exit status. */
int carvectl_table_done(struct carvectl_table *table);

#endif /* CARVE_TOOLS_CARVECTL_H */
