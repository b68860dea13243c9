// SPDX-License-Identifier: MIT
/*
 * Clients that break the protocol of reservations, and clients that die at any
 * moment of it.
 */
#include "raw.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reserving.h"

struct reserve_packet {
	struct carve_wire_reserve reserve;
	struct carve_wire_class classes[CARVE_WIRE_CLASSES_MAX + 1];
};

static struct reserve_packet packet(uint32_t count)
{
	struct reserve_packet packet = {
		.reserve.header = {
			.bytes = sizeof(packet.reserve) +
				 count * (uint32_t)sizeof(packet.classes[0]),
			.type = CARVE_MSG_RESERVE,
			.id = 7,
		},
		.reserve.count = count,
	};

	for (uint32_t i = 0; i < count; i++)
		packet.classes[i] = (struct carve_wire_class){
			.bytes = 4096, .count = 1,
		};
	return packet;
}

static int send_packet(int socket, const struct reserve_packet *packet)
{
	return raw_send(socket, packet, packet->reserve.header.bytes, -1, 0);
}

static void expect_hangup(const struct daemon *daemon,
			  const struct reserve_packet *packet)
{
	int socket = raw_client(daemon);

	assert_int_equal(send_packet(socket, packet), 0);
	raw_expect_hangup(socket);
}

/* Return: the status of the answer. */
static int answer_to(int socket, const struct reserve_packet *packet,
		     uint64_t *ret_reservation)
{
	struct {
		struct carve_wire_reserve_reply reply;
		char room[CARVE_WIRE_MAX];
	} answer;

	assert_int_equal(send_packet(socket, packet), 0);
	assert_true(raw_receive(socket, &answer, sizeof(answer),
				PATIENCE * 1000) > 0);
	assert_int_equal(answer.reply.header.id, 7);
	if (answer.reply.header.status == 0)
		*ret_reservation = answer.reply.reservation;
	return answer.reply.header.status;
}

