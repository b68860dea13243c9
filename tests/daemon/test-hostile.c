// SPDX-License-Identifier: MIT
/*
 * Clients that lie, babble or do not read. Each is hung up on or left to
 * itself; a well-behaved client that was there before is not harmed, and the
 * daemon has no more descriptors afterwards.
 */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REGION_BYTES	(16 * MIB)

/**
 * struct bystander - the daemon, and a client that should not notice anything
 */
struct bystander {
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
};

static struct bystander start(void)
{
	struct bystander by = { .daemon = daemon_start("--simulate", "16M", NULL) };

	by.carve = client_new(by.daemon);
	by.fds = daemon_fds(by.daemon);
	return by;
}

static void assert_unharmed(const struct bystander *by)
{
	carve_buffer_unref(client_alloc(by->carve, REGION_BYTES, NULL));
}

static void end(struct bystander *by)
{
	assert_fds_become(by->daemon, by->fds);
	assert_all_clean(by->carve);
	carve_free(by->carve);
	daemon_stop(by->daemon);
}

/* Everyone says this before the daemon hangs up. */
static void say(const struct bystander *by, bool greeted, const void *packet,
		size_t bytes, size_t fds)
{
	int socket = greeted ? raw_client(by->daemon) : raw_connect(by->daemon);

	/* Sending may fail once it has hung up on an earlier one. */
	raw_send(socket, packet, bytes, STDIN_FILENO, fds);
	raw_expect_hangup(socket);
	assert_unharmed(by);
}

static void test_no_hello(void **state)
{
	struct bystander by = start();
	struct carve_wire_header regions = {
		.bytes = sizeof(regions), .type = CARVE_MSG_REGIONS,
	};

	(void)state;
	say(&by, false, &regions, sizeof(regions), 0);
	end(&by);
}

static void test_wrong_hello(void **state)
{
	struct bystander by = start();
	struct carve_wire_hello hello = {
		.header = { .bytes = sizeof(hello), .type = CARVE_MSG_HELLO },
		.version_min = CARVE_WIRE_VERSION + 1,
		.version_max = CARVE_WIRE_VERSION + 7,
	};
	struct carve_wire_hello_reply reply;
	int socket = raw_connect(by.daemon);

	(void)state;
	/* A version it does not speak is no crime: it says so. */
	assert_int_equal(raw_send(socket, &hello, sizeof(hello), -1, 0), 0);
	assert_int_equal(raw_receive(socket, &reply, sizeof(reply), PATIENCE * 1000),
			 sizeof(reply.header));
	assert_int_equal(reply.header.status, -EPROTONOSUPPORT);
	close(socket);
	hello.version_max = CARVE_WIRE_VERSION;
	say(&by, false, &hello, sizeof(hello), 0);
	hello.version_min = CARVE_WIRE_VERSION;
	say(&by, true, &hello, sizeof(hello), 0);
	end(&by);
}

static void test_wrong_lengths(void **state)
{
	struct bystander by = start();
	char packet[2 * CARVE_WIRE_MAX] = { 0 };
	struct carve_wire_header *header = (struct carve_wire_header *)packet;
	size_t lengths[] = {
		0, 1, sizeof(*header) - 1, sizeof(*header) + 1, CARVE_WIRE_MAX,
		CARVE_WIRE_MAX + 1, sizeof(packet),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		/* Half a message, and one that says of itself what it is. */
		header->type = CARVE_MSG_REGIONS;
		header->bytes = sizeof(*header);
		say(&by, true, packet, lengths[i], 0);
		header->bytes = (uint32_t)lengths[i];
		say(&by, true, packet, lengths[i], 0);
		say(&by, false, packet, lengths[i], 0);
	}
	end(&by);
}

static void test_wrong_members(void **state)
{
	struct bystander by = start();
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item items[2];
	} good = {
		.alloc.header = {
			.bytes = sizeof(good), .type = CARVE_MSG_ALLOC,
		},
		.alloc.count = 2,
		.items = { { .bytes = 4096 }, { .bytes = 4096 } },
	}, bad;

	(void)state;
