// SPDX-License-Identifier: MIT
/*
 * A simulated region over the death of its daemon: again and again a process that
 * manages it is killed in the middle of its work, buffers die before, during and
 * after that, and the next one's books are held against a plain list of who has a
 * descriptor.
 */
#include "restore-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define LIVES		200
#define QUEUE_LIMIT	"/proc/sys/fs/inotify/max_queued_events"

static struct world *world;
static int fd_of[RESTORE_IDS_MAX];
static int state_fd, inotify_fd;

static pid_t start(int *ret_socket)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* The test's descriptors are not this process's references. */
		for (uint64_t i = 1; i < world->next_id; i++)
			if (fd_of[i] >= 0)
				close(fd_of[i]);
		restore_run(world, pair[1], state_fd, inotify_fd);
	}
	close(pair[1]);
	*ret_socket = pair[0];
	return pid;
}

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
		if (!restore_receive(socket, 0, &number, &fd))
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
	while (restore_receive(socket, MSG_DONTWAIT, &number, &fd))
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

	restore_send(socket, RESTORE_REPORT, -1);
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
	restore_send(socket, RESTORE_WORK, -1);
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
	assert_true(world->next_id < RESTORE_IDS_MAX);
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
	restore_send(socket, RESTORE_WORK, -1);
	usleep(20000);
	kill_and_drain(pid, socket);
	close(inotify_fd);
	inotify_fd = -1;
	pid = start(&socket);
	wait_for_answer(socket);
	assert_true(inotify_fd >= 0);
	restore_send(socket, RESTORE_REPORT, -1);
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