static void test_broken_requests_end_the_connection(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	struct reserve_packet bad;

	(void)state;
	bad = packet(17);
	expect_hangup(daemon, &bad);
	bad = packet(2);
	bad.reserve.count = 3;
	expect_hangup(daemon, &bad);
	bad = packet(1);
	bad.reserve.flags = 1U << 31;
	expect_hangup(daemon, &bad);
	bad = packet(1);
	bad.classes[0].reserved = 1;
	expect_hangup(daemon, &bad);
	bad = packet(1);
	memset(bad.reserve.region, 'a', sizeof(bad.reserve.region));
	expect_hangup(daemon, &bad);
	bad = packet(1);
	memset(bad.reserve.name, 'a', sizeof(bad.reserve.name));
	expect_hangup(daemon, &bad);
	bad = packet(1);
	bad.reserve.flags = CARVE_WIRE_RESERVE_CLAIM;
	strcpy(bad.reserve.name, "film");
	expect_hangup(daemon, &bad);
	bad = packet(0);
	bad.reserve.flags = CARVE_WIRE_RESERVE_CLAIM;
	expect_hangup(daemon, &bad);
	bad = packet(1);
	bad.reserve.reservation = 1;
	strcpy(bad.reserve.region, "main");
	expect_hangup(daemon, &bad);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* What is well formed, but of something that is not there or not one's own. */
static void test_strange_requests_are_refused(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	int socket = raw_client(daemon), other = raw_client(daemon);
	struct reserve_packet good = packet(1), strange;
	uint64_t number = 0, ignored;

	(void)state;
	assert_int_equal(answer_to(socket, &good, &number), 0);
	assert_true(number > 0);
	strange = packet(0);
	assert_int_equal(answer_to(socket, &strange, &ignored), -EINVAL);
	strange.reserve.reservation = number + 1;
	assert_int_equal(answer_to(socket, &strange, &ignored), -ENOENT);
	/* Another connection's, by its number. */
	strange.reserve.reservation = number;
	assert_int_equal(answer_to(other, &strange, &ignored), -ENOENT);
	strange = packet(1);
	strange.reserve.reservation = number;
	assert_int_equal(answer_to(other, &strange, &ignored), -ENOENT);
	strange.classes[0].count = 0;
	assert_int_equal(answer_to(socket, &strange, &ignored), -EINVAL);
	strange.classes[0].count = UINT32_MAX;
	assert_int_equal(answer_to(socket, &strange, &ignored), -EINVAL);
	carve_reservations_free(reservations(carve, 1));
	strange = packet(0);
	strange.reserve.reservation = number;
	assert_int_equal(answer_to(socket, &strange, &ignored), 0);
	assert_int_equal(answer_to(socket, &strange, &ignored), -ENOENT);
	assert_all_clean(carve);
	close(socket);
	close(other);
	carve_free(carve);
	daemon_stop(daemon);
}

struct alloc_packet {
	struct carve_wire_alloc alloc;
	struct carve_wire_alloc_item item;
};

static void test_broken_allocations_end_the_connection(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	struct alloc_packet good = {
		.alloc.header = { .bytes = sizeof(good), .type = CARVE_MSG_ALLOC },
		.alloc.count = 1,
		.alloc.reservation = 1,
	}, bad;

	(void)state;
	for (int i = 0; i < 8; i++) {
		int socket = raw_client(daemon);

		bad = good;
		bad.alloc.region[0] = i == 0 ? 'a' : 0;
		bad.item.bytes = i == 1 ? 4096 : 0;
		bad.item.alignment = i == 2 ? 4096 : 0;
		bad.item.limit = i == 3;
		bad.item.guard_before = i == 4;
		bad.item.guard_after = i == 5;
		bad.item.reserved = i == 6;
		if (i == 7) {
			bad.alloc.reservation = 0;
			bad.item.class = 1;
		}
		assert_int_equal(raw_send(socket, &bad, sizeof(bad), -1, 0), 0);
		raw_expect_hangup(socket);
	}
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- death --------------------------------------------------------------- */

/* As many requests as it takes, in one go, and nobody reads the answers. */
static void send_script(int socket, unsigned int length, uint64_t first)
{
	struct alloc_packet alloc = {
		.alloc.header = { .bytes = sizeof(alloc), .type = CARVE_MSG_ALLOC },
		.alloc.count = 1,
		.alloc.reservation = first,
		.alloc.timeout_nsec = CARVE_WIRE_FOREVER,
	};
	struct reserve_packet reserve = packet(2);

	reserve.classes[0].count = 3;
	reserve.classes[1].bytes = 64 * KIB;
	reserve.reserve.timeout_nsec = CARVE_WIRE_FOREVER;
	for (unsigned int i = 0; i < length; i++) {
		switch (i % 5) {
		case 0:
			raw_send(socket, &reserve, reserve.reserve.header.bytes,
				 -1, 0);
			break;
		case 3:
			/* Another profile, which may be too large for now. */
			reserve.reserve.reservation = first;
			reserve.classes[1].bytes = 3 * MIB;
			raw_send(socket, &reserve, reserve.reserve.header.bytes,
				 -1, 0);
			reserve.reserve.reservation = 0;
			reserve.classes[1].bytes = 64 * KIB;
			break;
		default:
			alloc.item.class = i % 2;
			raw_send(socket, &alloc, sizeof(alloc), -1, 0);
		}
	}
}

/*
 * Two thousand clients hang up after so many requests, whether the daemon has
 * looked at them or not. The numbers of their reservations are known: 1, 2, ...
 */
static void test_dies_at_every_moment(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve *carve = client_new(daemon);
	uint64_t number = 1;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		struct carve_reservations *list;
		int socket = raw_client(daemon);

		send_script(socket, i % 9, number);
		if (i % 3 == 0)
			usleep(i % 400);
		close(socket);
		if (i % 20)
			continue;
		/* Find out the next number, and that nothing is left. */
		assert_all_clean(carve);
		assert_int_equal(carve_reservations_new(carve, &list), 0);
		assert_int_equal(carve_reservations_count(list), 0);
		carve_reservations_free(list);
		socket = raw_client(daemon);
		struct reserve_packet one = packet(1);

		assert_int_equal(answer_to(socket, &one, &number), 0);
		number++;
		close(socket);
	}
	assert_all_clean(carve);
	assert_int_equal(client_region(carve).waiting, 0);
	carve_free(carve);
	daemon_stop(daemon);
}

static int use_it(void *data)
{
	static const struct carve_class small[] = { CLASS(4096, 0, 4) };
	static const struct carve_class large[] = {
		CLASS(4096, 0, 2), CLASS(1 << 20, 0, 3),
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	const struct daemon *daemon = data;
	struct carve_buffer *buffers[8];
	struct carve *carve;

	CHILD_CHECK(carve_new(&carve, daemon->socket) == 0);
	for (;;) {
		profile.timeout_nsec = CARVE_FOREVER;
		profile.classes = small;
		profile.class_count = 1;
		CHILD_CHECK(carve_reserve(carve, &profile, &reservation, NULL) == 0);
		for (int i = 0; i < 4; i++)
			CHILD_CHECK(carve_reservation_alloc(reservation, 0,
					"small", 0, &buffers[i]) == 0);
		profile.classes = large;
		profile.class_count = 2;
		CHILD_CHECK(carve_reservation_change(reservation, &profile,
						     NULL) == 0);
		for (int i = 4; i < 7; i++)
			CHILD_CHECK(carve_reservation_alloc(reservation, 1,
					"large", 0, &buffers[i]) == 0);
		for (int i = 0; i < 7; i++)
			carve_buffer_unref(buffers[i]);
		carve_reservation_free(reservation);
	}
}

/* Three at a time, on memory for two: they also wait for each other. */
static void test_is_killed_at_any_moment(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve *carve = client_new(daemon);
	pid_t children[3];

	(void)state;
	for (int turn = 0; turn < 100; turn++) {
		for (int i = 0; i < 3; i++)
			children[i] = child_start(use_it, daemon);
		for (int i = 0; i < 3; i++) {
			int status;

			usleep((useconds_t)(turn * 377 + i * 2131) % 9000);
			assert_int_equal(kill(children[i], SIGKILL), 0);
			assert_int_equal(waitpid(children[i], &status, 0),
					 children[i]);
			/* It did not end by itself, for something that failed. */
			assert_true(WIFSIGNALED(status));
		}
		if (turn % 10 == 0)
			assert_all_clean(carve);
	}
	assert_all_clean(carve);
	assert_int_equal(client_region(carve).waiting, 0);
	carve_reservations_free(reservations(carve, 0));
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_broken_requests_end_the_connection),
		DAEMON_TEST(test_strange_requests_are_refused),
		DAEMON_TEST(test_broken_allocations_end_the_connection),
		DAEMON_TEST(test_dies_at_every_moment),
		DAEMON_TEST(test_is_killed_at_any_moment),
	};

	return cmocka_run_group_tests_name("reservation-hostile", tests, NULL, NULL);
}
