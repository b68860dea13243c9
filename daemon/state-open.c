// SPDX-License-Identifier: MIT
#include "state-open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash-point.h"
#include "listen.h"
#include "log.h"
#include "memory.h"
#include "state.h"
#include "store.h"

#define BOOT_ID_PATH	"/proc/sys/kernel/random/boot_id"

/* Return: the memfd; negative errno. */
static int open_stored(struct carve_store *store)
{
	int fd = carve_store_take(store, "state");
	int r;

	if (fd >= 0)
		return fd;
	fd = memfd_create("carve-state", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = carve_store_put(store, "state", fd);
	CARVE_CRASH_POINT("start-state-stored");
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* Nobody else's file is ever written to. Return: the file; negative errno. */
static int open_file(const char *socket_path)
{
	char path[sizeof(((struct carve_listen *)0)->address.sun_path) + 8];
	struct stat there;
	int fd;

	snprintf(path, sizeof(path), "%s.state", socket_path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
			O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &there) == 0 && S_ISREG(there.st_mode) &&
	    there.st_uid == geteuid() && there.st_nlink == 1)
		return fd;
	close(fd);
	return -EPERM;
}

/* Empty when it is not known: then a file of another boot is not told apart. */
static void read_boot_id(char *text, size_t size)
{
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? -1 : read(fd, text, size - 1);

	text[bytes > 0 ? bytes : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

struct carve_state *carve_state_open(struct carve_store *store,
				     const struct carve_listen *listener)
{
	const char *path = listener->address.sun_path;
	struct carve_state *state;
	char boot_id[64];
	int fd, r;

	fd = store->there ? open_stored(store) :
	     path[0] ? open_file(path) : -ENOENT;
	r = fd;
	if (r >= 0) {
		read_boot_id(boot_id, sizeof(boot_id));
		r = carve_state_new(&state, fd, boot_id);
		if (r < 0)
			close(fd);
	}
	if (r < 0) {
		carve_log(LOG_WARNING, NULL, "nothing is kept for another start: "
			  "%s%s: %s", store->there ? "systemd's store" : path,
			  store->there ? "" : ".state", strerror(-r));
		return NULL;
	}
	/* Without them it does what it can when they are needed. */
	(void)carve_state_expect(state, CARVE_MEMORY_CELLS);
	if (carve_state_refused(state))
		carve_log(LOG_WARNING, NULL, "the state of the daemon before was "
			  "not taken up: %s. Its clients are told that their "
			  "reservations are gone", carve_state_refused(state));
	return state;
}
