// SPDX-License-Identifier: MIT
#include "exit-status.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

int carve_exit_status(int error)
{
	switch (error) {
	/* What the machine lacks may come. */
	case -EAGAIN:
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
	case -ENOMEM:
	/* Another carved has the region: the one before, which is ending. */
	case -EBUSY:
	/* The region's device goes and comes with its driver. */
	case -ENODEV:
		return EXIT_FAILURE;
	default:
		return EX_CONFIG;
	}
}
