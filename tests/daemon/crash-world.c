// SPDX-License-Identifier: MIT
/* The test's side of the load: who runs, who dies, and what they have. */
#include "crash-load.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct crash_world *present;
static int mates[2];

struct crash_world *crash_world_new(const struct daemon *daemon)
{
	struct crash_world *world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(world != MAP_FAILED);
	assert_int_equal(CRASH_PAGES * PAGE, CRASH_BYTES);
	snprintf(world->socket, sizeof(world->socket), "%s", daemon->socket);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, mates), 0);
	present = world;
	return world;
}

void crash_world_free(struct crash_world *world)
{
	if (mates[0] >= 0) {
		close(mates[0]);
		close(mates[1]);
	}
	munmap(world, sizeof(*world));
	present = NULL;
}

void crash_world_kill(void)
{
	pid_t pid;

	if (!present)
		return;
	present->stop = true;
	for (unsigned int i = 0; i < present->count; i++) {
		pid = present->workers[i].pid;
		if (pid && kill(pid, SIGKILL) == 0)
			waitpid(pid, NULL, 0);
	}
	crash_world_free(present);
}

static void step(struct crash_self *self)
{
	static void (*const steps[])(struct crash_self *self) = {
		[CRASH_CHURN] = crash_churn,
		[CRASH_RESERVE] = crash_reserve,
		[CRASH_CLAIM] = crash_claim,
		[CRASH_IDLE] = crash_idle,
		[CRASH_WAIT] = crash_wait,
		[CRASH_YIELD] = crash_yield,
		[CRASH_FORWARD] = crash_forward,
		[CRASH_RECEIVE] = crash_receive,
		[CRASH_LOOK] = crash_look_around,
		[CRASH_CYCLE] = crash_cycle,
	};

	steps[self->worker->role](self);
}

static void run(struct crash_world *world, unsigned int index, unsigned int seed)
{
	static struct crash_self self;
	int64_t start_ms;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Also on a machine that stood still the next daemon is there by then. */
	carve_patience_nsec = 2 * PATIENCE * 1000 * MSEC;
	self.world = world;
	self.worker = &world->workers[index];
	self.index = index;
	self.seed = seed;
	self.mates = mates;
	if (self.worker->role != CRASH_RECEIVE)
		crash_connect(&self);
	while (crash_go_on(&self)) {
		start_ms = now_ms();
		step(&self);
		if (now_ms() - start_ms > self.worker->slowest_ms)
			self.worker->slowest_ms = now_ms() - start_ms;
		if (world->rest_ms && self.worker->role != CRASH_CYCLE)
			sleep_ms(world->rest_ms);
	}
	crash_drop_all(&self);
	carve_free(self.carve);
	_exit(0);
}

static void start(struct crash_world *world, unsigned int index)
{
	struct crash_worker *worker = &world->workers[index];
	unsigned int seed = (unsigned int)rand();
	pid_t pid;

	worker->life++;
	worker->parked = false;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run(world, index, seed);
	worker->pid = pid;
}

void crash_world_add(struct crash_world *world, enum crash_role role, bool mortal)
{
	assert_in_range(world->count, 0, CRASH_WORKERS - 1);
	world->workers[world->count].role = role;
	world->workers[world->count].mortal = mortal;
	start(world, world->count++);
}

/* What it had is gone with it, but for what it had handed on. */
static void bury(struct crash_worker *worker)
{
	worker->doomed = worker->life;
	worker->pid = 0;
	worker->reserved.there = 0;
	for (int i = 0; i < CRASH_HELD; i++)
		worker->held[i].id = 0;
}

void crash_world_replace(struct crash_world *world, unsigned int random)
{
	struct crash_worker *worker = &world->workers[random % world->count];

	if (!worker->mortal || !worker->pid)
		return;
	/* First: its pages may be somebody's the moment it is dead. */
	worker->doomed = worker->life;
	kill(worker->pid, SIGKILL);
	assert_int_equal(waitpid(worker->pid, NULL, 0), worker->pid);
	bury(worker);
	start(world, random % world->count);
}

