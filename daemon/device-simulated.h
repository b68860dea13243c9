/* SPDX-License-Identifier: MIT */
/* How a simulated region is made, and what of it outlives the daemon. */
#ifndef CARVE_DAEMON_DEVICE_SIMULATED_H
#define CARVE_DAEMON_DEVICE_SIMULATED_H

#include "device.h"
#include "state.h"

/**
 * struct carve_simulated_keep - what of a simulated region outlives the daemon
 * @state: has a CARVE_CELL_SIMULATED for each of its extents; outlives the device
 * @region: its index there
 * @inotify: from the last daemon, opened by an earlier call; -1: the region begins
 *	empty, and its cells in @state are dropped
 * @store: called once, before anything is watched, with a new descriptor to be
 *	kept for the next daemon, which stays the device's; not when @inotify was
 *	given; NULL: nobody keeps it
 * @data: passed on to @store
 */
struct carve_simulated_keep {
	struct carve_state *state;
	unsigned int region;
	int inotify;
	void (*store)(void *data, const char *label, int inotify);
	void *data;
};

/**
 * carve_device_new_simulated() - a region that is none: every buffer is a
 *	memfd of its own
 * @ret: the device: carve_device_free()
 * @label: its name
 * @bytes: its size, whole pages, not 0, less than 16 TiB; what was kept and lies beyond is
 *	forgotten, and lives on outside the books
 * @keep: copied, its descriptor taken over on success; NULL: the region does not
 *	outlive the daemon
 *
 * Return: 0; -EINVAL (also: @keep's descriptor is none of inotify); -ENOMEM;
 * -EMFILE; -ENOSYS.
 */
int carve_device_new_simulated(struct carve_device **ret, const char *label,
			       uint64_t bytes,
			       const struct carve_simulated_keep *keep);

#endif /* CARVE_DAEMON_DEVICE_SIMULATED_H */
