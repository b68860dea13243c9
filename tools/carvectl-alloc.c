// SPDX-License-Identifier: MIT
/* carvectl alloc: hold buffers and say what they are, until interrupted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "carvectl.h"

enum { ID, REGION, BYTES, OFFSET, INODE, USER, PID, MEMORY, NAME };

static const struct carvectl_column columns[] = {
	[ID] = { "ID", "id", true, SCOLS_JSON_NUMBER },
	[REGION] = { "REGION", "region", false, SCOLS_JSON_STRING },
	[BYTES] = { "SIZE", "bytes", true, SCOLS_JSON_NUMBER },
	[OFFSET] = { "OFFSET", "offset", true, SCOLS_JSON_NUMBER },
	[INODE] = { "INODE", "inode", true, SCOLS_JSON_NUMBER },
	[USER] = { "USER", "user", false, SCOLS_JSON_STRING },
	[PID] = { "PID", "pid", true, SCOLS_JSON_NUMBER },
	[MEMORY] = { NULL, "simulated", false, SCOLS_JSON_BOOLEAN },
	[NAME] = { "NAME", "name", false, SCOLS_JSON_STRING },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

int carvectl_fail_alloc(const struct carvectl *ctl, int error,
			const struct carve_refusal *why)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
	case -ETIMEDOUT:
		return carvectl_fail_refused(ctl, error, why);
	case -ENOENT:
		return carvectl_fail("there is no region '%s': 'carvectl status' "
				     "lists them", ctl->region ? ctl->region : "");
	case -ERANGE:
		return carvectl_fail("it would not even fit into the empty "
				     "region, below its limit, or its alignment is "
				     "above 1 GiB: 'carvectl status' shows the "
				     "sizes");
	case -EOPNOTSUPP:
		return carvectl_fail("a simulated region has no guards: leave "
				     "--guard-before and --guard-after out");
	case -EOVERFLOW:
		return carvectl_fail("the size is too large to be rounded up to "
				     "whole pages: ask for less");
	case -EMFILE:
		return carvectl_fail("each buffer takes a file descriptor, and "
				     "this process may have no more: raise "
				     "'ulimit -n' or ask for fewer");
	case -EBUSY:
		return carvectl_fail("the daemon has no file descriptor left: "
				     "try again, or raise LimitNOFILE= in "
				     "carved.service");
	case -EINVAL:
		return carvectl_fail("the daemon takes no such name, which has "
				     "to be UTF-8 without control characters, or "
				     "no such guards, which are whole pages");
	}
	return carvectl_fail_call("cannot allocate", error);
}

/* All or none: whatever fails ends the program, and with it what it holds. */
static int allocate(const struct carvectl *ctl, struct carve_buffer **buffers)
{
	struct carve_request requests[CARVE_ALLOC_MAX];
	struct carve_refusal why = CARVE_REFUSAL_INIT;

	for (size_t i = 0; i < CARVE_ALLOC_MAX; i++)
		requests[i] = (struct carve_request) {
			.struct_size = sizeof(requests[i]),
			.bytes = ctl->bytes,
			.alignment = ctl->alignment,
			.limit = ctl->limit,
			.guard_before = ctl->guard_before,
			.guard_after = ctl->guard_after,
			.name = ctl->name,
			.region = ctl->region,
			.timeout_nsec = ctl->timeout_nsec,
		};
	for (size_t done = 0; done < ctl->count;) {
		size_t left = ctl->count - done;
		size_t now = left < CARVE_ALLOC_MAX ? left : CARVE_ALLOC_MAX;
		int r = carve_alloc_many(ctl->carve, requests, now,
					 buffers + done, &why);

		if (r < 0)
			return carvectl_fail_alloc(ctl, r, &why);
		done += now;
	}
	return 0;
}