void crash_world_reap(struct crash_world *world)
{
	struct crash_worker *worker;
	int status;

	for (unsigned int i = 0; i < world->count; i++) {
		worker = &world->workers[i];
		if (!worker->pid || waitpid(worker->pid, &status, WNOHANG) != worker->pid)
			continue;
		if (status != 0)
			fail_msg("worker %u ended with %#x in \"%s\": %s", i, status,
				 worker->doing, worker->failure);
		bury(worker);
		if (!world->stop)
			start(world, i);
	}
}

/* ---- standing still ------------------------------------------------------ */

static void fail_stuck(const struct crash_world *world, const char *what)
{
	for (unsigned int i = 0; i < world->count; i++)
		print_message("# worker %u (pid %d) is in \"%s\"%s\n", i,
			      (int)world->workers[i].pid, world->workers[i].doing,
			      world->workers[i].parked ? ", stands still" : "");
	fail_msg("not all workers %s", what);
}

static bool all_parked(const struct crash_world *world)
{
	for (unsigned int i = 0; i < world->count; i++)
		if (!world->workers[i].parked)
			return false;
	return true;
}

static void stand_still(struct crash_world *world)
{
	int64_t end = patient_ms() + PATIENCE * 1000;

	world->pause = true;
	while (!all_parked(world)) {
		crash_world_reap(world);
		if (patient_ms() > end)
			fail_stuck(world, "stand still");
		sleep_ms(2);
	}
}

static unsigned int count_held(const struct crash_world *world)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < world->count; i++)
		for (unsigned int j = 0; j < CRASH_HELD; j++)
			count += world->workers[i].held[j].id != 0;
	return count;
}

void crash_world_empty(struct crash_world *world)
{
	int64_t end = patient_ms() + PATIENCE * 1000;

	world->empty = true;
	stand_still(world);
	/* What was in flight is given up a moment later. */
	while (count_held(world)) {
		if (patient_ms() > end)
			fail_stuck(world, "are without a buffer");
		sleep_ms(1);
	}
}

void crash_world_go_on(struct crash_world *world)
{
	world->empty = false;
	world->pause = false;
}

/* Return: the buffer of the books that this is, or NULL. */
static const struct crash_held *find_held(const struct crash_world *world,
					  const struct carve_buffer_info *info)
{
	const struct crash_held *held;

	for (unsigned int i = 0; i < world->count; i++)
		for (unsigned int j = 0; j < CRASH_HELD; j++) {
			held = &world->workers[i].held[j];
			if (held->id == info->id && held->id &&
			    !strcmp(crash_labels[held->region], info->region))
				return held;
		}
	return NULL;
}

/* What differs, in words; empty: nothing. */
static char difference[256];

static void differ(const char *what, uint64_t id, const char *name, int pid)
{
	snprintf(difference, sizeof(difference), "%s: %llu \"%s\" of pid %d", what,
		 (unsigned long long)id, name, pid);
}

static void compare_buffer(const struct crash_world *world,
			   const struct carve_buffer_info *info)
{
	const struct crash_held *held = find_held(world, info);

	if (!held)
		differ("a buffer is nobody's", info->id, info->name, info->pid);
	else if (held->bytes != info->bytes || held->offset != info->offset ||
		 strcmp(held->name, info->name))
		differ("a buffer is another one", info->id, info->name, info->pid);
}

static void compare_buffers(const struct crash_world *world, struct carve *carve)
{
	const struct carve_buffer_info *info;
	struct carve_buffers *buffers;
	unsigned int live = 0;
	size_t i;

	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	for (i = 0; (info = carve_buffers_get(buffers, i)); i++) {
		if (info->flags & CARVE_BUFFER_DIRTY)
			differ("something is dirty", info->id, info->name, info->pid);
		/* Without a number it is reserved and empty. */
		if (!info->id || info->flags & CARVE_BUFFER_DIRTY)
			continue;
		live++;
		compare_buffer(world, info);
	}
	if (!difference[0] && live != count_held(world))
		differ("fewer buffers than there are", live, "", 0);
	carve_buffers_free(buffers);
}

static unsigned int count_listed(struct carve_reservations *reservations,
				 const struct crash_worker *worker)
{
	const struct crash_reserved *mine = &worker->reserved;
	const struct carve_reservation_info *info;
	unsigned int count = 0;
	size_t i;

	for (i = 0; (info = carve_reservations_get(reservations, i)); i++)
		count += info->pid == worker->pid && info->slots == mine->slots &&
			 info->live == mine->live && !strcmp(info->name, mine->name);
	return count;
}

