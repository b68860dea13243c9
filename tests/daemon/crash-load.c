// SPDX-License-Identifier: MIT
#include "crash-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LOOK_BYTES	4096

/* A daemon that was started by hand is there by then. */
#define CONNECT_MS	(PATIENCE * 1000)

const char *const crash_labels[CRASH_REGIONS] = { "main", "tight" };

unsigned int crash_below(struct crash_self *self, unsigned int bound)
{
	return (unsigned int)rand_r(&self->seed) / 7 % bound;
}

void crash_fail(struct crash_self *self, const char *what, int r)
{
	struct crash_worker *worker = self->worker;

	if (r == -ESTALE && self->world->stale_allowed) {
		atomic_fetch_add(&self->world->lost, 1);
		return;
	}
	if (r == -EBUSY && self->world->busy_allowed) {
		atomic_fetch_add(&self->world->busy, 1);
		return;
	}
	if (atomic_fetch_add(&worker->failed, 1))
		return;
	snprintf(worker->failure, sizeof(worker->failure), "%s: %s, after %u deaths",
		 what, r < 0 ? strerror(-r) : "wrong", self->world->deaths);
}

/* As patient_ms(), but they all look at one, so that who waits need not. */
int64_t crash_ms(struct crash_world *world)
{
	int64_t now = now_ms(), passed = now - atomic_exchange(&world->looked_ms, now);

	/* Somebody may have looked later, and been the first to say so. */
	if (passed < 0)
		passed = 0;
	if (passed > PATIENT_LOOK_MS)
		passed = PATIENT_LOOK_MS;
	return atomic_fetch_add(&world->ran_ms, passed) + passed;
}

bool crash_go_on(struct crash_self *self)
{
	struct crash_world *world = self->world;

	crash_ms(world);
	atomic_store(&self->worker->doing, "nothing");
	while (world->pause && !world->stop) {
		crash_ms(world);
		if (world->empty) {
			crash_drop_all(self);
			crash_reserve_empty(self);
		}
		/* Not as long as something is in flight to it. */
		atomic_store(&self->worker->parked,
			     self->worker->role != CRASH_RECEIVE ||
			     crash_receive_all(self));
		sleep_ms(1);
	}
	atomic_store(&self->worker->parked, false);
	return !world->stop;
}

void crash_connect(struct crash_self *self)
{
	int64_t end = patient_ms() + CONNECT_MS;
	int r;

	/* Without a supervisor there is nobody to connect to now and then. */
	do
		r = CRASH_CALL(self, "connect",
			       carve_new(&self->carve, self->world->socket));
	while (self->world->outside && patient_ms() < end &&
	       (r == -ENOENT || r == -ECONNREFUSED));
	if (r == 0)
		return;
	crash_fail(self, "connect", r);
	_exit(1);
}

int crash_place(const struct crash_self *self)
{
	for (int i = 0; i < CRASH_HELD; i++)
		if (!self->worker->held[i].id)
			return i;
	return -1;
}

int crash_any(struct crash_self *self)
{
	unsigned int first = crash_below(self, CRASH_HELD);

	for (unsigned int i = 0; i < CRASH_HELD; i++)
		if (self->worker->held[(first + i) % CRASH_HELD].id)
			return (int)((first + i) % CRASH_HELD);
	return -1;
}

void crash_name(struct crash_self *self, char *name, size_t size)
{
	snprintf(name, size, "w%u-%u-%u", self->index, self->worker->life,
		 self->serial++);
}

/* ---- whose is which page ------------------------------------------------- */

static uint32_t token_of(const struct crash_self *self)
{
	return self->worker->life << 8 | (self->index + 1);
}

static bool is_alive(const struct crash_world *world, uint32_t token)
{
	const struct crash_worker *worker = &world->workers[(token & 0xff) - 1];

	return worker->doomed < token >> 8;
}

void crash_own(struct crash_self *self, const struct crash_held *held)
{
	_Atomic uint32_t *owners = self->world->owners[held->region];
	uint64_t page, end = (held->offset + held->bytes) / PAGE;
	uint32_t before;

	if (self->world->outside)
		return;
	for (page = held->offset / PAGE; page < end && page < CRASH_PAGES; page++) {
		before = atomic_exchange(&owners[page], token_of(self));
		if (before && is_alive(self->world, before)) {
			atomic_fetch_add(&self->world->overlaps, 1);
			break;
		}
	}
}

