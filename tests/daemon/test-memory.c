// SPDX-License-Identifier: MIT
/*
 * A machine that has no memory left, as the daemon sees it: it is not given one
 * page more than it has when it is ready, and goes on answering.
 */
#include "as-user.h"
#include "raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENTS		100
#define BUFFERS		20

/* A member of /proc/PID/status that is in kB. */
static uint64_t status_of(const struct daemon *daemon, const char *member)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, member, strlen(member)))
			sscanf(line + strlen(member), ": %llu", &kib);
	fclose(file);
	return kib * KIB;
}

static void set_limit(const struct daemon *daemon, int resource, uint64_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	assert_int_equal(prlimit(daemon->pid, resource, &limit, NULL), 0);
}

static struct carve *clients[CLIENTS];
static struct carve_buffer *buffers[CLIENTS][BUFFERS];

/* All come, take what they can carry, look at everything, and go. */
static void crowd(const struct daemon *daemon)
{
	struct carve_request requests[BUFFERS];
	struct carve_buffers *list;

	for (int i = 0; i < BUFFERS; i++)
		requests[i] = (struct carve_request){
			.struct_size = sizeof(requests[i]), .bytes = PAGE,
		};
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client_new(daemon);
		assert_int_equal(carve_alloc_many(clients[i], requests, BUFFERS,
						  buffers[i], NULL), 0);
	}
	assert_int_equal(carve_buffers_new(clients[0], &list), 0);
	assert_true(carve_buffers_count(list) >= CLIENTS * BUFFERS);
	carve_buffers_free(list);
	for (int i = 0; i < CLIENTS; i++)
		for (int j = 0; j < BUFFERS; j++)
			carve_buffer_unref(buffers[i][j]);
	assert_all_clean(clients[0]);
	for (int i = 0; i < CLIENTS; i++)
		carve_free(clients[i]);
}

static void test_no_page_more(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	struct carve *carve;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	carve = client_new(daemon);
	assert_all_clean(carve);
	carve_free(carve);
	set_limit(daemon, RLIMIT_AS, status_of(daemon, "VmSize"));
	set_limit(daemon, RLIMIT_DATA, status_of(daemon, "VmData"));
	for (int i = 0; i < 3; i++)
		crowd(daemon);
	daemon_stop(daemon);
}

/* All there is, in the smallest buffers. Return: how many. */
static size_t use_all_memory(const struct daemon *daemon, struct carve *carve,
			     struct carve_buffer **buffers, size_t room)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	size_t count = 0;
	int r = 0;

	set_limit(daemon, RLIMIT_AS, status_of(daemon, "VmSize"));
	set_limit(daemon, RLIMIT_DATA, status_of(daemon, "VmData"));
	request.bytes = 1;
	while (r == 0 && count < room) {
		r = carve_alloc(carve, &request, &buffers[count]);
		count += r == 0;
	}
	assert_int_equal(r, -ENOMEM);
	return count;
}

static void end(struct daemon *daemon, struct carve *carve, struct carve *other,
		struct carve_buffer **buffers, size_t count)
{
	while (count)
		carve_buffer_unref(buffers[--count]);
	assert_all_clean(other);
	carve_free(carve);
	carve_free(other);
	daemon_stop(daemon);
}

/* Beyond what was prepared somebody is told so, and the others live on. */
static void test_too_many_for_it(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	struct carve_request request = CARVE_REQUEST_INIT;
	static struct carve_buffer *many[15000];
	struct carve *carve, *other;
	size_t count;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	carve = client_new(daemon);
	assert_all_clean(carve);
	other = client_new(daemon);
	count = use_all_memory(daemon, carve, many, 15000);
	request.bytes = 1;
	assert_true(count > CLIENTS * BUFFERS);
	/* It is told again, and so is another one, who may still look. */
	assert_int_equal(carve_alloc(other, &request, &many[count]), -ENOMEM);
	assert_int_equal(client_region(other).buffers, count);
	for (int i = 0; i < 100; i++)
		carve_buffer_unref(many[--count]);
	assert_live_becomes(other, count * PAGE);
	assert_int_equal(carve_alloc(other, &request, &many[count]), 0);
	carve_buffer_unref(many[count]);
	end(daemon, carve, other, many, count);
}

/* ---- requests that wait while there is no memory --------------------------- */

/* Those who are answered in the end; and those who ask for more than there ever is. */
#define WAITERS		24
#define GREEDY		200

/* As many as one user may have waiting; and clients that use up the memory. */
#define MORE_WAITERS	60
#define IDLE		900

