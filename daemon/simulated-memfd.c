// SPDX-License-Identifier: MIT
/*
 * The buffers of a simulated region: sealed memfds, each with a watch that
 * reports its end (simulated-watch.c).
 */
#include "simulated.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux 6.3; the C library of Debian 12 does not know it yet. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int add_watch(struct sim_watches *watches, int fd, uint32_t mask)
{
	char path[40];
	int watch;

	snprintf(path, sizeof(path), "/proc/%s/fd/%d", watches->self, fd);
	watch = inotify_add_watch(watches->inotify, path, mask);
	if (watch >= 0)
		return watch;
	/*
	 * ENOSPC is fs.inotify.max_user_watches (or a user namespace's), a
	 * limit like the one on descriptors; it must not look like a full
	 * region.
	 */
	if (errno == ENOSPC)
		return -EMFILE;
	if (errno == ENOENT || errno == ENOTDIR)
		return -ENOSYS;		/* no /proc */
	return -errno;
}

static int add_new_watch(struct sim_watches *watches, int fd, uint32_t mask)
{
	int watch;

	for (;;) {
		watch = add_watch(watches, fd, mask);
		if (watch < 0)
			return watch;
		if (watch < watches->last_watch)
			watches->wrapped = true;
		watches->last_watch = watch;
		if (!sim_watches_find(watches, watch))
			return watch;
		/*
		 * The number of a known extent: that one is dead and its
		 * events wait to be read. Take another number; the IN_IGNORED
		 * this causes comes behind those events and is nobody's.
		 */
		inotify_rm_watch(watches->inotify, watch);
	}
}

static int memfd_new(const struct sim_watches *watches, const char *name,
		     uint64_t bytes)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd, r;

	fd = memfd_create(name, watches->memfd_flags);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/*
 * Make the buffer of an extent, whose name and size are filled in.
 *
 * Return: its descriptor; -EMFILE (also: no more watches), -ENFILE, -ENOMEM.
 */
int sim_watches_create(struct sim_watches *watches, struct sim_extent *extent)
{
	struct stat st;
	int fd, watch;

	fd = memfd_new(watches, sim_extent_name(extent),
		       sim_extent_bytes(extent));
	if (fd < 0)
		return fd;
	watch = fstat(fd, &st) < 0 ? -errno : 0;
	/* A memfd's number is its own while it lives; nothing here may be two. */
	if (watch == 0 && sim_watches_find_inode(watches, st.st_ino))
		watch = -ENFILE;
	if (watch == 0)
		watch = add_new_watch(watches, fd, IN_MOVE_SELF);
	if (watch < 0) {
		close(fd);
		return watch;
	}
	extent->watch = watch;
	extent->inode = st.st_ino;
	sim_watches_insert(watches, extent);
	return fd;
}

/*
 * Which extent's buffer is @fd? The errors are the driver's, which knows
 * dma-bufs and no O_PATH descriptors.
 *
 * Return: 0; -EBADF; -EINVAL (no memfd); -ENOENT (somebody else's).
 */
int sim_watches_identify(const struct sim_watches *watches, int fd,
			 struct sim_extent **ret)
{
	struct sim_extent *extent;
	struct stat st;

	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) < 0)
		return errno == EBADF ? -EBADF : -EINVAL;
	if (st.st_dev != watches->memfd_dev)
		return -ENOENT;
	extent = sim_watches_find_inode(watches, st.st_ino);
	if (!extent)
		return -ENOENT;
	*ret = extent;
	return 0;
}

/* ---- the start ----------------------------------------------------------- */

/* From 6.3 on a memfd should say that it is no program, and may have to. */
static int first_memfd(struct sim_watches *watches)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	watches->memfd_flags = flags | MFD_NOEXEC_SEAL;
	fd = memfd_create("carve-bell", watches->memfd_flags);
	if (fd < 0 && errno == EINVAL) {
		watches->memfd_flags = flags;
		fd = memfd_create("carve-bell", flags);
	}
	return fd < 0 ? -errno : fd;
}

/* A memfd opened again: from 6.14 on the first descriptor notifies nobody. */
static int open_bell(struct sim_watches *watches)
{
	char path[32];
	int first, bell;

	first = first_memfd(watches);
	if (first < 0)
		return first;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", first);
	bell = open(path, O_RDWR | O_CLOEXEC);
	if (bell < 0)
		bell = errno == ENOENT ? -ENOSYS : -errno;
	close(first);
	return bell;
}

