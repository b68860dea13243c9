/* SPDX-License-Identifier: MIT */
/*
 * What systemd is to the daemon, for tests: it holds the listening socket, keeps
 * descriptors (sd_notify(3), FDSTORE=1), and starts the daemon again at once,
 * however it ended. It runs in a process of its own, so that a test may wait for
 * the daemon meanwhile. What fails here fails the test at hand.
 */
#ifndef CARVE_TESTS_SUPERVISOR_H
#define CARVE_TESTS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fixture.h"

#define SUPERVISOR_NAMES	8

struct supervisor;

/**
 * struct supervisor_status - how it is now
 * @pid: of the daemon; 0: none runs
 * @starts: so many have been started
 * @ready: this one has said READY=1
 * @failures: daemons that ended on their own, that is neither by SIGKILL nor with
 *	status 0; after many of these no other is started
 * @failure: the last of their statuses of waitpid()
 * @stored: descriptors in the store
 * @refused: descriptors that came when the store was full
 * @kept: how many were put into it in all
 */
struct supervisor_status {
	pid_t pid;
	unsigned int starts;
	bool ready;
	unsigned int failures;
	int failure;
	unsigned int stored;
	unsigned int refused;
	unsigned int kept;
};

/**
 * supervisor_start() - listen, and start the daemon under supervision
 * @daemon: from daemon_prepare(), which gives the paths; the socket's name is
 *	there when this returns, the daemon may not be ready
 * @arguments: more arguments, NULL at the end; read until supervisor_stop()
 *
 * Return: supervisor_stop(). It ends with the test, too, and takes the daemon
 * with it.
 */
struct supervisor *supervisor_start(const struct daemon *daemon,
				    const char *const *arguments);

struct supervisor_status supervisor_get_status(struct supervisor *supervisor);

/* Send the daemon that runs now, if any, a signal. */
void supervisor_signal(struct supervisor *supervisor, int signal);

/* SIGKILL, and wait until another one has been started. Ready is another thing. */
void supervisor_kill(struct supervisor *supervisor);

/* SIGTERM, and wait likewise: what "systemctl restart" does. */
void supervisor_restart(struct supervisor *supervisor);

/* Wait until the daemon that runs is ready. */
void supervisor_wait_ready(struct supervisor *supervisor);

/* Start this program from now on; NULL: the build's own. */
void supervisor_set_program(struct supervisor *supervisor, const char *path);

/* SIGKILL it, and start no other until supervisor_go_on(). */
void supervisor_pause(struct supervisor *supervisor);
void supervisor_go_on(struct supervisor *supervisor);

/*
 * A descriptor of the store, while it pauses: the caller's to close; -1 when
 * there is none of that name.
 */
int supervisor_get_stored(struct supervisor *supervisor, const char *name);

/* Lose this one, while it pauses, as if it had never been stored. */
void supervisor_drop_stored(struct supervisor *supervisor, const char *name);

/* It reads nothing and obeys nothing from now on; and goes on. */
void supervisor_freeze(struct supervisor *supervisor);
void supervisor_thaw(struct supervisor *supervisor);

/* Call it otherwise, while it pauses, as no service manager does. */
void supervisor_rename_stored(struct supervisor *supervisor, const char *name,
			      const char *other);

/* Lose what is stored under names that begin so, while it pauses. */
void supervisor_lose(struct supervisor *supervisor, const char *prefix);

/*
 * SIGTERM, start no other, and end. Return: the status of waitpid() of the last
 * daemon. The store is closed with it, as when a unit is stopped.
 */
int supervisor_stop(struct supervisor *supervisor);

/* For teardown when the test has failed: SIGKILL for everybody. */
void supervisor_cleanup(void);

#endif /* CARVE_TESTS_SUPERVISOR_H */
