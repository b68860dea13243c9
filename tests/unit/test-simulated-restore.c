// SPDX-License-Identifier: MIT
/*
 * A simulated region over the death of its daemon: again and again a process that
 * manages it is killed in the middle of its work, buffers die before, during and
 * after that, and the next one's books are held against a plain list of who has a
 * descriptor.
 */
#include "simulated-region.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define LIVES		200
#define IDS_MAX		(1U << 20)
#define QUEUE_LIMIT	"/proc/sys/fs/inotify/max_queued_events"

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
	uint8_t page_of[IDS_MAX];
};

static struct world *world;
static int fd_of[IDS_MAX];
static int state_fd, inotify_fd;

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "in a process of the region: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* A number, and a descriptor or -1. */
static void send_number(int socket, uint64_t number, int fd)
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

/* Return: whether there was one. */
static bool receive_number(int socket, int flags, uint64_t *ret, int *ret_fd)
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
	send_number(*(int *)data, 0, inotify);
}

static struct carve_device *manage(int *socket)
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
		send_number(socket, id, fd);
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

static pid_t start(int *ret_socket)
{
	int pair[2];
	uint64_t number;
	pid_t pid;
	int fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct carve_device *device;
		uint64_t i;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The test's descriptors are not this process's references. */
		for (i = 1; i < world->next_id; i++)
			if (fd_of[i] >= 0)
				close(fd_of[i]);
		device = manage(&pair[1]);
		send_number(pair[1], 0, -1);
		while (receive_number(pair[1], 0, &number, &fd))
			if (number) {
				work(device, pair[1]);
			} else {
				report(device);
				send_number(pair[1], 0, -1);
			}
		_exit(0);
	}
	close(pair[1]);
	*ret_socket = pair[0];
	return pid;
}

/* ---- the test ------------------------------------------------------------ */

static void take(uint64_t number, int fd)
{
	if (number) {
		fd_of[number] = fd;
	} else if (fd >= 0) {
		assert_int_equal(inotify_fd, -1);
		inotify_fd = fd;
	}
}

static void wait_for_answer(int socket)
{
	uint64_t number;
	int fd;

	do {
		if (!receive_number(socket, 0, &number, &fd))
			fail_msg("a process of the region has ended");
		take(number, fd);
	} while (number || fd >= 0);
}

/* What it had sent counts; what it had not died with it. */
static void kill_and_drain(pid_t pid, int socket)
{
	uint64_t number;
	int status, fd;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("a process of the region ended with %#x", status);
	while (receive_number(socket, MSG_DONTWAIT, &number, &fd))
		take(number, fd);
	close(socket);
}

static void close_some(unsigned int *seed, unsigned int of)
{
	uint64_t id;

	for (id = 1; id < world->next_id; id++)
		if (fd_of[id] >= 0 && (unsigned int)rand_r(seed) % of == 0) {
			close(fd_of[id]);
			fd_of[id] = -1;
		}
}

/* Somebody else has some of them, and lets them go while others begin. */
static pid_t close_elsewhere(unsigned int *seed)
{
	pid_t pid = fork();
	uint64_t id;

	assert_true(pid >= 0);
	if (pid == 0) {
		for (id = 1; id < world->next_id; id++)
			if (fd_of[id] >= 0 && rand_r(seed) % 2) {
				usleep((useconds_t)rand_r(seed) % 200);
				close(fd_of[id]);
			}
		_exit(0);
	}
	close_some(seed, 2);
	return pid;
}

static void assert_extent(const struct carve_device_extent *extent)
{
	char name[32];

	assert_in_range(extent->id, 1, world->next_id - 1);
	assert_int_equal(extent->bytes, PAGE);
	assert_int_equal(extent->offset, world->page_of[extent->id] * PAGE);
	assert_int_equal(extent->uid, 1000 + extent->id);
	assert_true(extent->live == (fd_of[extent->id] >= 0));
	snprintf(name, sizeof(name), "buffer-%llu", (unsigned long long)extent->id);
	assert_string_equal(extent->name, name);
}

/* The books are what the descriptors say: no more live ones, no fewer. */
static void assert_books(int socket)
{
	uint64_t live = 0, found = 0, id, i;

	send_number(socket, 0, -1);
	wait_for_answer(socket);
	for (i = 0; i < world->found.count; i++) {
		/* Nobody's: what was dirty at the very first. */
		if (!world->found.extents[i].id)
			continue;
		assert_extent(&world->found.extents[i]);
		found += world->found.extents[i].live;
	}
	for (id = 1; id < world->next_id; id++)
		live += fd_of[id] >= 0;
	assert_int_equal(found, live);
}