static int add_buffer(const struct carvectl *ctl, struct carvectl_table *table,
		      struct carve_buffer *buffer)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	bool exact = ctl->exact || ctl->json;
	struct libscols_line *row;
	char text[CARVECTL_TEXT];
	struct stat st;
	int r;

	r = carve_query(ctl->carve, carve_buffer_get_fd(buffer), &info);
	if (r < 0)
		return carvectl_fail_call("cannot ask what the buffer is", r);
	if (fstat(carve_buffer_get_fd(buffer), &st) < 0)
		return carvectl_fail_call("cannot look at the buffer", -errno);

	row = carvectl_table_row(table);
	carvectl_table_set_number(table, row, ID, info.id);
	carvectl_table_set(table, row, REGION, carvectl_clean(info.region, text));
	carvectl_table_set(table, row, BYTES,
			   carvectl_size(carve_buffer_get_bytes(buffer), exact, text));
	carvectl_table_set(table, row, OFFSET,
			   info.flags & CARVE_BUFFER_OFFSET_KNOWN ?
			   carvectl_size(info.offset, exact, text) : NULL);
	carvectl_table_set_number(table, row, INODE, st.st_ino);
	carvectl_table_set(table, row, USER, carvectl_user(info.uid, text));
	if (info.pid > 0)
		carvectl_table_set_number(table, row, PID, info.pid);
	else
		carvectl_table_set(table, row, PID, NULL);
	carvectl_table_set_number(table, row, MEMORY,
				  !!(info.flags & CARVE_BUFFER_SIMULATED));
	carvectl_table_set(table, row, NAME, *info.name ?
			   carvectl_clean(info.name, text) : NULL);
	return 0;
}

static int print(const struct carvectl *ctl, struct carve_buffer **buffers)
{
	struct carvectl_table table;
	int r = 0;

	carvectl_table_init(&table, ctl->json, "buffers", columns, N_COLUMNS);
	for (size_t i = 0; r == 0 && i < ctl->count; i++)
		r = add_buffer(ctl, &table, buffers[i]);
	if (r != 0) {
		scols_unref_table(table.table);
		return r;
	}
	return carvectl_table_done(&table);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void carvectl_hold(const struct carvectl *ctl, const sigset_t *signals)
{
	int64_t end_ms = now_ms() + ctl->hold_ms, left_ms;
	int signal = -1;

	if (ctl->hold_ms < 0) {
		fprintf(stderr, "carvectl: holding until interrupted (Ctrl-C)\n");
		while (signal < 0)
			signal = sigwaitinfo(signals, NULL);
		return;
	}
	/* Being stopped and continued ends a wait early. */
	while (signal < 0 && (left_ms = end_ms - now_ms()) > 0) {
		struct timespec left = {
			.tv_sec = left_ms / 1000,
			.tv_nsec = left_ms % 1000 * 1000000,
		};

		signal = sigtimedwait(signals, NULL, &left);
	}
}

void carvectl_block_signals(sigset_t *signals)
{
	struct sigaction hangup;

	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	/* Under nohup the end of the terminal is not to be noticed. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(signals, SIGHUP);
	sigprocmask(SIG_BLOCK, signals, NULL);
}

int carvectl_alloc(const struct carvectl *ctl)
{
	struct carve_buffer **buffers;
	sigset_t signals;
	int r;

	buffers = calloc(ctl->count, sizeof(*buffers));
	if (!buffers)
		return carvectl_fail("out of memory: ask for fewer buffers");
	r = allocate(ctl, buffers);

	/* From here on a signal asks for an orderly end. */
	carvectl_block_signals(&signals);
	if (r == 0)
		r = print(ctl, buffers);
	if (r == 0 && fflush(stdout) != 0)
		r = carvectl_fail("cannot write: %m");
	if (r == 0)
		carvectl_hold(ctl, &signals);

	for (size_t i = 0; i < ctl->count; i++)
		carve_buffer_unref(buffers[i]);
	free(buffers);
	return r;
}