/* Return: the number of a reservation of one page. */
static uint64_t reserve_page(int socket)
{
	struct {
		struct carve_wire_reserve reserve;
		struct carve_wire_class class;
	} request = {
		.reserve.header.bytes = sizeof(request),
		.reserve.header.type = CARVE_MSG_RESERVE,
		.reserve.count = 1,
		.class = { .bytes = PAGE, .count = 1 },
	};
	struct carve_wire_reserve_reply reply[2];

	assert_int_equal(raw_send(socket, &request, sizeof(request), -1, 0), 0);
	assert_true(raw_receive(socket, reply, sizeof(reply), PATIENCE * 1000) > 0);
	assert_int_equal(reply->header.status, 0);
	return reply->reservation;
}

/* For so many slots, whoever has to give them back. */
static void ask_slots(int socket, uint64_t reservation, uint64_t id,
		      uint32_t count)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item items[CARVE_WIRE_ALLOC_MAX];
	} request = {
		.alloc.header.type = CARVE_MSG_ALLOC,
		.alloc.header.id = id,
		.alloc.reservation = reservation,
		.alloc.timeout_nsec = CARVE_WIRE_FOREVER,
		.alloc.count = count,
	};
	size_t bytes = sizeof(request.alloc) + count * sizeof(request.items[0]);

	request.alloc.header.bytes = (uint32_t)bytes;
	assert_int_equal(raw_send(socket, &request, bytes, -1, 0), 0);
}

/* The answer to ask_slots() for one. Return: the buffer. */
static int take_slot(int socket, uint64_t id)
{
	struct carve_wire_alloc_reply reply[2];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { reply, sizeof(reply) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	assert_true(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) > 0);
	assert_int_equal(reply->header.status, 0);
	assert_int_equal(reply->header.id, id);
	assert_int_equal(reply->count, 1);
	assert_true(message.msg_controllen >= CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void come_greedy(const struct daemon *daemon, int *sockets, uint64_t *has)
{
	for (int i = 0; i < GREEDY; i++) {
		sockets[i] = raw_client(daemon);
		has[i] = reserve_page(sockets[i]);
	}
}

static void ask_greedily(const int *sockets, const uint64_t *has)
{
	for (int i = 0; i < GREEDY; i++)
		ask_slots(sockets[i], has[i], 1, CARVE_WIRE_ALLOC_MAX);
}

/* Waits until no more requests are read. Return: how many wait in queues. */
static uint32_t settle(struct carve *carve)
{
	uint32_t count, before = 0;

	while ((count = client_region(carve).waiting) != before || !count) {
		before = count;
		sleep_ms(100);
	}
	return count;
}

/*
 * Those for which there is no room wait in their sockets, and nobody else waits for
 * them. In the end each has what it asked for.
 */
static void test_waiting_without_memory(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	struct carve_request request = CARVE_REQUEST_INIT;
	static struct carve_buffer *many[15000];
	struct carve *carve, *other;
	uint64_t greedy_has[GREEDY], has[WAITERS];
	int greedy[GREEDY], sockets[WAITERS], fds[WAITERS];
	uint32_t waiting;
	size_t count;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	carve = client_new(daemon);
	assert_all_clean(carve);
	other = client_new(daemon);
	come_greedy(daemon, greedy, greedy_has);
	for (int i = 0; i < WAITERS; i++) {
		sockets[i] = raw_client(daemon);
		has[i] = reserve_page(sockets[i]);
		ask_slots(sockets[i], has[i], 1, 1);
		fds[i] = take_slot(sockets[i], 1);
	}
	count = use_all_memory(daemon, carve, many, 15000);
	ask_greedily(greedy, greedy_has);
	for (int i = 0; i < WAITERS; i++)
		ask_slots(sockets[i], has[i], 2, 1);
	waiting = settle(other);
	print_message("# %u of %u requests were read\n", waiting, GREEDY + WAITERS);
	assert_in_range(waiting, 1, GREEDY);
	for (int i = 0; i < 20; i++)
		assert_int_equal(client_region(other).waiting, waiting);
	/* Who does not want to wait is answered: here, that there is no memory. */
	request.bytes = 1;
	assert_int_equal(carve_alloc(other, &request, &many[count]), -ENOMEM);
	/* Who goes out of the middle of the line does the others no harm. */
	close(sockets[WAITERS / 2]);
	for (int i = 0; i < WAITERS; i++)
		close(fds[i]);
	for (int i = 0; i < GREEDY; i++)
		close(greedy[i]);
	for (int i = 0; i < WAITERS; i++) {
		if (i == WAITERS / 2)
			continue;
		close(take_slot(sockets[i], 2));
		close(sockets[i]);
	}
	end(daemon, carve, other, many, count);
}

/* Who waits without end for what others have, and has nothing reserved. */
static void ask_without_end(int socket)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item items[CARVE_WIRE_ALLOC_MAX];
	} request = {
		.alloc.header.bytes = sizeof(request),
		.alloc.header.type = CARVE_MSG_ALLOC,
		.alloc.header.id = 1,
		.alloc.timeout_nsec = CARVE_WIRE_FOREVER,
		.alloc.count = CARVE_WIRE_ALLOC_MAX,
	};

	for (int i = 0; i < CARVE_WIRE_ALLOC_MAX; i++)
		request.items[i].bytes = MIB;
	assert_int_equal(raw_send(socket, &request, sizeof(request), -1, 0), 0);
}