/* But for the configuration's that nobody has claimed. */
static unsigned int count_used(struct carve_reservations *reservations)
{
	const struct carve_reservation_info *info;
	unsigned int count = 0;
	size_t i;

	for (i = 0; (info = carve_reservations_get(reservations, i)); i++)
		count += !(info->flags & CARVE_RESERVATION_CONFIGURED) ||
			 info->flags & CARVE_RESERVATION_CLAIMED;
	return count;
}

static void print_reservations(struct carve_reservations *reservations)
{
	const struct carve_reservation_info *info;
	size_t i;

	for (i = 0; (info = carve_reservations_get(reservations, i)); i++)
		print_message("# reservation %llu \"%s\" of pid %d: %u of %u\n",
			      (unsigned long long)info->id, info->name, (int)info->pid,
			      info->live, info->slots);
}

static void compare_reservations(const struct crash_world *world,
				 struct carve *carve, bool print)
{
	struct carve_reservations *reservations;
	const struct crash_worker *worker;
	unsigned int count = 0, i;

	assert_int_equal(carve_reservations_new(carve, &reservations), 0);
	for (i = 0; i < world->count; i++) {
		worker = &world->workers[i];
		if (!worker->reserved.there)
			continue;
		count++;
		if (count_listed(reservations, worker) != 1)
			differ("a reservation is lost, or another one",
			       worker->reserved.live, worker->reserved.name,
			       (int)worker->pid);
	}
	if (!difference[0] && count_used(reservations) != count)
		differ("a reservation is doubled, or nobody's", count, "", 0);
	if (print)
		print_reservations(reservations);
	carve_reservations_free(reservations);
}

void crash_world_check(struct crash_world *world, struct carve *carve)
{
	int64_t end;

	stand_still(world);
	/* What was dropped last may still be on its way. */
	end = patient_ms() + PATIENCE * 1000;
	do {
		difference[0] = '\0';
		compare_buffers(world, carve);
		compare_reservations(world, carve, false);
		if (difference[0])
			sleep_ms(5);
	} while (difference[0] && patient_ms() < end);
	if (difference[0]) {
		compare_reservations(world, carve, true);
		fail_msg("after %u deaths: %s", world->deaths, difference);
	}
	crash_world_go_on(world);
}

/* ---- the end ------------------------------------------------------------- */

void crash_world_end(struct crash_world *world)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	unsigned int i = 0;

	world->stop = true;
	while (i < world->count) {
		crash_world_reap(world);
		if (patient_ms() > end)
			fail_stuck(world, "end");
		if (world->workers[i].pid)
			sleep_ms(2);
		else
			i++;
	}
	/* And with them what nobody has taken in. */
	close(mates[0]);
	close(mates[1]);
	mates[0] = mates[1] = -1;
}

uint64_t crash_world_calls(const struct crash_world *world)
{
	uint64_t calls = 0;

	for (unsigned int i = 0; i < world->count; i++)
		calls += world->workers[i].calls;
	return calls;
}

uint64_t crash_world_cycles(const struct crash_world *world)
{
	uint64_t cycles = 0;

	for (unsigned int i = 0; i < world->count; i++)
		cycles += world->workers[i].cycles;
	return cycles;
}

/* Who waits for room or for nothing at all may take long. */
int64_t crash_world_slowest_ms(const struct crash_world *world)
{
	const struct crash_worker *worker;
	int64_t slowest_ms = 0;

	for (unsigned int i = 0; i < world->count; i++) {
		worker = &world->workers[i];
		if (worker->role != CRASH_WAIT && worker->role != CRASH_IDLE &&
		    worker->role != CRASH_YIELD && worker->slowest_ms > slowest_ms)
			slowest_ms = worker->slowest_ms;
	}
	return slowest_ms;
}

uint64_t crash_world_failed(const struct crash_world *world)
{
	uint64_t failed = 0;

	for (unsigned int i = 0; i < world->count; i++) {
		failed += world->workers[i].failed;
		if (world->workers[i].failed)
			print_message("# worker %u: %llu failed calls, the first: %s\n", i,
				      (unsigned long long)world->workers[i].failed,
				      world->workers[i].failure);
	}
	return failed;
}
