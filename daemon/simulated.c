// SPDX-License-Identifier: MIT
/*
 * A region that is none, for machines without the driver: every buffer is a
 * memfd of its own. It keeps the driver's books (clean, live, dirty; all
 * dirty at the start) and the driver's rule of life: a buffer is live until
 * its last reference, in whatever process, is gone.
 *
 * Memory: a simulated buffer reserves nothing. Its pages come when somebody
 * first touches them and are charged to that process's cgroup. When the host
 * has none left, the toucher meets the kernel's out-of-memory killer, or
 * SIGBUS under vm.overcommit_memory=2, where a driver's buffer has had its
 * memory since boot: the guarantee is the one thing that is not simulated.
 *
 * A driver's books outlive the daemon. These do so only as far as somebody keeps
 * them (simulated-keep.c); else a daemon that starts anew begins with an empty
 * simulation, and the old one's buffers stay valid for those who hold them,
 * outside the new books.
 */
#include "simulated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash-point.h"

static struct sim *sim_of(struct carve_device *device)
{
	return carve_container_of(device, struct sim, device);
}

static void sim_free(struct carve_device *device)
{
	struct sim *sim = sim_of(device);

	sim_keep_drop_stale(sim);
	sim_watches_done(&sim->watches);
	sim_books_done(sim);
	pthread_mutex_destroy(&sim->lock);
	free(sim);
}

static int export_locked(struct sim *sim, struct sim_extent *extent)
{
	int fd, r;

	if (!sim_books_is_clean(sim, sim_extent_offset(extent),
				sim_extent_bytes(extent)))
		return -EBUSY;
	sim_keep_drop_stale(sim);
	r = sim_keep_expect(sim);
	if (r < 0)
		return r;
	fd = sim_watches_create(&sim->watches, extent);
	if (fd < 0)
		return fd;
	CARVE_CRASH_POINT("simulated-export-watched");
	sim_books_insert(sim, extent);
	sim_keep_put(sim, extent);
	CARVE_CRASH_POINT("simulated-export-kept");
	return fd;
}

static int sim_export(struct carve_device *device,
		      const struct carve_device_extent *info)
{
	struct sim *sim = sim_of(device);
	struct sim_extent *extent;
	int r;

	if (!memchr(info->name, '\0', sizeof(info->name)))
		return -EINVAL;
	if (info->guard_before || info->guard_after)
		return -EOPNOTSUPP;
	r = sim_books_check_range(sim, info->offset, info->bytes);
	if (r < 0)
		return r;
	extent = sim_extent_new(info->name);
	if (!extent)
		return -ENOMEM;
	sim_extent_set(extent, info->offset, info->bytes);
	extent->id = info->id;
	extent->uid = info->uid;
	extent->live = true;

	pthread_mutex_lock(&sim->lock);
	r = export_locked(sim, extent);
	pthread_mutex_unlock(&sim->lock);
	if (r < 0)
		sim_extent_free(extent);
	return r;
}

/* An extent is live in the books until its death was told here. */
static int sim_release(struct carve_device *device,
		       struct carve_device_extent *ret)
{
	struct sim *sim = sim_of(device);
	struct sim_extent *extent;
	int r;

	pthread_mutex_lock(&sim->lock);
	sim_keep_drop_stale(sim);
	r = sim_watches_next_dead(&sim->watches, &extent);
	if (r == 1) {
		CARVE_CRASH_POINT("simulated-release-read");
		extent->live = false;
		sim_keep_put(sim, extent);
		CARVE_CRASH_POINT("simulated-release-kept");
		sim_extent_describe(extent, ret);
		ret->name[0] = '\0';
	}
	pthread_mutex_unlock(&sim->lock);
	return r;
}

static bool sim_has_more(const struct carve_device *device)
{
	const struct sim *sim = carve_container_of(device, const struct sim,
						   device);

	return sim_watches_has_more(&sim->watches);
}