/* They are told that there is no memory, and keep nobody from being served. */
static void test_others_without_memory(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	static struct carve_buffer *many[15000];
	static struct carve *idle[IDLE];
	struct carve_wire_header answer;
	struct carve *carve, *other;
	const struct carve_class class = {
		.struct_size = sizeof(class), .bytes = PAGE, .count = 1,
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	int sockets[MORE_WAITERS], refused = 0;
	size_t idle_count = 0;
	size_t count;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	carve = client_new(daemon);
	assert_all_clean(carve);
	other = client_new(daemon);
	for (int i = 0; i < MORE_WAITERS; i++)
		sockets[i] = raw_client(daemon);
	profile.classes = &class;
	profile.class_count = 1;
	assert_int_equal(carve_reserve(other, &profile, &reservation, NULL), 0);
	count = use_all_memory(daemon, carve, many, 15000);
	while (idle_count < IDLE && carve_new(&idle[idle_count], daemon->socket) == 0)
		idle_count++;
	assert_in_range(idle_count, 0, IDLE - 1);
	/* There is memory for a buffer, and for no request. */
	carve_buffer_unref(many[--count]);
	for (int i = 0; i < MORE_WAITERS; i++)
		ask_without_end(sockets[i]);
	settle(other);
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0,
						 &many[count]), 0);
	carve_buffer_unref(many[count]);
	for (int i = 0; i < MORE_WAITERS; i++) {
		if (raw_receive(sockets[i], &answer, sizeof(answer), 0) > 0) {
			assert_int_equal(answer.status, -ENOMEM);
			refused++;
		}
		close(sockets[i]);
	}
	print_message("# %d of %d were refused\n", refused, MORE_WAITERS);
	assert_in_range(refused, 1, MORE_WAITERS - 1);
	carve_reservation_free(reservation);
	while (idle_count)
		carve_free(idle[--idle_count]);
	end(daemon, carve, other, many, count);
}

/* A connection of another user; only root may become one. */
static int stranger_client(const struct daemon *daemon)
{
	int socket;

	assert_int_equal(seteuid(STRANGER), 0);
	socket = raw_client(daemon);
	assert_int_equal(seteuid(0), 0);
	return socket;
}

/* Many of one user wait for what it was promised, and another one is served. */
static void test_users_without_memory(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "64M", NULL);
	static struct carve_buffer *many[15000];
	struct carve *carve, *other;
	uint64_t greedy_has[GREEDY], has;
	int greedy[GREEDY], socket, fd;
	struct pollfd pollfd;
	size_t count;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip_because("the sanitizer's heap is not the one that is prepared");
#endif
	if (geteuid() != 0)
		skip_because("several users need root");
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	carve = client_new(daemon);
	assert_all_clean(carve);
	other = client_new(daemon);
	come_greedy(daemon, greedy, greedy_has);
	socket = stranger_client(daemon);
	has = reserve_page(socket);
	ask_slots(socket, has, 1, 1);
	fd = take_slot(socket, 1);
	count = use_all_memory(daemon, carve, many, 15000);
	ask_greedily(greedy, greedy_has);
	assert_in_range(settle(other), 1, GREEDY - 1);
	ask_slots(socket, has, 2, 1);
	close(fd);
	pollfd = (struct pollfd){ .fd = socket, .events = POLLIN };
	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	close(take_slot(socket, 2));
	close(socket);
	for (int i = 0; i < GREEDY; i++)
		close(greedy[i]);
	end(daemon, carve, other, many, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_no_page_more),
		DAEMON_TEST(test_too_many_for_it),
		DAEMON_TEST(test_waiting_without_memory),
		DAEMON_TEST(test_others_without_memory),
		DAEMON_TEST(test_users_without_memory),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
