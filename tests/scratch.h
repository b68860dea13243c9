/* SPDX-License-Identifier: MIT */
/*
 * Where tests make their folders: in memory, as /run is. On a disk that others keep
 * busy, a file that is removed can take half a minute to be closed.
 */
#ifndef CARVE_TESTS_SCRATCH_H
#define CARVE_TESTS_SCRATCH_H

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

static inline const char *scratch_folder(void)
{
	struct statfs shm;

	if (statfs("/dev/shm", &shm) == 0 && shm.f_type == TMPFS_MAGIC &&
	    access("/dev/shm", W_OK) == 0)
		return "/dev/shm";
	return "/tmp";
}

#endif /* CARVE_TESTS_SCRATCH_H */
