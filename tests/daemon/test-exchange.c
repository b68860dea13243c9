// SPDX-License-Identifier: MIT
/*
 * More requests under way at the same time than the daemon has prepared room for:
 * each is answered, once, with what it asked for. (tests/daemon/test-memory.c does
 * it where there is no memory for more, either.)
 */
#include "raw.h"
#include "waiter.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many as CARVE_EXCHANGE_SPARES of daemon/exchange.h, ten times. */
#define CLIENTS		80

/* What can be asked before the daemon's socket takes no more replies: 86. */
#define ASKED		120
#define FIRST_BUFFER	70

#define BUFFERS		40

struct wish {
	struct carve_wire_alloc alloc;
	struct carve_wire_alloc_item items[CARVE_WIRE_ALLOC_MAX];
};

/* No two that come one after the other want the same. */
static uint64_t bytes_of(uint64_t id)
{
	return (1 + id % 3) * PAGE;
}

/* @count buffers of bytes_of() each, for whoever waits for ever. */
static void ask_buffers(int socket, uint64_t id, uint32_t count)
{
	struct wish wish = {
		.alloc = {
			.header.type = CARVE_MSG_ALLOC,
			.header.id = id,
			.timeout_nsec = CARVE_WIRE_FOREVER,
			.count = count,
		},
	};
	size_t bytes = sizeof(wish.alloc) + count * sizeof(wish.items[0]);

	wish.alloc.header.bytes = (uint32_t)bytes;
	for (uint32_t i = 0; i < count; i++) {
		wish.items[i].bytes = bytes_of(id);
		snprintf(wish.items[i].name, sizeof(wish.items[i].name),
			 "%u of client %u", (unsigned int)i, (unsigned int)id);
	}
	assert_int_equal(raw_send(socket, &wish, bytes, -1, 0), 0);
}

static void ask_regions(int socket, uint64_t id)
{
	struct carve_wire_header header = {
		.bytes = sizeof(header),
		.type = CARVE_MSG_REGIONS,
		.id = id,
	};

	assert_int_equal(raw_send(socket, &header, sizeof(header), -1, 0), 0);
}

/* The next answer, which has to be this one's. Return: descriptors, now closed. */
static size_t expect_answer(int socket, uint16_t type, uint64_t id)
{
	union {
		struct carve_wire_header header;
		struct carve_wire_alloc_reply alloc;
		char room[CARVE_WIRE_MAX];
	} reply;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(RAW_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { &reply, sizeof(reply) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	size_t count = 0;
	int fd;

	assert_true(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) > 0);
	assert_int_equal(reply.header.type, type);
	assert_int_equal(reply.header.id, id);
	assert_int_equal(reply.header.status, 0);
	if (message.msg_controllen)
		count = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		memcpy(&fd, CMSG_DATA(&control.header) + i * sizeof(int),
		       sizeof(fd));
		assert_int_equal(lseek(fd, 0, SEEK_END), bytes_of(id));
		close(fd);
	}
	if (type == CARVE_MSG_ALLOC)
		assert_int_equal(reply.alloc.count, count);
	return count;
}

/*
 * Take the answers of all CLIENTS as they come. Small requests overtake: who reads in
 * the order of asking leaves them what the next one needs.
 */
static void expect_all(int *sockets)
{
	struct pollfd fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		fds[i] = (struct pollfd){ .fd = sockets[i], .events = POLLIN };
	for (int left = CLIENTS; left;) {
		assert_true(patient_poll(fds, CLIENTS, PATIENCE * 1000) > 0);
		for (uint32_t i = 0; i < CLIENTS; i++) {
			if (!fds[i].revents)
				continue;
			assert_int_equal(expect_answer(sockets[i], CARVE_MSG_ALLOC,
						       i + 1),
					 i % CARVE_WIRE_ALLOC_MAX + 1);
			fds[i].fd = -1;
			left--;
		}
	}
}

/* Requests of all lengths wait, and each has its own buffers in the end. */
static void test_many_wait(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "1M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_buffer *all = client_alloc(carve, MIB, NULL);
	int sockets[CLIENTS];

	(void)state;
	for (uint32_t i = 0; i < CLIENTS; i++) {
		sockets[i] = raw_client(daemon);
		ask_buffers(sockets[i], i + 1, i % CARVE_WIRE_ALLOC_MAX + 1);
	}
	assert_waiting_becomes(carve, CLIENTS);
	carve_buffer_unref(all);
	expect_all(sockets);
	for (int i = 0; i < CLIENTS; i++)
		close(sockets[i]);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Whoever waits hangs up, and what it has taken is there for others. */
static void test_many_wait_and_go(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "1M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_buffer *all = client_alloc(carve, MIB, NULL);
	int sockets[CLIENTS];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < CLIENTS; i++) {
			sockets[i] = raw_client(daemon);
			ask_buffers(sockets[i], i + 1, i % CARVE_WIRE_ALLOC_MAX + 1);
		}
		assert_waiting_becomes(carve, CLIENTS);
		for (int i = 0; i < CLIENTS; i++)
			close(sockets[i]);
		assert_waiting_becomes(carve, 0);
	}
	carve_buffer_unref(all);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/*
 * All ask more than their sockets have room for answers of, so that one answer of
 * each is kept: of some it is one with a buffer.
 */
static void test_many_do_not_read(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "32M", NULL);
	struct carve *carve = client_new(daemon);
	int sockets[CLIENTS];

	(void)state;
	for (uint64_t i = 0; i < CLIENTS; i++) {
		uint64_t first = FIRST_BUFFER + i % 20;

		sockets[i] = raw_client(daemon);
		for (uint64_t id = 1; id <= ASKED; id++)
			if (id < first || id >= first + BUFFERS)
				ask_regions(sockets[i], id);
			else
				ask_buffers(sockets[i], id, 1);
	}
	for (int64_t end = patient_ms() + PATIENCE * 1000;
	     !client_region(carve).live_bytes; sleep_ms(1))
		assert_true(patient_ms() < end);
	/* Whoever reads is served meanwhile. */
	for (int i = 0; i < 100; i++)
		assert_true(client_region(carve).live_bytes > 0);
	for (uint64_t i = 0; i < CLIENTS; i++) {
		uint64_t first = FIRST_BUFFER + i % 20;

		for (uint64_t id = 1; id <= ASKED; id++) {
			bool is_buffer = id >= first && id < first + BUFFERS;

			assert_int_equal(expect_answer(sockets[i], is_buffer ?
						       CARVE_MSG_ALLOC :
						       CARVE_MSG_REGIONS, id),
					 is_buffer);
		}
		close(sockets[i]);
	}
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_many_wait),
		DAEMON_TEST(test_many_wait_and_go),
		DAEMON_TEST(test_many_do_not_read),
	};

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
