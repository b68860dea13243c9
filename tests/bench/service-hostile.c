// SPDX-License-Identifier: MIT
/*
 * What a well-behaved client notices of a hundred others that do all they can
 * think of, held in one control group at a fifth of a processor.
 */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

#define HOSTILE		100
#define ROUNDS		10
#define CYCLES		1000
#define SHARE		"20000"	/* of 100,000 */

/* ---- the control group, of either version ---------------------------------- */

static bool write_to(const char *folder, const char *name, const char *text)
{
	char path[128];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

/* Return: the folder of a group held at SHARE, or NULL. */
static const char *make_group(void)
{
	static const char *const one = "/sys/fs/cgroup/cpu/carve-bench";
	static const char *const two = "/sys/fs/cgroup/carve-bench";

	if (mkdir(one, 0755) == 0 || (errno == EEXIST && access(one, F_OK) == 0)) {
		if (write_to(one, "cpu.cfs_quota_us", SHARE))
			return one;
		rmdir(one);
		return NULL;
	}
	write_to("/sys/fs/cgroup", "cgroup.subtree_control", "+cpu");
	if (mkdir(two, 0755) < 0 && errno != EEXIST)
		return NULL;
	if (write_to(two, "cpu.max", SHARE " 100000"))
		return two;
	rmdir(two);
	return NULL;
}

/* ---- what they do ------------------------------------------------------------ */

static int dial(const struct service *service)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, service->socket);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
			       sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void say(int fd, const void *data, size_t bytes)
{
	/* Hung up on is what it deserves. */
	if (send(fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

static int dial_and_greet(const struct service *service)
{
	struct carve_wire_hello hello = {
		.header = { .bytes = sizeof(hello), .type = CARVE_MSG_HELLO },
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	int fd = dial(service);

	if (fd >= 0)
		say(fd, &hello, sizeof(hello));
	return fd;
}

/* Connects and goes, over and over. */
static void knock(const struct service *service)
{
	int fd = dial(service);

	if (fd >= 0)
		close(fd);
}

/* A header that lies, half a message, noise. */
static void babble(const struct service *service)
{
	char noise[CARVE_WIRE_MAX];
	int fd = dial_and_greet(service);

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)rand();
	if (fd < 0)
		return;
	say(fd, noise, 1 + (size_t)rand() % sizeof(noise));
	close(fd);
}

/* A message that carries many descriptors and should carry none. */
static void stuff(const struct service *service)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 200)];
	} control = { 0 };
	struct carve_wire_header header = {
		.bytes = sizeof(header), .type = CARVE_MSG_REGIONS,
	};
	struct iovec iov = { &header, sizeof(header) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fds[200], fd = dial_and_greet(service);

	if (fd < 0)
		return;
	for (int i = 0; i < 200; i++)
		fds[i] = STDERR_FILENO;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		knock(service);
	close(fd);
}

static void ask(int fd, uint64_t bytes, uint32_t flags)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item item;
	} request = {
		.alloc = {
			.header = { .bytes = sizeof(request),
				    .type = CARVE_MSG_ALLOC },
			.count = 1,
			.flags = flags,
		},
		.item.bytes = bytes,
	};

	say(fd, &request, sizeof(request));
}

static void list(int fd)
{
	struct carve_wire_list request = {
		.header = { .bytes = sizeof(request), .type = CARVE_MSG_LIST },
	};

	say(fd, &request, sizeof(request));
}

static noreturn void be_hostile(const struct service *service, int which)
{
	char reply[CARVE_WIRE_MAX];
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand((unsigned int)which + 1);
	for (unsigned int i = 0;; i++) {
		/* A new connection now and then: the last one may be cut off. */
		if (fd < 0 || !(i % 1000)) {
			if (fd >= 0)
				close(fd);
			fd = dial_and_greet(service);
			if (fd < 0)
				usleep(1000);
		}
		switch (which % 6) {
		case 0:
			knock(service);
			break;
		case 1:
			babble(service);
			break;
		case 2:
			stuff(service);
			break;
		case 3:
			/* More than there is, and why it cannot be had. */
			ask(fd, 1ULL << 40, CARVE_WIRE_ALLOC_EXPLAIN);
			recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
			break;
		case 4:
			/* Buffers that it never takes. */
			ask(fd, 4096, 0);
			break;
		case 5:
			list(fd);
			break;
		}
	}
}

static void measure(struct carve *carve, struct samples *samples)
{
	cycle(carve, CYCLES, NULL);
	for (int i = 0; i < ROUNDS; i++)
		cycle(carve, CYCLES, samples);
}

void measure_hostile(void)
{
	const char *group = make_group();
	struct samples quiet = { 0 }, loud = { 0 };
	pid_t children[HOSTILE];
	struct service service;
	struct carve *carve;
	char number[16];

	if (!group) {
		fprintf(stderr, "hostile peers: skipped: no control group can be "
			"made here\n");
		return;
	}
	service_start(&service, "64M", 512);
	carve = connect_to(&service);
	measure(carve, &quiet);
	fflush(NULL);
	for (int i = 0; i < HOSTILE; i++) {
		children[i] = fork();
		if (children[i] < 0)
			die("no process");
		if (!children[i]) {
			snprintf(number, sizeof(number), "%d", (int)getpid());
			if (!write_to(group, "cgroup.procs", number))
				_exit(1);
			be_hostile(&service, i);
		}
	}
	sleep(2);
	measure(carve, &loud);
	report("p99 beside 100 hostile peers", samples_at(&loud, 0.99) /
	       samples_at(&quiet, 0.99), 2, ",\"quiet_p99_us\":%.1f,"
	       "\"hostile_p99_us\":%.1f,\"quiet_us\":%.1f,\"hostile_us\":%.1f,"
	       "\"rss_anon_kib\":%llu", samples_at(&quiet, 0.99) / 1e3,
	       samples_at(&loud, 0.99) / 1e3, samples_at(&quiet, 0.5) / 1e3,
	       samples_at(&loud, 0.5) / 1e3, service_status(&service, "RssAnon"));
	for (int i = 0; i < HOSTILE; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	rmdir(group);
	carve_free(carve);
	service_stop(&service);
	samples_free(&quiet);
	samples_free(&loud);
}
