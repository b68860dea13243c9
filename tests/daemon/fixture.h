/* SPDX-License-Identifier: MIT */
/*
 * A real daemon on a simulated region, of this build (with sanitizers under
 * SAN=1), and what the service tests do with it again and again. Everything
 * here fails the test at hand when it does not work.
 */
#ifndef CARVE_TESTS_FIXTURE_H
#define CARVE_TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/types.h>

#include <carve.h>

#include "../patience.h"

#define KIB	1024ULL
#define MIB	(1024 * KIB)
#define PAGE	((uint64_t)sysconf(_SC_PAGESIZE))

/*
 * The library's own: how long a call goes on without a connection. Tests in which a
 * daemon is gone for good have less time.
 */
extern uint64_t carve_patience_nsec;

/*
 * Nothing that is waited for may take longer; seconds, by patient_ms(). A process that
 * has watched a simulated region does not end before the kernel has looked at all
 * readers (SRCU), for which a busy machine was seen to take half a minute.
 */
#define PATIENCE 180

/**
 * struct daemon - one running carved
 * @dir: folder of its own, with the socket and what it wrote to stderr
 * @config: its carved.conf, empty at first; see daemon_configure()
 * @notify: socket on which it reports to the service manager
 * @status: the last STATUS= it sent
 * @user: run it as this user; set between daemon_prepare() and daemon_spawn()
 */
struct daemon {
	pid_t pid;
	char dir[40];
	char socket[64];
	char log[64];
	char config[64];
	int notify;
	char status[256];
	uid_t user;
};

/* The program that belongs to this build, or $CARVED. */
const char *daemon_path(void);

/* Make the folder, start nothing yet. Belongs to daemon_cleanup(). */
struct daemon *daemon_prepare(void);

/* Start with these arguments besides --socket, and wait until it is ready. */
struct daemon *daemon_start(const char *argument, ...) __attribute__((sentinel));

/* The same in a prepared folder. */
void daemon_start_again(struct daemon *daemon, const char *const *arguments);

/* Start without waiting; with --socket for DAEMON_SOCKET. */
enum { DAEMON_SOCKET = -1, DAEMON_NO_SOCKET = -2 };

/* @listen_fd: what the service manager would pass, or one of the above. */
void daemon_spawn(struct daemon *daemon, const char *const *arguments,
		  int listen_fd);

/* Write its configuration anew; it reads that when it starts and at SIGHUP. */
void daemon_configure(const struct daemon *daemon, const char *text);

/* Take in what it reports until READY=1. */
void daemon_wait_ready(struct daemon *daemon);

/* The next report, NUL terminated; false when none comes in @timeout_ms. */
bool daemon_next_report(struct daemon *daemon, char *text, size_t size,
			int timeout_ms);

/* Wait for its end. Return: the status of waitpid(). */
int daemon_wait(struct daemon *daemon);

/* None of its threads runs from then on; and all do again. */
void daemon_freeze(const struct daemon *daemon);
void daemon_thaw(const struct daemon *daemon);

/*
 * Ask it to end; it has to do so with status 0, leave no socket behind and
 * have said nothing that a sanitizer or an assertion says.
 */
void daemon_stop(struct daemon *daemon);

/* For a test's teardown: whatever still runs is killed, the folder removed. */
int daemon_cleanup(void **state);

/* What it wrote to stderr so far; to be freed. */
char *daemon_read_log(const struct daemon *daemon);

/* Nothing in the log that a sanitizer or an assertion wrote. */
void assert_log_clean(const struct daemon *daemon);

/* Open descriptors of the daemon. */
unsigned int daemon_fds(const struct daemon *daemon);
void assert_fds_become(const struct daemon *daemon, unsigned int count);

/* ---- clients ------------------------------------------------------------- */

struct carve *client_new(const struct daemon *daemon);
struct carve_buffer *client_alloc(struct carve *carve, uint64_t bytes,
				  const char *name);
struct carve_region_info client_region(struct carve *carve);

/* Wait until every byte of the region is clean, and nothing is left. */
void assert_all_clean(struct carve *carve);

/* Wait until as much is live, and all else is clean. */
void assert_live_becomes(struct carve *carve, uint64_t bytes);

/* ---- other processes ----------------------------------------------------- */

/*
 * Run @body in a process of its own; it ends with the process's status. A
 * failed assertion would run on in two processes: use CHILD_CHECK() there.
 */
pid_t child_start(int (*body)(void *data), void *data);
void child_expect(pid_t child, int status);

#define CHILD_CHECK(condition) do {					\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: in a child: %s\n", __FILE__,	\
			__LINE__, #condition);				\
		return 1;						\
	}								\
} while (0)

/* One descriptor over a Unix socket. Return: 0, or -1 and errno. */
int send_fd(int socket, int fd);
/* Return: the descriptor, or -1: none, nothing within PATIENCE, or the end. */
int receive_fd(int socket);

/* What another process tells through a pipe or a socket, with patience. */
void read_soon(int fd, void *data, size_t bytes);

/* Milliseconds of a clock that only goes forward. */
int64_t now_ms(void);
void sleep_ms(int ms);

/* Leave the test, saying why. */
#define skip_because(reason) do {					\
	print_message("# skipped: %s\n", reason);			\
	skip();								\
} while (0)

#define DAEMON_TEST(name) \
	{ #name, name, NULL, daemon_cleanup, NULL }

#endif /* CARVE_TESTS_FIXTURE_H */
