/* SPDX-License-Identifier: MIT */
/*
 * A process that manages a simulated region for test-simulated-restore.c, to be
 * killed in the middle of its work.
 */
#ifndef CARVE_TESTS_RESTORE_PROCESS_H
#define CARVE_TESTS_RESTORE_PROCESS_H

#include <stdbool.h>

#include "simulated-region.h"

#define RESTORE_IDS_MAX	(1U << 20)

/**
 * struct found - what a restored region listed
 */
struct found {
	uint64_t count;
	struct carve_device_extent extents[PAGES];
};

/**
 * struct world - shared by the test and all of the region's processes
 * @next_id: of buffers
 * @page_of: by id: its place
 * @found: of the last process that was asked
 * @seed: of the present process
 */
struct world {
	uint64_t next_id;
	uint32_t seed;
	struct found found;
	uint8_t page_of[RESTORE_IDS_MAX];
};

/* Number 1 has the process work, 0 report; 0 is the answer to that. */
enum { RESTORE_REPORT, RESTORE_WORK };

/*
 * A number, and a descriptor or -1. From the process: a buffer's id and the
 * buffer, or 0 and what is to be kept for the next one.
 */
void restore_send(int socket, uint64_t number, int fd);
/* Return: whether there was one. */
bool restore_receive(int socket, int flags, uint64_t *ret, int *ret_fd);

/*
 * Manage the region until @socket is closed; says 0 first.
 * @state_fd: of the state
 * @inotify_fd: kept from the last one, or -1
 */
void restore_run(struct world *world, int socket, int state_fd, int inotify_fd)
	__attribute__((noreturn));

#endif /* CARVE_TESTS_RESTORE_PROCESS_H */
