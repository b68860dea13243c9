// SPDX-License-Identifier: MIT
/*
 * The simulated region: what keeps a buffer alive, and what its holder can do
 * to it. Each kind of reference is the only one left when it is tried.
 */
#include "../patience.h"
#include "simulated-region.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void assert_alive(struct carve_device *device)
{
	struct carve_device_extent extent;

	assert_int_equal(carve_device_release(device, &extent), 0);
}

static void assert_dies(struct carve_device *device, uint64_t id)
{
	struct carve_device_extent extent;

	assert_true(is_readable(device));
	assert_int_equal(carve_device_release(device, &extent), 1);
	assert_int_equal(extent.id, id);
	assert_int_equal(extent.uid, 1000 + id);
	assert_false(extent.live);
	assert_string_equal(extent.name, "");
	assert_int_equal(carve_device_release(device, &extent), 0);
	assert_false(is_readable(device));
}

/* For what another process has to do first: at most a minute. */
static void assert_dies_soon(struct carve_device *device, uint64_t id)
{
	struct pollfd pollfd = { .fd = carve_device_get_fd(device), .events = POLLIN };
	struct carve_device_extent extent;
	int r;

	do {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		r = carve_device_release(device, &extent);
	} while (r == 0);
	assert_int_equal(r, 1);
	assert_int_equal(extent.id, id);
}

/* ---- what keeps a buffer alive ------------------------------------------- */

static void test_last_descriptor(void **state)
{
	int fd = export_page(*state, 0, 1);

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_alive(*state);
	close(fd);
	assert_dies(*state, 1);
}

static void test_duplicate(void **state)
{
	int fd = export_page(*state, 0, 1);
	int copy = dup(fd);

	close(fd);
	assert_alive(*state);
	close(copy);
	assert_dies(*state, 1);
}

static void test_path_descriptor(void **state)
{
	int fd = export_page(*state, 0, 1);
	char path[32];
	int held;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	held = open(path, O_PATH | O_CLOEXEC);
	assert_true(held >= 0);
	close(fd);
	assert_alive(*state);
	close(held);
	assert_dies(*state, 1);
}

static void test_reopened(void **state)
{
	int fd = export_page(*state, 0, 1);
	char path[32];
	int held;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	held = open(path, O_RDWR | O_CLOEXEC);
	assert_true(held >= 0);
	/* A reopened descriptor that goes first must not look like the end. */
	close(held);
	assert_alive(*state);
	held = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	assert_alive(*state);
	close(held);
	assert_dies(*state, 1);
}

static void test_mapping_only(void **state)
{
	int fd = export_page(*state, 0, 1);
	void *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	assert_alive(*state);
	*(volatile char *)map = 1;
	munmap(map, PAGE);
	assert_dies(*state, 1);
}

static void test_other_process(void **state)
{
	int fd = export_page(*state, 0, 1);
	int hold[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(hold[0]);
	close(fd);
	assert_alive(*state);
	close(hold[1]);
	assert_dies_soon(*state, 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_killed_process(void **state)
{
	int fd = export_page(*state, 0, 1);
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		for (;;)
			pause();
	close(fd);
	assert_alive(*state);
	kill(child, SIGKILL);
	assert_dies_soon(*state, 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void send_fd(int socket, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(socket, &message, 0), 1);
}

static void test_in_flight(void **state)
{
	int fd = export_page(*state, 0, 1);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	send_fd(pair[0], fd);
	close(fd);
	assert_alive(*state);
	close(pair[0]);
	assert_alive(*state);
	close(pair[1]);
	assert_dies_soon(*state, 1);
}

/* ---- what a holder can do to it ------------------------------------------ */

static void test_sealed(void **state)
{
	int fd = export_page(*state, 0, 1);

	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, (off_t)(2 * PAGE)), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(lseek(fd, 0, SEEK_END), PAGE);
	close(fd);
}

static void test_identify(void **state)
{
	struct carve_device *device = *state;
	struct carve_device_extent extent;
	int fd = export_page(device, 3, 7), other = export_page(device, 4, 8);
	int foreign = memfd_create("foreign", MFD_CLOEXEC);
	int pair[2];
	char path[32];
	int held;

	assert_int_equal(carve_device_identify(device, fd, &extent), 0);
	assert_int_equal(extent.id, 7);
	assert_int_equal(extent.offset, 3 * PAGE);
	assert_int_equal(extent.bytes, PAGE);
	assert_true(extent.live);
	assert_string_equal(extent.name, "buffer-7");
	assert_int_equal(carve_device_identify(device, other, &extent), 0);
	assert_int_equal(extent.id, 8);

	assert_int_equal(carve_device_identify(device, foreign, &extent), -ENOENT);
	assert_int_equal(carve_device_identify(device, -1, &extent), -EBADF);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(carve_device_identify(device, pair[0], &extent), -EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	held = open(path, O_PATH | O_CLOEXEC);
	assert_int_equal(carve_device_identify(device, held, &extent), -EBADF);
	close(held);
	close(pair[0]);
	close(pair[1]);
	close(foreign);
	close(other);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(test_last_descriptor),
		SIM_TEST(test_duplicate),
		SIM_TEST(test_path_descriptor),
		SIM_TEST(test_reopened),
		SIM_TEST(test_mapping_only),
		SIM_TEST(test_other_process),
		SIM_TEST(test_killed_process),
		SIM_TEST(test_in_flight),
		SIM_TEST(test_sealed),
		SIM_TEST(test_identify),
	};

	return cmocka_run_group_tests_name("simulated", tests, NULL, NULL);
}