/* Return: the limit, as text; empty: there is none. */
static const char *read_queue_limit(void)
{
	static char text[32];
	int fd = open(QUEUE_LIMIT, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static bool set_queue_limit(const char *text)
{
	int fd = open(QUEUE_LIMIT, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void live_and_die(unsigned int *seed)
{
	pid_t pid, other = close_elsewhere(seed);
	int socket;

	world->seed = (uint32_t)rand_r(seed);
	pid = start(&socket);
	wait_for_answer(socket);
	assert_int_equal(waitpid(other, NULL, 0), other);
	assert_books(socket);
	send_number(socket, 1, -1);
	usleep((useconds_t)rand_r(seed) % 3000);
	/* Before and after. */
	close_some(seed, 3);
	kill_and_drain(pid, socket);
	close_some(seed, 3);
}

static void begin_world(void)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(world != MAP_FAILED);
	world->next_id = 1;
	memset(fd_of, -1, sizeof(fd_of));
	inotify_fd = -1;
	state_fd = memfd_create("state", MFD_CLOEXEC);
	assert_true(state_fd >= 0);
}

static void end_world(void)
{
	unsigned int seed = 0;

	close_some(&seed, 1);
	munmap(world, sizeof(*world));
	close(inotify_fd);
	close(state_fd);
}

/* With a queue of a few events most of them are lost. */
static void live_and_die_often(const char *limit)
{
	const char *given = getenv("CARVE_SEED"), *before = read_queue_limit();
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 0) :
				    (unsigned int)time(NULL);
	int i, socket;
	pid_t pid;

	print_message("# CARVE_SEED=%u\n", seed);
	begin_world();
	if (limit && !set_queue_limit(limit)) {
		end_world();
		skip();
	}
	pid = start(&socket);
	wait_for_answer(socket);
	if (limit)
		assert_true(set_queue_limit(before));
	kill_and_drain(pid, socket);
	assert_true(inotify_fd >= 0);
	for (i = 0; i < LIVES; i++)
		live_and_die(&seed);
	assert_true(world->next_id < IDS_MAX);
	end_world();
}

static void test_killed_again_and_again(void **state)
{
	(void)state;
	live_and_die_often(NULL);
}

static void test_killed_when_events_are_lost(void **state)
{
	(void)state;
	live_and_die_often("5");
}

/* Without the descriptor nobody knows who lives: the region begins anew. */
static void test_descriptor_was_not_kept(void **state)
{
	unsigned int seed = 1;
	int socket;
	pid_t pid;

	(void)state;
	begin_world();
	pid = start(&socket);
	wait_for_answer(socket);
	send_number(socket, 1, -1);
	usleep(20000);
	kill_and_drain(pid, socket);
	close(inotify_fd);
	inotify_fd = -1;
	pid = start(&socket);
	wait_for_answer(socket);
	assert_true(inotify_fd >= 0);
	send_number(socket, 0, -1);
	wait_for_answer(socket);
	assert_int_equal(world->found.count, 1);
	assert_int_equal(world->found.extents[0].id, 0);
	assert_int_equal(world->found.extents[0].bytes, PAGES * PAGE);
	kill_and_drain(pid, socket);
	/* No cell of before comes back. */
	close_some(&seed, 1);
	pid = start(&socket);
	wait_for_answer(socket);
	assert_books(socket);
	assert_int_equal(world->found.count, 0);
	kill_and_drain(pid, socket);
	end_world();
}

/* Whatever a store holds is looked at, and given back when it is wrong. */
static void test_wrong_descriptor(void **state)
{
	struct carve_simulated_keep keep = { .inotify = -1 };
	struct carve_device *device;

	(void)state;
	begin_world();
	assert_int_equal(carve_state_new(&keep.state, dup(state_fd), "boot"), 0);
	keep.inotify = memfd_create("wrong", MFD_CLOEXEC);
	assert_int_equal(carve_device_new_simulated(&device, "main", PAGE, &keep), -EINVAL);
	assert_int_equal(close(keep.inotify), 0);
	carve_state_free(keep.state);
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_again_and_again),
		cmocka_unit_test(test_killed_when_events_are_lost),
		cmocka_unit_test(test_descriptor_was_not_kept),
		cmocka_unit_test(test_wrong_descriptor),
	};

	return cmocka_run_group_tests_name("simulated-restore", tests, NULL, NULL);
}
