// SPDX-License-Identifier: MIT
#include "restore-process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static struct world *world;

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "in a process of the region: %s: %s\n", what, strerror(errno));
	_exit(1);
}

void restore_send(int socket, uint64_t number, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { &number, sizeof(number) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	}
	must(sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof(number), "sendmsg");
}

bool restore_receive(int socket, int flags, uint64_t *ret, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC) != sizeof(*ret))
		return false;
	*ret_fd = -1;
	if (message.msg_controllen)
		memcpy(ret_fd, CMSG_DATA(&control.align), sizeof(int));
	return true;
}

/* ---- a process that manages the region ----------------------------------- */

/* Number 0 brings the descriptor that is to be kept. */
static void store(void *data, const char *label, int inotify)
{
	must(!strcmp(label, "main"), "label");
	restore_send(*(int *)data, 0, inotify);
}

static struct carve_device *manage(int *socket, int state_fd, int inotify_fd)
{
	struct carve_simulated_keep keep = {
		.inotify = inotify_fd, .store = store, .data = socket,
	};
	struct carve_device *device;

	must(carve_state_new(&keep.state, dup(state_fd), "boot") == 0, "state");
	must(!carve_state_refused(keep.state), "the state was refused");
	keep.region = (unsigned int)carve_state_region(keep.state, "main");
	must(carve_device_new_simulated(&device, "main", PAGES * PAGE, &keep) == 0,
	     "carve_device_new_simulated");
	return device;
}

static void export_one(struct carve_device *device, int socket, uint64_t page)
{
	uint64_t id = world->next_id++;
	int fd;

	world->page_of[id] = (uint8_t)page;
	fd = export_page(device, page, id);
	must(fd >= 0 || fd == -EBUSY, "export");
	if (fd < 0)
		return;
	/* Some are never given to anybody. */
	if (rand_r(&world->seed) % 4)
		restore_send(socket, id, fd);
	close(fd);
}

/* What has just become clean is the next one's at once, now and then. */
static void release_one(struct carve_device *device, int socket)
{
	struct carve_device_extent dead;

	if (carve_device_release(device, &dead) != 1 || rand_r(&world->seed) % 4 == 0)
		return;
	must(carve_device_scrub(device, dead.offset, dead.bytes) == 0, "scrub");
	if (rand_r(&world->seed) % 2)
		export_one(device, socket, dead.offset / PAGE);
}

/* Something that was left dirty, or is not dirty at all. */
static void scrub_one(struct carve_device *device)
{
	uint64_t page = (uint64_t)rand_r(&world->seed) % PAGES;
	int r = carve_device_scrub(device, page * PAGE, PAGE);

	must(r == 0 || r == -EBUSY, "scrub");
}

/* Take events out of the queue, and die before anything comes of it. */
static void read_in_vain(const struct carve_device *device)
{
	char events[4096];

	while (read(carve_device_get_fd(device), events, sizeof(events)) > 0)
		;
	pause();
}

static void work(struct carve_device *device, int socket)
{
	for (;;) {
		unsigned int what = (unsigned int)rand_r(&world->seed) % 512;

		if (what == 0)
			read_in_vain(device);
		else if (what < 200)
			export_one(device, socket,
				   (uint64_t)rand_r(&world->seed) % PAGES);
		else if (what < 400)
			release_one(device, socket);
		else
			scrub_one(device);
	}
}

/* All deaths have been told when this returns; nothing else dies meanwhile. */
static void report(struct carve_device *device)
{
	struct carve_device_extent extent;
	uint64_t cursor = 0;

	while (carve_device_release(device, &extent) == 1)
		must(!extent.live && extent.id, "release");
	must(!is_readable(device), "readable without a death");
	world->found.count = 0;
	while (carve_device_list(device, &cursor, &extent) == 1) {
		must(world->found.count < PAGES, "too many extents");
		world->found.extents[world->found.count++] = extent;
	}
}

void restore_run(struct world *of, int socket, int state_fd, int inotify_fd)
{
	struct carve_device *device;
	uint64_t number;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	world = of;
	device = manage(&socket, state_fd, inotify_fd);
	restore_send(socket, 0, -1);
	while (restore_receive(socket, 0, &number, &fd)) {
		if (number == RESTORE_WORK)
			work(device, socket);
		report(device);
		restore_send(socket, 0, -1);
	}
	_exit(0);
}
