/* SPDX-License-Identifier: MIT */
/*
 * What the daemon says: structured entries in the journal when its stderr goes
 * there, else plain lines on stderr. Saying something never waits and allocates
 * nothing. Only the event loop's thread logs.
 */
#ifndef CARVE_DAEMON_LOG_H
#define CARVE_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h>

/**
 * struct carve_log_about - what an entry is about, for the journal's fields
 * @region: label (CARVE_REGION=), or NULL
 * @buffer: number (CARVE_BUFFER=), or 0
 * @pid: of the client (CARVE_PID= and CARVE_UID=), or 0
 * @uid: of the client; counts only when @pid is not 0
 * @more: NULL, or up to 6 further fields, "NAME=value", and a NULL behind them
 */
struct carve_log_about {
	const char *region;
	uint64_t buffer;
	pid_t pid;
	uid_t uid;
	const char *const *more;
};

/**
 * struct carve_log_limit - keeps what others can trigger from filling the disk
 *
 * At most 10 entries in 5 seconds; the next one let through says how many were
 * left out. Static, all zeros before its first use.
 */
struct carve_log_limit {
	uint64_t since_usec;
	unsigned int said;
	unsigned int left_out;
};

/* Find out where stderr goes. @verbose: also say what is LOG_DEBUG. */
void carve_log_init(bool verbose);

/* Is it worth putting together an entry of this priority? */
bool carve_log_wanted(int priority);

/**
 * carve_log() - say one line
 * @priority: LOG_ERR to LOG_DEBUG
 * @about: NULL, or what it is about
 * @format: without a line end
 */
__attribute__((format(printf, 3, 4)))
void carve_log(int priority, const struct carve_log_about *about,
	       const char *format, ...);

/* The same for what a client or an application can make happen. */
__attribute__((format(printf, 4, 5)))
void carve_log_limited(struct carve_log_limit *limit, int priority,
		       const struct carve_log_about *about,
		       const char *format, ...);

#endif /* CARVE_DAEMON_LOG_H */
