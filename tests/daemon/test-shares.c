// SPDX-License-Identifier: MIT
/*
 * One user who takes all the places there are, and others who want one. Needs
 * root, to be several users.
 */
#include "raw.h"
#include "waiter.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES	20
/* As in daemon/queue.c. */
#define WAITING	64
#define FIRST	65533
#define SECOND	65534
#define THIRD	65532

/* A connection of this user's. */
static int connect_as(const struct daemon *daemon, uid_t uid)
{
	int socket;

	assert_int_equal(seteuid(uid), 0);
	socket = raw_connect(daemon);
	assert_int_equal(seteuid(0), 0);
	return socket;
}

/* Is it served? Closed if not. */
static bool is_served(int socket)
{
	struct carve_wire_hello hello = {
		.header = { .bytes = sizeof(hello), .type = CARVE_MSG_HELLO },
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	struct carve_wire_hello_reply reply;

	if (raw_send(socket, &hello, sizeof(hello), -1, 0) == 0 &&
	    raw_receive(socket, &reply, sizeof(reply), PATIENCE * 1000) ==
	    sizeof(reply))
		return true;
	close(socket);
	return false;
}

/* Take as many places as there are. Return: how many. */
static int take_all(const struct daemon *daemon, uid_t uid, int *sockets)
{
	int count = 0;

	while (count < PLACES) {
		sockets[count] = connect_as(daemon, uid);
		if (!is_served(sockets[count]))
			break;
		count++;
	}
	return count;
}

static void test_a_user_has_a_share(void **state)
{
	int sockets[3][PLACES], count[3], root[PLACES], roots, i, j;
	const uid_t users[3] = { FIRST, SECOND, THIRD };
	struct daemon *daemon;
	unsigned int fds;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "1M", "--max-clients", "20", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	fds = daemon_fds(daemon);
	/* Half for one, the rest for another, nothing for a third. */
	for (i = 0; i < 3; i++)
		count[i] = take_all(daemon, users[i], sockets[i]);
	assert_int_equal(count[0], 8);
	assert_int_equal(count[1], 7);
	assert_int_equal(count[2], 0);
	/* But for the superuser, who may have to look at it. */
	roots = take_all(daemon, 0, root);
	assert_int_equal(roots, 5);
	for (i = 0; i < 3; i++)
		for (j = 0; j < count[i]; j++)
			close(sockets[i][j]);
	for (i = 0; i < roots; i++)
		close(root[i]);
	assert_fds_become(daemon, fds);
	/* What was given back can be had again. */
	assert_int_equal(take_all(daemon, THIRD, sockets[2]), 8);
	daemon_stop(daemon);
	for (i = 0; i < 8; i++)
		close(sockets[2][i]);
}

/* Ask for the whole region. Return: the connection. */
static int wait_for_all(const struct daemon *daemon, uid_t uid)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item item;
	} request = {
		.alloc.header = { .bytes = sizeof(request), .type = CARVE_MSG_ALLOC },
		.alloc.timeout_nsec = CARVE_WIRE_FOREVER,
		.alloc.count = 1,
		.item.bytes = MIB,
	};
	int socket = connect_as(daemon, uid);

	assert_true(is_served(socket));
	assert_int_equal(raw_send(socket, &request, sizeof(request), -1, 0), 0);
	return socket;
}

/* All that wait are tried again and again: nobody may have hundreds. */
static void test_a_user_waits_so_often(void **state)
{
	struct carve_wire_refusal refusal;
	struct carve_buffer *held;
	int sockets[WAITING + 2];
	struct daemon *daemon;
	struct carve *carve;
	int one_more, i;

	(void)state;
	if (geteuid() != 0)
		skip_because("several users need root");
	daemon = daemon_start("--simulate", "1M", NULL);
	assert_int_equal(chmod(daemon->socket, 0666), 0);
	carve = client_new(daemon);
	held = client_alloc(carve, MIB, NULL);
	for (i = 0; i < WAITING; i++)
		sockets[i] = wait_for_all(daemon, FIRST);
	assert_waiting_becomes(carve, WAITING);
	one_more = wait_for_all(daemon, FIRST);
	assert_int_equal(raw_receive(one_more, &refusal, sizeof(refusal),
				     PATIENCE * 1000), sizeof(refusal));
	assert_int_equal(refusal.header.status, -ENOSPC);
	assert_int_equal(refusal.wanted_bytes, MIB);
	/* Others wait as before, and so does it when one of its own has gone. */
	sockets[i++] = wait_for_all(daemon, SECOND);
	sockets[i++] = wait_for_all(daemon, 0);
	assert_waiting_becomes(carve, WAITING + 2);
	close(sockets[0]);
	assert_waiting_becomes(carve, WAITING + 1);
	sockets[0] = wait_for_all(daemon, FIRST);
	assert_waiting_becomes(carve, WAITING + 2);
	while (i)
		close(sockets[--i]);
	close(one_more);
	assert_waiting_becomes(carve, 0);
	carve_buffer_unref(held);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Who does not say what he wants makes room; who did may be silent. */
static void test_a_silent_connection_ends(void **state)
{
	struct daemon *daemon;
	int silent, greeted;
	int64_t begin, patient;
	char byte;

	(void)state;
	daemon = daemon_start("--simulate", "1M", NULL);
	greeted = raw_client(daemon);
	silent = raw_connect(daemon);
	begin = now_ms();
	patient = patient_ms();
	raw_expect_hangup(silent);
	assert_true(now_ms() - begin >= 3000);
	assert_true(patient_ms() - patient < PATIENCE * 1000 / 3);
	assert_int_equal(raw_receive(greeted, &byte, 1, 2000), -EAGAIN);
	close(greeted);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_a_user_has_a_share),
		DAEMON_TEST(test_a_user_waits_so_often),
		DAEMON_TEST(test_a_silent_connection_ends),
	};

	return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