#define SAY_BAD(change) do { bad = good; change; \
	say(&by, true, &bad, sizeof(bad), 0); } while (0)
	SAY_BAD(bad.alloc.header.type = 0);
	SAY_BAD(bad.alloc.header.type = 6);
	SAY_BAD(bad.alloc.header.type = UINT16_MAX);
	SAY_BAD(bad.alloc.header.status = -1);
	SAY_BAD(bad.alloc.header.bytes -= 1);
	SAY_BAD(bad.alloc.count = 0);
	SAY_BAD(bad.alloc.count = 1);
	SAY_BAD(bad.alloc.count = 3);
	SAY_BAD(bad.alloc.count = UINT32_MAX);
	SAY_BAD(bad.alloc.flags = 1U << 31);
	SAY_BAD(memset(bad.alloc.region, 'x', sizeof(bad.alloc.region)));
	SAY_BAD(memset(bad.items[1].name, 'x', sizeof(bad.items[1].name)));
#undef SAY_BAD
	end(&by);
}

/* Numbers the library would not send: refused, and no reason to hang up. */
static void test_wrong_numbers(void **state)
{
	static const struct {
		uint64_t bytes, alignment;
		int status;
	} wrong[] = {
		{ 0, 0, -EINVAL },
		{ UINT64_MAX, 0, -EOVERFLOW },
		{ UINT64_MAX - 4094, 0, -EOVERFLOW },
		{ UINT64_MAX - 65535, 0, -ERANGE },
		{ 1ULL << 63, 0, -ERANGE },
		{ REGION_BYTES + 1, 0, -ERANGE },
		{ 1, 3, -EINVAL },
		{ 1, UINT64_MAX, -EINVAL },
		{ 1, 1ULL << 63, -ERANGE },
	};
	struct bystander by = start();
	struct carve_wire_header reply;
	int socket = raw_client(by.daemon);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(raw_request_buffer(socket, wrong[i].bytes,
						    wrong[i].alignment), 0);
		assert_int_equal(raw_receive(socket, &reply, sizeof(reply),
					     PATIENCE * 1000), sizeof(reply));
		assert_int_equal(reply.status, wrong[i].status);
	}
	close(socket);
	assert_unharmed(&by);
	end(&by);
}

static void test_wrong_descriptors(void **state)
{
	struct bystander by = start();
	struct carve_wire_header regions = {
		.bytes = sizeof(regions), .type = CARVE_MSG_REGIONS,
	};
	struct carve_wire_header query = {
		.bytes = sizeof(query), .type = CARVE_MSG_QUERY,
	};

	(void)state;
	say(&by, true, &regions, sizeof(regions), 1);
	say(&by, true, &query, sizeof(query), 0);
	say(&by, true, &query, sizeof(query), 2);
	say(&by, true, &query, sizeof(query), RAW_FDS_MAX);
	say(&by, false, &regions, sizeof(regions), RAW_FDS_MAX);
	end(&by);
}

/* Queries about whatever a descriptor can be. */
static void test_strange_descriptors(void **state)
{
	static const char *const paths[] = {
		"/dev/null", "/proc/self/mem", "/", "/dev/zero", "/proc/self/ns/mnt",
	};
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct bystander by = start();
	int fd, r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		r = carve_query(by.carve, fd, &info);
		close(fd);
		assert_int_equal(r, -ENOENT);
	}
	fd = open("/", O_PATH | O_CLOEXEC);
	assert_int_equal(carve_query(by.carve, fd, &info), -ENOENT);
	close(fd);
	assert_unharmed(&by);
	end(&by);
}

static void test_garbage(void **state)
{
	struct bystander by = start();
	char packet[CARVE_WIRE_MAX];
	unsigned int seed = 1;
	size_t bytes, i;
	int round, socket;

	(void)state;
	for (round = 0; round < 2000; round++) {
		bytes = (size_t)rand_r(&seed) % sizeof(packet) + 1;
		for (i = 0; i < bytes; i++)
			packet[i] = (char)rand_r(&seed);
		socket = round % 2 ? raw_client(by.daemon) : raw_connect(by.daemon);
		raw_send(socket, packet, bytes, STDIN_FILENO, (size_t)round % 4);
		raw_expect_hangup(socket);
	}
	assert_unharmed(&by);
	end(&by);
}

