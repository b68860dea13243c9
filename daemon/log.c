// SPDX-License-Identifier: MIT
#include "log.h"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_USEC	5000000U
#define LIMIT_ENTRIES	10
#define TEXT_MAX	512
#define MORE_MAX	6

static bool to_journal;
static int most_verbose = LOG_INFO;

/* systemd.exec(5): $JOURNAL_STREAM is device:inode of the stderr it gave us. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

void carve_log_init(bool verbose)
{
	to_journal = stderr_is_journal();
	most_verbose = verbose ? LOG_DEBUG : LOG_INFO;
}

bool carve_log_wanted(int priority)
{
	return priority <= most_verbose;
}

struct fields {
	struct iovec iov[7 + MORE_MAX];
	char text[7][TEXT_MAX + 16];
	int count;
};

__attribute__((format(printf, 2, 3)))
static void add_field(struct fields *fields, const char *format, ...)
{
	char *text = fields->text[fields->count];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(fields->text[0]), format, args);
	va_end(args);
	fields->iov[fields->count++] =
		(struct iovec){ .iov_base = text, .iov_len = strlen(text) };
}

static int send_to_journal(int priority, const struct carve_log_about *about,
			   const char *text)
{
	struct fields fields = { .count = 0 };

	add_field(&fields, "MESSAGE=%s", text);
	add_field(&fields, "PRIORITY=%d", priority);
	add_field(&fields, "SYSLOG_IDENTIFIER=carved");
	if (about && about->region)
		add_field(&fields, "CARVE_REGION=%s", about->region);
	if (about && about->buffer)
		add_field(&fields, "CARVE_BUFFER=%" PRIu64, about->buffer);
	if (about && about->pid) {
		add_field(&fields, "CARVE_PID=%d", (int)about->pid);
		add_field(&fields, "CARVE_UID=%u", (unsigned int)about->uid);
	}
	for (int i = 0; about && about->more && about->more[i] && i < MORE_MAX; i++)
		fields.iov[fields.count++] = (struct iovec){
			.iov_base = (char *)about->more[i],
			.iov_len = strlen(about->more[i]),
		};
	return sd_journal_sendv(fields.iov, fields.count);
}

static void say(int priority, const struct carve_log_about *about,
		const char *text)
{
	if (!to_journal || send_to_journal(priority, about, text) < 0)
		fprintf(stderr, "carved: %s\n", text);
}

void carve_log(int priority, const struct carve_log_about *about,
	       const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	if (!carve_log_wanted(priority))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(priority, about, text);
}

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

void carve_log_limited(struct carve_log_limit *limit, int priority,
		       const struct carve_log_about *about,
		       const char *format, ...)
{
	uint64_t now = now_usec();
	char text[TEXT_MAX];
	va_list args;

	if (!carve_log_wanted(priority))
		return;
	if (!limit->since_usec || now - limit->since_usec > LIMIT_USEC) {
		unsigned int left_out = limit->left_out;

		*limit = (struct carve_log_limit){ .since_usec = now };
		if (left_out)
			carve_log(priority, NULL,
				  "%u entries like the next one were left out",
				  left_out);
	}
	if (limit->said >= LIMIT_ENTRIES) {
		limit->left_out++;
		return;
	}
	limit->said++;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(priority, about, text);
}
