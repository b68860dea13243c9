// SPDX-License-Identifier: MIT
/*
 * One user who takes all the places there are, and others who want one. Needs
 * root, to be several users.
 */
#include "raw.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES	20
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

/* Who does not say what he wants makes room; who did may be silent. */
static void test_a_silent_connection_ends(void **state)
{
	struct daemon *daemon;
	int silent, greeted;
	int64_t begin;
	char byte;

	(void)state;
	daemon = daemon_start("--simulate", "1M", NULL);
	greeted = raw_client(daemon);
	silent = raw_connect(daemon);
	begin = now_ms();
	raw_expect_hangup(silent);
	assert_in_range(now_ms() - begin, 3000, 15000);
	assert_int_equal(raw_receive(greeted, &byte, 1, 2000), -EAGAIN);
	close(greeted);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_a_user_has_a_share),
		DAEMON_TEST(test_a_silent_connection_ends),
	};

	return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
