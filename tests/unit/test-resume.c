// SPDX-License-Identifier: MIT
/* Who is at the other end of a connection that was kept: who it was all the time. */
#include "state-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "guard.h"
#include "manager.h"
#include "store.h"

#define NUMBER		5
/* No process of now was started then. */
#define START_TIME	12345

static const uint8_t secret[CARVE_WIRE_SECRET] = { 1, 2, 3 };

/* As the last daemon left it. */
static struct carve_state *begin(int fd)
{
	struct carve_state *state = state_of(dup(fd));
	struct carve_cell cell = {
		.type = CARVE_CELL_CLIENT,
		.client = {
			.client = NUMBER,
			.uid = geteuid(),
			.pid = getpid(),
			.start_time = START_TIME,
			.flags = CARVE_CELL_GREETED,
			.unit = "film.service",
		},
	};
	uint32_t place = 0;

	memcpy(cell.client.secret, secret, sizeof(secret));
	carve_state_numbers(state)->client = NUMBER;
	assert_int_equal(carve_state_put(state, &cell, &place), 0);
	return state;
}

/* As the service manager passes it. Return: the peer's end. */
static int pass_connection(struct carve_store *store)
{
	char pid[16];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
				    SOCK_NONBLOCK, 0, pair), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (pair[0] == 3)
		pair[0] = fcntl(pair[0], F_DUPFD_CLOEXEC, 10);
	assert_int_equal(dup2(pair[1], 3), 3);
	if (pair[1] != 3)
		close(pair[1]);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "client-5", 1);
	assert_int_equal(carve_store_init(store), 0);
	return pair[0];
}

static int listen_nowhere(void)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&any,
			      sizeof(any.sun_family)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Nothing in it. */
static void configure(struct carve_manager *manager)
{
	char mistake[CARVE_CONFIG_MISTAKE], path[40];
	struct carve_config *config;
	int fd = file_new();

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(carve_config_load(&config, path, mistake), 0);
	carve_manager_configure(manager, config);
	close(fd);
}

static void receive(sd_event *event, int fd, void *message, size_t bytes)
{
	while (recv(fd, message, bytes, 0) != (ssize_t)bytes)
		assert_true(sd_event_run(event, 10000000) > 0);
}

static void resume(sd_event *event, int fd)
{
	struct carve_wire_resume resume = {
		.header.bytes = sizeof(resume),
		.header.type = CARVE_MSG_RESUME,
		.header.id = 1,
		.client = NUMBER,
	};
	struct carve_wire_resume_reply reply;
	struct carve_wire_epoch epoch;

	receive(event, fd, &epoch, sizeof(epoch));
	assert_int_equal(epoch.header.type, CARVE_MSG_EPOCH);
	resume.epoch = epoch.epoch;
	memcpy(resume.secret, secret, sizeof(secret));
	assert_int_equal(send(fd, &resume, sizeof(resume), 0), sizeof(resume));
	receive(event, fd, &reply, sizeof(reply));
	assert_int_equal(reply.header.status, 0);
	assert_int_equal(reply.flags, 0);
}

/* What the next daemon finds. */
static void check(int fd)
{
	struct carve_state *state = state_of(dup(fd));
	const struct carve_cell *cell;
	uint32_t place = 0;

	assert_null(carve_state_refused(state));
	while ((cell = carve_state_next(state, &place)))
		if (cell->type == CARVE_CELL_CLIENT)
			break;
	assert_non_null(cell);
	assert_int_equal(cell->client.client, NUMBER);
	assert_string_equal(cell->client.unit, "film.service");
	assert_int_equal(cell->client.start_time, START_TIME);
	carve_state_free(state);
}

/* This process was started at another time, and is in no unit of that name. */
static void it_is_who_it_was(void **unused)
{
	const struct carve_limits limits = { .clients = 8, .unread = 64 };
	struct carve_manager *manager;
	struct carve_store store;
	int fd, peer, listener;
	sd_event *event;

	(void)unused;
	peer = pass_connection(&store);
	fd = file_new();
	listener = listen_nowhere();
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(carve_manager_new(&manager, event), 0);
	carve_manager_keep(manager, begin(fd), &store);
	configure(manager);
	assert_int_equal(carve_manager_start(manager, listener, &limits), 0);
	resume(event, peer);
	carve_manager_free(manager);
	carve_store_done(&store);
	sd_event_unref(event);
	check(fd);
	close(listener);
	close(peer);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_who_it_was),
	};

	/* Who hangs up is interrupted, should it take long. */
	if (carve_guard_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