/* Before the last reference goes: afterwards the pages may be somebody's. */
void crash_disown(struct crash_self *self, const struct crash_held *held)
{
	_Atomic uint32_t *owners = self->world->owners[held->region];
	uint64_t page, end = (held->offset + held->bytes) / PAGE;

	if (self->world->outside)
		return;
	for (page = held->offset / PAGE; page < end && page < CRASH_PAGES; page++)
		if (atomic_exchange(&owners[page], 0) != token_of(self))
			atomic_fetch_add(&self->world->overlaps, 1);
}

/* ---- what is in it ------------------------------------------------------- */

static void fill(void *page, uint64_t mark)
{
	uint64_t *words = page;

	for (size_t i = 0; i < LOOK_BYTES / 8; i++)
		words[i] = mark ? mark + i : 0;
}

static bool is_filled(const void *page, uint64_t mark)
{
	const volatile uint64_t *words = page;

	for (size_t i = 0; i < LOOK_BYTES / 8; i++)
		if (words[i] != (mark ? mark + i : 0))
			return false;
	return true;
}

/* Both ends of it; @fd is the buffer's. Return: as expected, or could not look. */
static bool look_at(const struct crash_held *held, int fd, uint64_t was, uint64_t mark)
{
	uint8_t *all = mmap(NULL, held->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool fine;

	if (all == MAP_FAILED)
		return false;
	fine = is_filled(all, was) && is_filled(all + held->bytes - LOOK_BYTES, was);
	if (mark != was) {
		fill(all, mark);
		fill(all + held->bytes - LOOK_BYTES, mark);
	}
	munmap(all, held->bytes);
	return fine;
}

/* Whose it is has to be known, whatever the daemon has been through. */
static void identify(struct crash_self *self, struct crash_held *held, int fd)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	int r = CRASH_CALL(self, "query", carve_query(self->carve, fd, &info));

	if (r == -ENOENT && self->world->outside)
		return;
	if (r < 0) {
		crash_fail(self, "query", r);
		return;
	}
	if (info.pid != getpid() || info.uid != geteuid() || strcmp(info.name, held->name) ||
	    info.bytes != held->bytes || strcmp(info.region, crash_labels[held->region]))
		crash_fail(self, "query says something else", 0);
	held->offset = info.offset;
	atomic_store(&held->id, info.id);
}

void crash_keep(struct crash_self *self, int place, unsigned int region,
		struct carve_buffer *buffer, const char *name)
{
	struct crash_held *held = &self->worker->held[place];
	int fd = carve_buffer_get_fd(buffer);

	held->region = region;
	held->bytes = carve_buffer_get_bytes(buffer);
	held->mark = ((uint64_t)token_of(self) << 32) + ((uint64_t)self->serial++ << 10) + 1;
	snprintf(held->name, sizeof(held->name), "%s", name);
	identify(self, held, fd);
	if (!held->id) {
		carve_buffer_unref(buffer);
		return;
	}
	self->buffers[place] = buffer;
	crash_own(self, held);
	/* It reads as zeros at first. */
	if (!look_at(held, fd, 0, held->mark))
		atomic_fetch_add(&self->world->spoilt, 1);
}

void crash_look(struct crash_self *self, int place)
{
	struct crash_held *held = &self->worker->held[place];
	int fd = self->buffers[place] ? carve_buffer_get_fd(self->buffers[place]) :
					self->fds[place];

	if (!look_at(held, fd, held->mark, held->mark))
		atomic_fetch_add(&self->world->spoilt, 1);
}

void crash_drop(struct crash_self *self, int place)
{
	struct crash_held *held = &self->worker->held[place];

	if (!held->id)
		return;
	crash_look(self, place);
	crash_disown(self, held);
	if (self->buffers[place])
		self->buffers[place] = carve_buffer_unref(self->buffers[place]);
	else
		close(self->fds[place]);
	atomic_store(&held->id, 0);
}

void crash_drop_all(struct crash_self *self)
{
	for (int i = 0; i < CRASH_HELD; i++)
		crash_drop(self, i);
}