static int sim_list(struct carve_device *device, uint64_t *cursor,
		    struct carve_device_extent *ret)
{
	struct sim *sim = sim_of(device);
	struct sim_extent *extent;

	pthread_mutex_lock(&sim->lock);
	extent = sim_books_first_above(sim, *cursor);
	if (extent) {
		sim_extent_describe(extent, ret);
		*cursor = sim_extent_end(extent);
	}
	pthread_mutex_unlock(&sim->lock);
	return extent != NULL;
}

static int sim_identify(struct carve_device *device, int fd,
			struct carve_device_extent *ret)
{
	struct sim *sim = sim_of(device);
	struct sim_extent *extent;
	int r;

	pthread_mutex_lock(&sim->lock);
	r = sim_watches_identify(&sim->watches, fd, &extent);
	if (r == 0)
		sim_extent_describe(extent, ret);
	pthread_mutex_unlock(&sim->lock);
	return r;
}

static int sim_scrub(struct carve_device *device, uint64_t offset,
		     uint64_t bytes)
{
	struct sim *sim = sim_of(device);
	int r;

	r = sim_books_check_range(sim, offset, bytes);
	if (r < 0)
		return r;
	pthread_mutex_lock(&sim->lock);
	r = sim_books_scrub(sim, offset, bytes);
	pthread_mutex_unlock(&sim->lock);
	return r;
}

static const struct carve_device_ops sim_ops = {
	.free = sim_free,
	.export = sim_export,
	.release = sim_release,
	.has_more = sim_has_more,
	.list = sim_list,
	.identify = sim_identify,
	.scrub = sim_scrub,
};

/* All of it is dirty, as after boot. */
static int begin(struct sim *sim)
{
	struct sim_extent *all;
	int r;

	sim_keep_forget_all(sim);
	if (sim->keep.store)
		sim->keep.store(sim->keep.data, sim->device.info.label,
				sim->watches.inotify);
	r = sim_watches_start(&sim->watches);
	if (r < 0)
		return r;
	all = sim_extent_new("");
	if (!all)
		return -ENOMEM;
	sim_extent_set(all, 0, sim->device.info.bytes);
	sim_books_insert(sim, all);
	return 0;
}

static int go_on(struct sim *sim)
{
	int r = sim_keep_load(sim);

	return r < 0 ? r : sim_watches_resume(&sim->watches);
}

static int sim_init(struct sim *sim, const char *label, uint64_t bytes)
{
	int r = sim_watches_init(&sim->watches, sim->keep.inotify);

	if (r < 0)
		return r;
	sim->device.ops = &sim_ops;
	sim->device.info.bytes = bytes;
	sim->device.info.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	sim->device.info.cached = true;
	sim->device.info.simulated = true;
	memcpy(sim->device.info.label, label, strlen(label) + 1);
	sim->device.fd = sim->watches.inotify;

	r = sim->keep.inotify >= 0 ? go_on(sim) : begin(sim);
	if (r == 0)
		return 0;
	/* Whose it was has it still. */
	if (sim->keep.inotify >= 0)
		sim->watches.inotify = -1;
	sim_watches_done(&sim->watches);
	sim_books_done(sim);
	return r;
}

int carve_device_new_simulated(struct carve_device **ret, const char *label,
			       uint64_t bytes,
			       const struct carve_simulated_keep *keep)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct sim *sim;
	int r;

	if (bytes == 0 || bytes % page || bytes > SIM_BYTES_MAX || !*label ||
	    strlen(label) >= CARVE_DEVICE_LABEL)
		return -EINVAL;
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return -ENOMEM;
	sim->keep = keep && keep->state ? *keep :
		(struct carve_simulated_keep){ .inotify = -1 };
	r = -pthread_mutex_init(&sim->lock, NULL);
	if (r == 0) {
		r = sim_init(sim, label, bytes);
		if (r < 0)
			pthread_mutex_destroy(&sim->lock);
	}
	if (r < 0) {
		free(sim);
		return r;
	}
	*ret = &sim->device;
	return 0;
}