/* Connections that never say anything cost a connection and nothing else. */
static void test_silent(void **state)
{
	struct bystander by = start();
	int sockets[100];
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		sockets[i] = raw_connect(by.daemon);
	assert_unharmed(&by);
	for (i = 0; i < 100; i++)
		close(sockets[i]);
	end(&by);
}

/* ---- not reading --------------------------------------------------------- */

/*
 * Ask and never read, until no more can be sent. What lies unread is bounded,
 * and others get their replies meanwhile.
 */
static void test_never_reading(void **state)
{
	struct bystander by = start();
	int64_t begin, quiet_since = now_ms();
	int sockets[8], count = 0, i, r;

	(void)state;
	for (i = 0; i < 8; i++)
		sockets[i] = raw_client(by.daemon);
	/* Until nobody takes anything for half a second. */
	while (now_ms() - quiet_since < 500) {
		for (i = 0; i < 8; i++) {
			r = raw_request_buffer(sockets[i], PAGE, 0);
			assert_true(r == 0 || r == -EAGAIN || r == -ENOBUFS);
			if (r == 0) {
				count++;
				quiet_since = now_ms();
			}
		}
		assert_true(count < 100000);
		if (now_ms() - quiet_since > 50)
			sleep_ms(10);
	}
	/* Asked for more than it may be given unread, and given no more. */
	assert_true(count > 8 * CARVE_WIRE_ALLOC_MAX);
	assert_true(client_region(by.carve).buffers <= 8 * CARVE_WIRE_ALLOC_MAX);
	begin = now_ms();
	for (i = 0; i < 100; i++)
		client_region(by.carve);
	assert_true(now_ms() - begin < PATIENCE * 1000);
	for (i = 0; i < 8; i++)
		close(sockets[i]);
	assert_unharmed(&by);
	end(&by);
}

/* Who reads late gets everything, in order. */
static void test_reading_late(void **state)
{
	struct bystander by = start();
	char packet[CARVE_WIRE_MAX];
	struct carve_wire_header *header = (struct carve_wire_header *)packet;
	int socket = raw_client(by.daemon), sent = 0, got = 0;
	int64_t last = now_ms();

	(void)state;
	while (now_ms() - last < 300) {
		if (raw_request_buffer(socket, PAGE, 0) < 0) {
			sleep_ms(10);
			continue;
		}
		sent++;
		last = now_ms();
		if (sent == 200)
			break;
	}
	while (got < sent) {
		ssize_t n = raw_receive(socket, packet, sizeof(packet), PATIENCE * 1000);

		assert_true(n >= (ssize_t)sizeof(*header));
		assert_int_equal(header->type, CARVE_MSG_ALLOC);
		assert_int_equal(header->status, 0);
		got++;
	}
	close(socket);
	assert_unharmed(&by);
	end(&by);
}

/* Ask and leave: what was on its way comes back. */
static void test_leaving_early(void **state)
{
	struct bystander by = start();
	int i, j, socket;

	(void)state;
	for (i = 0; i < 200; i++) {
		socket = raw_client(by.daemon);
		for (j = 0; j < i % 7; j++)
			raw_request_buffer(socket, 16 * PAGE, 0);
		close(socket);
	}
	assert_unharmed(&by);
	end(&by);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_no_hello),
		DAEMON_TEST(test_wrong_hello),
		DAEMON_TEST(test_wrong_lengths),
		DAEMON_TEST(test_wrong_members),
		DAEMON_TEST(test_wrong_numbers),
		DAEMON_TEST(test_wrong_descriptors),
		DAEMON_TEST(test_strange_descriptors),
		DAEMON_TEST(test_garbage),
		DAEMON_TEST(test_silent),
		DAEMON_TEST(test_never_reading),
		DAEMON_TEST(test_reading_late),
		DAEMON_TEST(test_leaving_early),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
