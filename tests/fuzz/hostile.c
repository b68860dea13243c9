// SPDX-License-Identifier: MIT
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../scratch.h"
#include "message.h"
#include "protocol.h"

#define PAGE		4096U
#define FDS_MAX		72

/* How a descriptor is made: by default as it should be. */
#define UNSEALED	200
#define NO_MEMORY	255

/**
 * union answer - a reply, with room for one that is too long
 */
union answer {
	struct carve_wire_header header;
	struct carve_wire_hello_reply hello;
	struct carve_wire_alloc_reply alloc;
	struct carve_wire_refusal refusal;
	struct carve_wire_reserve_reply reserve;
	struct carve_wire_reservations_reply reservations;
	struct carve_wire_regions_reply regions;
	struct carve_wire_list_reply list;
	struct carve_wire_query_reply query;
	struct carve_wire_pressure pressure;
	struct carve_wire_epoch epoch;
	struct carve_wire_resume_reply resume;
	uint8_t raw[CARVE_WIRE_MAX + 256];
};

static struct fuzz_input *input;
static char folder[64], path[96];
static int listener;
static int peer = -1;
static int unsealed = -1;
static union message request;
static union answer answer;

static void remove_path(void)
{
	unlink(path);
	rmdir(folder);
}

void hostile_prepare(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(folder, sizeof(folder), "%s/carve-fuzz-XXXXXX", scratch_folder());
	fuzz_require(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	fuzz_require(listener >= 0);
	fuzz_require(bind(listener, (const struct sockaddr *)&address,
			  sizeof(address)) == 0);
	atexit(remove_path);
	fuzz_require(listen(listener, 8) == 0);
}

const char *hostile_path(void)
{
	return path;
}

static void hang_up(void)
{
	if (peer >= 0)
		close(peer);
	peer = -1;
}

void hostile_start(struct fuzz_input *from)
{
	input = from;
	memset(&request, 0, sizeof(request));
}

void hostile_shrink(void)
{
	if (unsealed < 0)
		return;
	fuzz_require(ftruncate(unsealed, 0) == 0);
	close(unsealed);
	unsealed = -1;
}

void hostile_stop(void)
{
	hostile_shrink();
	hang_up();
	while ((peer = accept(listener, NULL, NULL)) >= 0)
		hang_up();
}

/* ---- descriptors ------------------------------------------------------- */

static int make_fd(uint64_t bytes, uint8_t how)
{
	int fd;

	if (how == NO_MEMORY)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	fd = memfd_create("buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	fuzz_require(fd >= 0);
	/* Sparse, but the kernel has its limits. */
	if (bytes > 1ULL << 40)
		bytes = PAGE;
	fuzz_require(ftruncate(fd, (off_t)bytes) == 0);
	if (how < UNSEALED)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return fd;
}

static void send_answer(size_t bytes, size_t fd_count, uint8_t how)
{
	int fds[FDS_MAX] = { 0 };

	for (size_t i = 0; i < fd_count; i++)
		fds[i] = make_fd(answer.alloc.items[i].bytes, how);
	fuzz_send(peer, &answer, bytes, fds, fd_count);
	for (size_t i = 0; i < fd_count; i++) {
		if (how >= UNSEALED && how != NO_MEMORY && unsealed < 0)
			unsealed = fds[i];
		else
			close(fds[i]);
	}
}

/* ---- answers ----------------------------------------------------------- */

/* What follows @fixed bytes, @count times @item: the input's, or zeros. */
static size_t fill(size_t fixed, uint32_t count, size_t item)
{
	size_t bytes = fixed + count * item;

	fuzz_require(bytes <= sizeof(answer));
	if (fuzz_u8(input) & 1)
		fuzz_take(input, answer.raw + sizeof(answer.header),
			  bytes - sizeof(answer.header));
	return bytes;
}

static uint32_t count_of(uint32_t max)
{
	uint8_t byte = fuzz_u8(input);

	return byte < 224 ? byte % 4 : byte % (max + 2);
}

static size_t answer_alloc(void)
{
	uint32_t count = request.alloc.count;
	size_t bytes = fill(sizeof(answer.alloc), count,
			    sizeof(answer.alloc.items[0]));

	answer.alloc.count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t wanted = request.alloc.items[i].bytes;

		answer.alloc.items[i].bytes = wanted ?
			(wanted + PAGE - 1) & ~(uint64_t)(PAGE - 1) : PAGE;
	}
	return bytes;
}

static size_t answer_reserve(void)
{
	uint32_t count = request.reserve.count;
	size_t bytes;

	if (request.reserve.flags & CARVE_WIRE_RESERVE_CLAIM)
		count = count_of(CARVE_WIRE_CLASSES_MAX);
	bytes = fill(sizeof(answer.reserve), count,
		     sizeof(answer.reserve.classes[0]));
	answer.reserve.count = count;
	answer.reserve.reserved = 0;
	answer.reserve.reservation = request.reserve.reservation ?: 1;
	for (uint32_t i = 0; i < count; i++) {
		struct carve_wire_class *class = &answer.reserve.classes[i];

		class->reserved = 0;
		if (i < request.reserve.count)
			*class = request.reserve.classes[i];
		class->bytes = (class->bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	}
	return bytes;
}

static size_t answer_list(void)
{
	uint32_t count = count_of(CARVE_WIRE_LIST_MAX);
	size_t bytes = fill(sizeof(answer.list), count,
			    sizeof(answer.list.items[0]));

	answer.list.count = count;
	answer.list.reserved = 0;
	answer.list.cursor = count > 1 ? request.list.cursor + 1 : 0;
	return bytes;
}

static size_t answer_reservations(void)
{
	uint32_t count = count_of(CARVE_WIRE_LIST_MAX);
	size_t bytes = fill(sizeof(answer.reservations), count,
			    sizeof(answer.reservations.items[0]));

	answer.reservations.count = count;
	answer.reservations.reserved = 0;
	answer.reservations.cursor = count > 1 ?
		request.reservations.cursor + 1 : 0;
	return bytes;
}

static size_t answer_regions(void)
{
	uint32_t count = count_of(CARVE_WIRE_REGIONS_MAX);
	size_t bytes = fill(sizeof(answer.regions), count,
			    sizeof(answer.regions.items[0]));

	answer.regions.count = count;
	return bytes;
}

static size_t answer_refusal(void)
{
	uint32_t count = count_of(CARVE_WIRE_HOLDERS_MAX);
	size_t bytes = fill(sizeof(answer.refusal), count,
			    sizeof(answer.refusal.holders[0]));

	answer.refusal.holder_count = count;
	return bytes;
}

static size_t answer_well(void)
{
	switch (request.header.type) {
	case CARVE_MSG_HELLO:
		answer.hello.version = request.hello.version_max;
		answer.hello.epoch = 1;
		answer.hello.client = 1;
		return sizeof(answer.hello);
	case CARVE_MSG_ALLOC:
		return answer_alloc();
	case CARVE_MSG_REGIONS:
		return answer_regions();
	case CARVE_MSG_LIST:
		return answer_list();
	case CARVE_MSG_QUERY:
		return fill(sizeof(answer.query), 0, 0);
	case CARVE_MSG_RESERVE:
		return answer_reserve();
	case CARVE_MSG_RESERVATIONS:
		return answer_reservations();
	case CARVE_MSG_RESUME:
		answer.resume.flags = fuzz_u8(input) & CARVE_WIRE_RESUME_LOST;
		answer.resume.client = request.resume.client;
		return sizeof(answer.resume);
	default:
		return sizeof(answer.header);
	}
}

static size_t answer_badly(void)
{
	static const int16_t errors[] = {
		-ENOSPC, -EDQUOT, -ETIMEDOUT, -ENOENT, -EINVAL, -ECANCELED,
		-EBUSY, -4096, 1,
	};
	size_t which = fuzz_u8(input) % (sizeof(errors) / sizeof(errors[0]));
	size_t bytes = which < 3 ? answer_refusal() : sizeof(answer.header);

	answer.header.status = errors[which];
	return bytes;
}

static size_t tell_pressure(void)
{
	size_t bytes = fill(sizeof(answer.pressure), 0, 0);

	answer.header.type = CARVE_MSG_PRESSURE;
	answer.header.id = 0;
	return bytes;
}

/* Another daemon serves the connection. */
static size_t tell_epoch(void)
{
	answer.header.type = CARVE_MSG_EPOCH;
	answer.header.id = 0;
	answer.epoch.epoch = fuzz_u8(input);
	return sizeof(answer.epoch);
}

/* As it was recorded, but for the number of the request. */
static size_t answer_recorded(void)
{
	size_t bytes = fuzz_u16(input) % (sizeof(answer) + 1);
	uint64_t id = answer.header.id;

	fuzz_take(input, &answer, bytes);
	if (answer.header.id)
		answer.header.id = id;
	return bytes;
}

/* Return: false when there is nothing more to say. */
static bool speak(void)
{
	uint8_t how, fds_how;
	size_t bytes, fd_count;

	if (!input || !input->left)
		return false;
	how = fuzz_u8(input);
	memset(&answer, 0, sizeof(answer));
	answer.header.type = request.header.type;
	answer.header.id = request.header.id;
	if (how == 255)
		return false;
	if (how < 160)
		bytes = answer_well();
	else if (how < 200)
		bytes = answer_badly();
	else if (how < 215)
		bytes = tell_pressure();
	else if (how < 225)
		bytes = tell_epoch();
	else
		bytes = answer_recorded();
	if (how < 225)
		answer.header.bytes = (uint32_t)bytes;
	bytes = message_spoil(&answer, bytes, sizeof(answer), input);
	fd_count = answer.header.type == CARVE_MSG_ALLOC &&
		   !answer.header.status ? answer.alloc.count % FDS_MAX : 0;
	fds_how = fuzz_u8(input);
	if ((fds_how & 0xf0) == 0xe0)
		fd_count = fds_how & 3;
	send_answer(bytes, fd_count, fds_how);
	return true;
}

/* ---- between libcarve and the kernel ----------------------------------- */

/* The next one that libcarve has made, should it have given up the one before. */
static bool find_peer(void)
{
	char byte;

	while (peer >= 0 && recv(peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 &&
	       errno != EAGAIN) {
		hang_up();
		errno = 0;
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	if (peer < 0)
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return peer >= 0;
}

/* What libcarve has sent, the last of it. */
static void hear(void)
{
	union message next;
	ssize_t bytes;

	while (find_peer()) {
		bytes = recv(peer, &next, sizeof(next), MSG_DONTWAIT);
		if (bytes <= 0)
			break;
		fuzz_require(bytes == (ssize_t)next.header.bytes);
		if (next.header.type != CARVE_MSG_CANCEL)
			request = next;
	}
}

/* It is about to wait for @fd: let there be something, if only the end. */
static void before_waiting(int fd)
{
	char byte;

	if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
		hear();
		if (!speak())
			hang_up();
	}
}

ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
			   struct timespec *left);

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	before_waiting(fd);
	return __real_recvmsg(fd, msg, flags);
}

/* Time passes when somebody waits for it, and then at once. */
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals)
{
	static const struct timespec none;
	int r;

	before_waiting(fds[0].fd);
	r = __real_ppoll(fds, count, &none, signals);
	if (r == 0)
		fuzz_clock_advance((uint64_t)timeout->tv_sec * 1000000U +
				   (uint64_t)timeout->tv_nsec / 1000U + 1);
	return r;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
			   struct timespec *left)
{
	struct timespec now;
	int64_t usec;

	(void)flags;
	(void)left;
	clock_gettime(clock, &now);
	usec = (until->tv_sec - now.tv_sec) * 1000000 +
	       (until->tv_nsec - now.tv_nsec) / 1000 + 1;
	if (usec > 0)
		fuzz_clock_advance((uint64_t)usec);
	return 0;
}
