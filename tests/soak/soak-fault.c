// SPDX-License-Identifier: MIT
#include "soak.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "raw.h"

#define OTHER	"[reservation other]\nuid=0\nclass=2 x 64K\n"
#define PEERS	8

/* A user that no machine has. */
#define PEER	65533

const char *const soak_fault_names[SOAK_FAULTS] = {
	[SOAK_KILL] = "kills", [SOAK_DISCONNECT] = "disconnections",
	[SOAK_RESTART] = "restarts", [SOAK_RELOAD] = "reloads",
	[SOAK_CLIENT] = "clients killed", [SOAK_HOSTILE] = "hostile crowds",
	[SOAK_FULL] = "times without descriptors",
};

void soak_work(struct crash_run *run, int ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end) {
		crash_world_reap(run->world);
		sleep_ms(5);
	}
}

static void kill_it(struct crash_run *run)
{
	/* A quarter while it starts. */
	if (rand() % 4 == 0) {
		supervisor_kill(run->supervisor);
		crash_run_note_death(run);
		sleep_ms(rand() % 10);
	}
	supervisor_kill(run->supervisor);
	crash_run_note_death(run);
}

static void restart(struct crash_run *run)
{
	supervisor_restart(run->supervisor);
	crash_run_note_death(run);
}

static void reload(struct crash_run *run)
{
	crash_run_configure(run, OTHER);
	supervisor_signal(run->supervisor, SIGHUP);
	soak_work(run, 50 + rand() % 200);
	crash_run_configure(run, "");
	supervisor_signal(run->supervisor, SIGHUP);
	soak_work(run, 50);
}

/* ---- peers ----------------------------------------------------------------- */

static void babble(int peer)
{
	char noise[CARVE_WIRE_MAX];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)rand();
	raw_send(peer, noise, 1 + (size_t)rand() % sizeof(noise), -1, 0);
}

static void stuff(int peer)
{
	struct carve_wire_header header = {
		.bytes = sizeof(header), .type = CARVE_MSG_REGIONS,
	};

	raw_send(peer, &header, sizeof(header), STDIN_FILENO, 200);
}

/* Until there is no room in the socket; what comes back is not read. */
static void flood(int peer, uint64_t bytes)
{
	for (int i = 0; i < 1000 && raw_request_buffer(peer, bytes, 0) == 0; i++)
		;
}

/* Of another user: what it has too much of, the others do not get less of. */
static int connect_peer(const struct crash_run *run, bool greets)
{
	int peer;

	assert_int_equal(seteuid(PEER), 0);
	peer = greets ? raw_client(run->daemon) : raw_connect(run->daemon);
	assert_int_equal(seteuid(0), 0);
	return peer;
}

static void be_hostile(struct crash_run *run)
{
	int peers[PEERS];

	for (int i = 0; i < PEERS; i++) {
		/* Without a greeting, now and then. */
		peers[i] = connect_peer(run, i % 2);
		switch (rand() % 5) {
		case 0:
			babble(peers[i]);
			break;
		case 1:
			stuff(peers[i]);
			break;
		case 2:
			flood(peers[i], PAGE);
			break;
		case 3:
			flood(peers[i], 2 * CRASH_BYTES);
			break;
		default:
			break;
		}
	}
	/* No worker is started meanwhile: it would have the peers' sockets, too. */
	sleep_ms(20 + rand() % 300);
	for (int i = 0; i < PEERS; i++)
		close(peers[i]);
}

/* ---- descriptors ----------------------------------------------------------- */

/* What cannot be given then is refused, and only that, and only then. */
static void fill_table(struct crash_run *run)
{
	pid_t pid = supervisor_get_status(run->supervisor).pid;
	struct rlimit before, few;

	crash_world_check(run->world, run->carve);
	run->world->busy_allowed = true;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &before), 0);
	few = before;
	few.rlim_cur = soak_size(run).fds;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &few, NULL), 0);
	soak_work(run, 50 + rand() % 200);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &before, NULL), 0);
	/* Whoever has been refused knows it when all stand still. */
	crash_world_check(run->world, run->carve);
	run->world->busy_allowed = false;
}

void soak_fault(struct crash_run *run, enum soak_fault fault)
{
	supervisor_wait_ready(run->supervisor);
	switch (fault) {
	case SOAK_KILL:
		kill_it(run);
		break;
	case SOAK_DISCONNECT:
		crash_run_disconnect(run);
		break;
	case SOAK_RESTART:
		restart(run);
		break;
	case SOAK_RELOAD:
		reload(run);
		break;
	case SOAK_CLIENT:
		crash_world_replace(run->world, (unsigned int)rand());
		break;
	case SOAK_HOSTILE:
		be_hostile(run);
		break;
	default:
		fill_table(run);
	}
	supervisor_wait_ready(run->supervisor);
}
