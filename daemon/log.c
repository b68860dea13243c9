// SPDX-License-Identifier: MIT
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_USEC	5000000U
#define LIMIT_ENTRIES	10
#define TEXT_MAX	512
#define MORE_MAX	6

static bool to_journal;
static int journal = -1;
static int most_verbose = LOG_INFO;
static unsigned int lost;

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
	if (to_journal)
		journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	most_verbose = verbose ? LOG_DEBUG : LOG_INFO;
}

bool carve_log_wanted(int priority)
{
	return priority <= most_verbose;
}

/**
 * struct fields - an entry on its way to the journal
 * @text: of the fields made here, each with a line end
 * @count: iovecs
 */
struct fields {
	struct iovec iov[7 + 2 * MORE_MAX];
	char text[7][TEXT_MAX + 16];
	int count;
};

static void add_text(struct fields *fields, const char *text)
{
	fields->iov[fields->count++] = (struct iovec){
		.iov_base = (char *)text,
		.iov_len = strlen(text),
	};
}

__attribute__((format(printf, 2, 3)))
static void add_field(struct fields *fields, const char *format, ...)
{
	char *text = fields->text[fields->count];
	size_t room = sizeof(fields->text[0]) - 1;
	va_list args;

	va_start(args, format);
	vsnprintf(text, room, format, args);
	va_end(args);
	strcat(text, "\n");
	add_text(fields, text);
}

/*
 * What systemd documents as the journal's native protocol. sd_journal_sendv()
 * does the same, but waits while journald's queue is full: a machine short of
 * memory, where journald hangs, is the last place for that.
 */
static int send_to_journal(const struct fields *fields)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX,
		.sun_path = "/run/systemd/journal/socket",
	};
	struct msghdr msg = {
		.msg_name = (void *)&address,
		.msg_namelen = sizeof(address),
		.msg_iov = (struct iovec *)fields->iov,
		.msg_iovlen = (size_t)fields->count,
	};

	if (sendmsg(journal, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static int say_to_journal(int priority, const struct carve_log_about *about,
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
	for (int i = 0; about && about->more && about->more[i] && i < MORE_MAX; i++) {
		add_text(&fields, about->more[i]);
		add_text(&fields, "\n");
	}
	return send_to_journal(&fields);
}

/* A pipe that somebody does not empty, a terminal that is stopped: not now. */
static int say_to_stderr(const char *text)
{
	struct pollfd pollfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[TEXT_MAX + 16];

	snprintf(line, sizeof(line), "carved: %s\n", text);
	if (poll(&pollfd, 1, 0) != 1)
		return -EAGAIN;
	/* Where that cannot be said, it cannot be said. */
	return write(STDERR_FILENO, line, strlen(line)) < 0 ? -errno : 0;
}

static int try_to_say(int priority, const struct carve_log_about *about,
		      const char *text)
{
	int r = to_journal ? say_to_journal(priority, about, text) : -ENOENT;

	return r == 0 || r == -EAGAIN ? r : say_to_stderr(text);
}

/* Never waits: what is not taken at once is lost, and that is said later. */
static void say(int priority, const struct carve_log_about *about, char *text)
{
	char missing[64];

	/* One entry, one line. */
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ' ';
	if (lost) {
		snprintf(missing, sizeof(missing), "%u entries were lost: nobody "
			 "took them", lost);
		if (try_to_say(LOG_WARNING, NULL, missing) == 0)
			lost = 0;
	}
	if (try_to_say(priority, about, text) == -EAGAIN)
		lost++;
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
