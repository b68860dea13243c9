// SPDX-License-Identifier: MIT
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard.h"
#include "log.h"
#include "store.h"

#define BACKLOG		128

static int complain(int error, const char *what, const char *path,
		    const char *advice)
{
	carve_log(LOG_ERR, NULL, "%s %s: %s%s", what, path, strerror(-error),
		  advice);
	return error;
}

static int complain_served(const char *path, pid_t pid)
{
	if (pid == 1)
		carve_log(LOG_ERR, NULL, "%s is already served by systemd: stop "
			  "carved.socket, or choose another --socket", path);
	else if (pid)
		carve_log(LOG_ERR, NULL, "%s is already served by a running "
			  "carved (pid %d): stop it, or choose another --socket",
			  path, (int)pid);
	else
		carve_log(LOG_ERR, NULL, "%s is already served by a running "
			  "carved: stop it, or choose another --socket", path);
	return -EADDRINUSE;
}

/* Return: 0; -ECONNREFUSED (nobody listens) and others of connect(). */
static int find_server(const struct sockaddr_un *address, pid_t *ret_pid)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);
	int r;

	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ?
		-errno : 0;
	if (r == 0)
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	/* Its queue is full, but somebody has one. */
	if (r == -EAGAIN)
		r = 0;
	if (r == 0)
		*ret_pid = peer.pid;
	close(fd);
	return r;
}

static bool lock_is_named(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/* The lock's holder writes its number into it. */
static pid_t read_holder(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

static void write_holder(int fd)
{
	char text[16];
	int bytes = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	/* For people alone: without it the message lacks a number. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)bytes, 0) < 0)
		carve_log(LOG_DEBUG, NULL, "the lock was not signed");
}

/*
 * The lock outlives no process, so it says more than a socket file can. It is
 * removed at the end, hence the look whether the name still means it.
 */
static int take_lock(struct carve_listen *listener)
{
	char path[sizeof(listener->address.sun_path) + 8];

	snprintf(path, sizeof(path), "%s.lock", listener->address.sun_path);
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			      0600);

		if (fd < 0)
			return complain(-errno, "cannot make", path,
					errno == ENOENT || errno == ENOTDIR ?
					": make the folder first, or choose "
					"another --socket" : "");
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			pid_t pid = read_holder(fd);

			close(fd);
			return complain_served(listener->address.sun_path, pid);
		}
		if (lock_is_named(fd, path)) {
			write_holder(fd);
			listener->lock_fd = fd;
			return 0;
		}
		close(fd);
	}
}

static void drop_lock(struct carve_listen *listener)
{
	char path[sizeof(listener->address.sun_path) + 8];

	snprintf(path, sizeof(path), "%s.lock", listener->address.sun_path);
	if (lock_is_named(listener->lock_fd, path))
		unlink(path);
	close(listener->lock_fd);
	listener->lock_fd = -1;
}

/* Return: 0 when a socket or nothing is there. */
static int check_path(const char *path)
{
	struct stat there;

	if (lstat(path, &there) < 0 || S_ISSOCK(there.st_mode))
		return 0;
	carve_log(LOG_ERR, NULL, "%s is there and is no socket: remove it, or "
		  "choose another --socket", path);
	return -EEXIST;
}

/* Remove what a dead daemon left; the lock is ours. */
static int clear_path(const struct carve_listen *listener)
{
	const char *path = listener->address.sun_path;
	pid_t pid = 0;
	int r = check_path(path);

	if (r < 0)
		return r;
	r = find_server(&listener->address, &pid);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		return complain_served(path, pid);
	if (r == -EPROTOTYPE) {
		carve_log(LOG_ERR, NULL, "%s is served by something that is not "
			  "carved: choose another --socket", path);
		return r;
	}
	if (r != -ECONNREFUSED)
		return complain(r, "cannot tell who serves", path,
				": remove it, or choose another --socket");
	if (unlink(path) < 0)
		return complain(-errno, "cannot remove the left-over", path, "");
	carve_log(LOG_INFO, NULL, "replaced %s, left over by a daemon that has "
		  "gone", path);
	return 0;
}

/* The group may connect: its members are those who may use the regions. */
static int bind_and_listen(struct carve_listen *listener)
{
	const char *path = listener->address.sun_path;
	mode_t mask = umask(0117);
	int r;

	r = bind(listener->fd, (const struct sockaddr *)&listener->address,
		 sizeof(listener->address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return complain(r, "cannot bind", path, "");
	if (lstat(path, &listener->made) < 0)
		return complain(-errno, "cannot look at", path, "");
	if (listen(listener->fd, BACKLOG) < 0)
		return complain(-errno, "cannot listen at", path, "");
	return 0;
}

static int make_socket(struct carve_listen *listener, const char *path)
{
	size_t bytes = strlen(path);
	int r;

	if (!bytes || bytes >= sizeof(listener->address.sun_path)) {
		carve_log(LOG_ERR, NULL, "--socket needs a path of 1 to %zu "
			  "bytes", sizeof(listener->address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	listener->address.sun_family = AF_UNIX;
	memcpy(listener->address.sun_path, path, bytes + 1);

	r = check_path(path);
	if (r == 0)
		r = take_lock(listener);
	if (r == 0)
		r = clear_path(listener);
	if (r < 0)
		return r;
	listener->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
					       SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return complain(-errno, "cannot make", path, "");
	return bind_and_listen(listener);
}

static int take_socket(struct carve_listen *listener, int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return complain(-errno, "cannot use", "systemd's socket", "");
	listener->fd = fd;
	return 0;
}

int carve_listen_init(struct carve_listen *listener, const char *path,
		      const struct carve_store *store)
{
	int r;

	*listener = (struct carve_listen){ .fd = -1, .lock_fd = -1 };
	r = store->listen_fd >= 0 ? take_socket(listener, store->listen_fd) :
				    make_socket(listener, path);
	if (r < 0)
		carve_listen_done(listener);
	return r;
}

void carve_listen_stop(struct carve_listen *listener)
{
	const char *path = listener->address.sun_path;
	struct stat there;

	/* The file first: nobody shall find it and be refused. */
	if (listener->made.st_ino && lstat(path, &there) == 0 &&
	    there.st_dev == listener->made.st_dev &&
	    there.st_ino == listener->made.st_ino)
		unlink(path);
	if (listener->fd >= 0)
		carve_guard_close(listener->fd);
	listener->fd = -1;
}

void carve_listen_done(struct carve_listen *listener)
{
	carve_listen_stop(listener);
	if (listener->lock_fd >= 0)
		drop_lock(listener);
}
