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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

#define HOSTILE		100
#define SHARE		"20000"	/* of 100,000 */

/* A turn lasts for some of the periods in which the group has its share. */
#define TURNS		21
#define TURN_NSEC	3e8
#define SETTLE_USEC	200000
#define KIND_USEC	1000000
#define PLAIN_CYCLES	20000

/*
 * The daemon's work for one of them, beside that for an allocation and its end.
 * For a connection it has to find out who it is, which takes a look into /proc.
 */
#define MESSAGE_LIMIT	2
#define CONNECTION_LIMIT 6

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

/* Of each of them: what it was answered or sent, or the connections it made. */
static uint64_t *counts;
static uint64_t *count;

/* Return: was it sent? Hung up on is what it deserves. */
static bool say(int fd, const void *data, size_t bytes)
{
	return send(fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
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

	if (fd < 0)
		return;
	++*count;
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
	++*count;
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
	++*count;
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

static bool ask(int fd, uint64_t bytes, uint32_t flags)
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

	return say(fd, &request, sizeof(request));
}

/* What is answered was worked on; what is only sent may never be. */
static void hear(int fd)
{
	char reply[CARVE_WIRE_MAX];

	*count += recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 0;
}

static void list(int fd)
{
	struct carve_wire_list request = {
		.header = { .bytes = sizeof(request), .type = CARVE_MSG_LIST },
	};

	say(fd, &request, sizeof(request));
	hear(fd);
}

/* More than there is, and why it cannot be had. */
static void want(int fd)
{
	ask(fd, 1ULL << 40, CARVE_WIRE_ALLOC_EXPLAIN);
	hear(fd);
}

/* Buffers that it never takes. */
static void hoard(int fd)
{
	*count += ask(fd, 4096, 0);
}

static const struct kind {
	const char *name;
	void (*connect)(const struct service *service);
	void (*ask)(int fd);
} kinds[] = {
	{ .name = "connects and goes", .connect = knock },
	{ .name = "sends noise", .connect = babble },
	{ .name = "sends descriptors", .connect = stuff },
	{ .name = "asks for too much", .ask = want },
	{ .name = "never reads", .ask = hoard },
	{ .name = "lists for ever", .ask = list },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static noreturn void be_hostile(const struct service *service,
				const struct kind *kind)
{
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand((unsigned int)getpid());
	for (unsigned int i = 0;; i++) {
		if (kind->connect) {
			kind->connect(service);
			continue;
		}
		/* A new connection now and then: the last one may be cut off. */
		if (fd < 0 || !(i % 1000)) {
			if (fd >= 0)
				close(fd);
			fd = dial_and_greet(service);
			if (fd < 0)
				usleep(1000);
		}
		kind->ask(fd);
	}
}

/**
 * struct crowd - the hostile peers
 * @group: folder of the control group they are held in
 */
struct crowd {
	const char *group;
	pid_t pids[HOSTILE];
};

/* @which: all of one kind; or KINDS, of every kind the same number. */
static void crowd_start(struct crowd *crowd, const struct service *service,
			size_t which)
{
	char number[16];

	fflush(NULL);
	memset(counts, 0, HOSTILE * sizeof(*counts));
	for (size_t i = 0; i < HOSTILE; i++) {
		crowd->pids[i] = fork();
		if (crowd->pids[i] < 0)
			die("no process");
		if (crowd->pids[i])
			continue;
		snprintf(number, sizeof(number), "%d", (int)getpid());
		if (!write_to(crowd->group, "cgroup.procs", number))
			_exit(1);
		count = &counts[i];
		be_hostile(service, &kinds[(which < KINDS ? which : i) % KINDS]);
	}
}

static void crowd_signal(const struct crowd *crowd, int number)
{
	for (size_t i = 0; i < HOSTILE; i++)
		kill(crowd->pids[i], number);
}

static void crowd_stop(const struct crowd *crowd)
{
	crowd_signal(crowd, SIGKILL);
	for (size_t i = 0; i < HOSTILE; i++)
		waitpid(crowd->pids[i], NULL, 0);
}

static uint64_t crowd_count(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < HOSTILE; i++)
		sum += *(volatile uint64_t *)&counts[i];
	return sum;
}

/* ---- what they cost ------------------------------------------------------------ */

/* Of an allocation and its end, for comparison. */
static double measure_plain(const struct service *service)
{
	struct carve *carve = connect_to(service);
	double before;

	cycle(carve, PLAIN_CYCLES / 10, NULL);
	before = service_cpu_nsec(service);
	cycle(carve, PLAIN_CYCLES, NULL);
	carve_free(carve);
	return (service_cpu_nsec(service) - before) / PLAIN_CYCLES;
}

static void measure_kind(struct crowd *crowd, size_t which)
{
	double before, plain, nsec;
	struct service service;
	uint64_t first, done;
	char name[64];

	service_start(&service, "64M", 512);
	plain = measure_plain(&service);
	crowd_start(crowd, &service, which);
	usleep(SETTLE_USEC);
	first = crowd_count();
	before = service_cpu_nsec(&service);
	usleep(KIND_USEC);
	nsec = service_cpu_nsec(&service) - before;
	done = crowd_count() - first;
	/* What never reads is not read any more itself. */
	nsec = done ? nsec / (double)done : 0;
	snprintf(name, sizeof(name), "work for one that %s", kinds[which].name);
	report(name, nsec / plain, kinds[which].connect ? CONNECTION_LIMIT :
	       MESSAGE_LIMIT, ",\"daemon_us\":%.2f,"
	       "\"allocation_us\":%.2f,\"of\":\"%s\",\"per_s\":%.0f",
	       nsec / 1e3, plain / 1e3,
	       kinds[which].connect ? "connection" : "message",
	       (double)done * 1e6 / KIND_USEC);
	crowd_stop(crowd);
	service_stop(&service);
}

/* ---- what others notice ---------------------------------------------------------- */

static void take_turn(struct carve *carve, struct turns *turns, int which)
{
	struct samples samples = { 0 };
	double end;

	usleep(SETTLE_USEC);
	for (end = now_nsec() + TURN_NSEC; now_nsec() < end; )
		cycle(carve, 10, &samples);
	turns_add(turns, which, &samples);
	samples_free(&samples);
}

/*
 * The client and the daemon are in their places and go before others, so that
 * it is not the scheduler's share for a hundred more processes that is measured,
 * but what the daemon does for them.
 */
static void measure_others(struct crowd *crowd)
{
	struct turns turns = { 0 };
	struct service service;
	struct place places[2];
	size_t count_places = places_get(places);
	struct carve *carve;

	service_start(&service, "64M", 512);
	carve = connect_to(&service);
	crowd_start(crowd, &service, KINDS);
	place_process(getpid(), places[count_places - 1].client);
	place_process(service.pid, places[count_places - 1].server);
	for (int i = 0; i < TURNS; i++) {
		crowd_signal(crowd, SIGSTOP);
		take_turn(carve, &turns, 0);
		crowd_signal(crowd, SIGCONT);
		take_turn(carve, &turns, 1);
	}
	place_process(getpid(), -1);
	report("p99 beside 100 hostile peers", turns_p99(&turns, 1) /
	       turns_p99(&turns, 0), 2, ",\"quiet_p99_us\":%.1f,"
	       "\"hostile_p99_us\":%.1f,\"quiet_us\":%.1f,\"hostile_us\":%.1f,"
	       "\"worst_turn_p99_us\":%.1f,\"rss_anon_kib\":%llu",
	       turns_p99(&turns, 0) / 1e3, turns_p99(&turns, 1) / 1e3,
	       turns_p50(&turns, 0) / 1e3, turns_p50(&turns, 1) / 1e3,
	       samples_at(&turns.p99[1], 1) / 1e3,
	       service_status(&service, "RssAnon"));
	crowd_stop(crowd);
	carve_free(carve);
	service_stop(&service);
	turns_free(&turns);
}

void measure_hostile(void)
{
	struct crowd crowd = { .group = make_group() };

	if (!crowd.group) {
		fprintf(stderr, "hostile peers: skipped: no control group can be "
			"made here\n");
		return;
	}
	counts = mmap(NULL, HOSTILE * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die("out of memory");
	for (size_t i = 0; i < KINDS; i++)
		measure_kind(&crowd, i);
	measure_others(&crowd);
	munmap(counts, HOSTILE * sizeof(*counts));
	rmdir(crowd.group);
}
