// SPDX-License-Identifier: MIT
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX		253
#define PATIENCE_SEC	30
#define NSEC_PER_SEC	1000000000U

static uint64_t ahead_nsec;
static int own_stderr = -1;

/* Under -close_fd_mask=2 what is fuzzed says nothing; this still does. */
__attribute__((constructor)) static void keep_stderr(void)
{
	own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
}

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
	dprintf(own_stderr, "fuzz: %s:%d: not so: %s\n", file, line, what);
	abort();
}

/*
 * In place of the C library's, for libsystemd too. The fuzzer itself goes by
 * CLOCK_REALTIME.
 */
__attribute__((visibility("default")))
int clock_gettime(clockid_t clock, struct timespec *ret)
{
	uint64_t nsec;

	if (syscall(SYS_clock_gettime, clock, ret) < 0)
		return -1;
	if (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME) {
		nsec = (uint64_t)ret->tv_nsec + ahead_nsec % NSEC_PER_SEC;
		ret->tv_sec += (time_t)(ahead_nsec / NSEC_PER_SEC +
					nsec / NSEC_PER_SEC);
		ret->tv_nsec = (long)(nsec % NSEC_PER_SEC);
	}
	return 0;
}

void fuzz_clock_reset(void)
{
	ahead_nsec = 0;
}

void fuzz_clock_advance(uint64_t usec)
{
	ahead_nsec += usec * 1000U;
}

/*
 * Seconds of a clock that goes on by no more than one from look to look: a machine
 * that stands still gives nobody the time to answer.
 */
static uint64_t patient_sec(void)
{
	static time_t last;
	static uint64_t sum;
	time_t now = time(NULL);

	sum += now != last;
	last = now;
	return sum;
}

uint64_t fuzz_deadline(void)
{
	return patient_sec() + PATIENCE_SEC;
}

bool fuzz_is_over(uint64_t deadline)
{
	return patient_sec() > deadline;
}

uint64_t fuzz_number(struct fuzz_input *input)
{
	uint8_t byte = fuzz_u8(input);

	switch (byte >> 6) {
	case 0:
		return byte;
	case 1:
		return 1ULL << (byte & 63);
	case 2:
		return (1ULL << (byte & 63)) - 1;
	default:
		return byte & 1 ? fuzz_u64(input) : UINT64_MAX - (byte & 63);
	}
}

unsigned int fuzz_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	fuzz_require(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

void fuzz_send(int socket, const void *data, size_t bytes, const int *fds,
	       size_t fd_count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = bytes };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	fuzz_require(fd_count <= FDS_MAX);
	if (fd_count) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	/* The other side may have hung up, or its queue be full: so be it. */
	(void)!sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}