static int find_self(struct sim_watches *watches)
{
	ssize_t n = readlink("/proc/self", watches->self,
			     sizeof(watches->self) - 1);

	if (n <= 0)
		return -ENOSYS;
	watches->self[n] = '\0';
	return 0;
}

static int open_fdinfo(const struct sim_watches *watches)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", watches->inotify);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOSYS : -errno;
	return fd;
}

/*
 * The life of one buffer, to learn whether this kernel (or what stands for
 * one in a sandbox) reports its end at all; and whether the bell rings.
 */
static int probe(struct sim_watches *watches)
{
	struct sim_extent extent = { .live = true };
	struct pollfd pollfd = { .fd = watches->inotify, .events = POLLIN };
	struct sim_extent *dead;
	int fd, r;

	sim_extent_set(&extent, 0, (uint64_t)sysconf(_SC_PAGESIZE));
	fd = sim_watches_create(watches, &extent);
	if (fd < 0)
		return fd;
	r = sim_watches_resynchronise(watches);
	close(fd);
	if (r < 0)
		return r;
	if (watches->dead || sim_watches_next_dead(watches, &dead) != 1)
		return -ENOSYS;
	sim_watches_ring(watches);
	if (poll(&pollfd, 1, 0) != 1 || sim_watches_next_dead(watches, &dead) != 0)
		return -ENOSYS;
	return 0;
}

static int watches_open(struct sim_watches *watches)
{
	struct stat st;
	int r = find_self(watches);

	if (r < 0)
		return r;
	if (watches->inotify < 0)
		watches->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watches->inotify < 0)
		return -errno;
	watches->fdinfo = open_fdinfo(watches);
	if (watches->fdinfo < 0)
		return watches->fdinfo;
	watches->bell = open_bell(watches);
	if (watches->bell < 0)
		return watches->bell;
	if (pwrite(watches->bell, "", 1, 0) < 0 || fstat(watches->bell, &st) < 0)
		return -errno;
	watches->memfd_dev = st.st_dev;
	return 0;
}

static int watch_bell(struct sim_watches *watches)
{
	int r = add_new_watch(watches, watches->bell, IN_MODIFY);

	if (r < 0)
		return r;
	watches->bell_watch = r;
	return 0;
}

/*
 * @inotify: of the last daemon, taken over on success; -1: a new one. Nothing is
 * watched yet.
 *
 * Return: 0; -EMFILE, -ENFILE, -ENOMEM; -ENOSYS.
 */
int sim_watches_init(struct sim_watches *watches, int inotify)
{
	int r;

	*watches = (struct sim_watches){ .inotify = inotify, .fdinfo = -1, .bell = -1 };
	r = watches_open(watches);
	if (r < 0 && inotify >= 0)
		watches->inotify = -1;
	if (r < 0)
		sim_watches_done(watches);
	return r;
}

/* Begin with no extent. Return: as sim_watches_init(). */
int sim_watches_start(struct sim_watches *watches)
{
	int r = watch_bell(watches);

	return r < 0 ? r : probe(watches);
}

/*
 * Go on where another daemon ended, whose extents are known: events may have been
 * read and not acted upon, so the list of watches is asked first. Its own bell is
 * dead, and what that reports is nobody's.
 *
 * The bell's number is the last one given out. Events that wait name none above
 * it, so that a number which comes again is noticed as ever.
 *
 * Return: as sim_watches_init(); -EINVAL (not a descriptor of inotify).
 */
int sim_watches_resume(struct sim_watches *watches)
{
	int r = watch_bell(watches);

	if (r < 0)
		return r;
	watches->overflowed = true;
	r = sim_watches_resynchronise(watches);
	if (r < 0)
		return r;
	if (watches->dead)
		sim_watches_ring(watches);
	return 0;
}

void sim_watches_done(struct sim_watches *watches)
{
	if (watches->bell >= 0)
		close(watches->bell);
	if (watches->fdinfo >= 0)
		close(watches->fdinfo);
	if (watches->inotify >= 0)
		close(watches->inotify);
}
