// SPDX-License-Identifier: MIT
/*
 * A storm, see storm.h: the threads and their books.
 *
 * Each buffer has an owner of its own, a number never used again, and says so
 * in every page: two buffers in one place would see each other's. The books
 * know of each owner what it had and how many records of its release came.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "check.h"
#include "guarded.h"
#include "storm.h"
#include "storm-work.h"

#define OWNERS (1 << 20)
#define MOST_THREADS 32

struct storm storm;
static atomic_uint counts[STORM_COUNTS];

static struct {
	uint64_t offset, bytes;
	atomic_uchar published, records;
} *books;

static struct {
	pthread_t thread;
	atomic_bool ended;
} threads[MOST_THREADS];
static unsigned int thread_count;

uint64_t storm_pick(uint64_t *state, uint64_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (*state >> 33) % below;
}

void storm_count(enum storm_what what)
{
	atomic_fetch_add(&counts[what], 1);
}

void storm_wrong(const char *why)
{
	const char *none = NULL;

	atomic_compare_exchange_strong(&storm.wrong, &none, why);
}

uint64_t storm_new_owner(void)
{
	uint64_t owner = atomic_fetch_add(&storm.next_owner, 1);

	return owner < OWNERS ? owner : 0;
}

void storm_book(uint64_t owner, uint64_t offset, uint64_t bytes)
{
	books[owner].offset = offset;
	books[owner].bytes = bytes;
	atomic_store(&books[owner].published, 1);
}

static void book_record(const struct carve_release *record)
{
	uint64_t owner = record->owner[0];

	if (!owner || owner >= OWNERS || record->owner[1] != ~owner ||
	    !atomic_load(&books[owner].published))
		storm_wrong("a record of an owner that never was");
	else if (record->offset != books[owner].offset ||
		 record->bytes != books[owner].bytes)
		storm_wrong("a record of another range than was had");
	else if (!guarded_intact(record))
		storm_wrong("a guard was damaged");
	else if (atomic_fetch_add(&books[owner].records, 1))
		storm_wrong("a record was read twice");
}

/* Two of them: each record goes to one. A signal ends the waiting. */
void storm_reader(struct storm_thread *self)
{
	struct carve_release records[24];
	ssize_t got, i;

	while (!storm.stop) {
		got = read(storm.manager, records,
			   (1 + storm_pick(&self->random, 24)) * sizeof(records[0]));
		if (got < 0 && errno == ENODEV)
			return;
		if (got < 0 && errno != EINTR)
			storm_wrong("read fails");
		for (i = 0; i < got / (ssize_t)sizeof(records[0]); i++)
			book_record(&records[i]);
		storm_count(STORM_READ);
	}
}

static void nothing(int signal)
{
	(void)signal;
}

static struct storm_thread selves[MOST_THREADS];

static void *run(void *arg)
{
	struct storm_thread *self = arg;

	self->work(self);
	atomic_store(&threads[self->number].ended, true);
	return NULL;
}

static void start(void (*work)(struct storm_thread *), unsigned int count,
		  uint64_t seed)
{
	struct storm_thread *self;

	for (; count; count--, thread_count++) {
		self = &selves[thread_count];
		self->number = thread_count;
		self->work = work;
		self->random = seed + thread_count * UINT64_C(0x9e3779b97f4a7c15);
		atomic_store(&threads[thread_count].ended, false);
		if (pthread_create(&threads[thread_count].thread, NULL, run, self))
			die("pthread_create");
	}
}

void storm_start(int manager, uint64_t seed)
{
	struct sigaction action = { .sa_handler = nothing };
	size_t i;

	if (!books)
		books = calloc(OWNERS, sizeof(*books));
	if (!books)
		die("no memory for the books");
	sigaction(SIGUSR1, &action, NULL);
	storm.manager = manager;
	storm.stop = false;
	storm.first_owner = storm.next_owner = storm.next_owner ?: 1;
	thread_count = 0;
	for (i = 0; i < STORM_SLOTS; i++)
		storm.slots[i].fd = -1;
	start(storm_exporter, 4, seed);
	start(storm_reader, 2, seed);
	start(storm_scrubber, 2, seed);
	start(storm_looker, 2, seed);
	start(storm_mapper, 2, seed);
	start(storm_syncer, 1, seed);
	start(storm_forker, 1, seed);
	start(storm_importer, 2, seed);
	start(storm_device, 1, seed);
	start(storm_player, 1, seed);
}

/* Whoever waits for a record is woken until it has noticed. */
static void join(void)
{
	unsigned int i;

	storm.stop = true;
	for (i = 0; i < thread_count; i++) {
		while (!atomic_load(&threads[i].ended)) {
			pthread_kill(threads[i].thread, SIGUSR1);
			usleep(1000);
		}
		pthread_join(threads[i].thread, NULL);
	}
	for (i = 0; i < STORM_SLOTS; i++)
		storm_drop(&storm.slots[i]);
}

static void read_the_rest(void)
{
	struct carve_release records[24];
	struct carve_info info;
	int got, i, tries;

	for (tries = 0; tries < 500; tries++) {
		while ((got = carve_read_records(storm.manager, records, 24)) > 0)
			for (i = 0; i < got; i++)
				book_record(&records[i]);
		if (carve_info_get(storm.manager, &info))
			storm_wrong("no information at the end");
		if (!info.live_count && !info.unread_count)
			return;
		usleep(10000);
	}
	storm_wrong("a buffer is still live at the end");
}

/* Every sum, when all is quiet. */
static void check_sums(void)
{
	static struct carve_extent_info infos[1 << 14];
	int count = carve_list_all(storm.manager, infos, ARRAY_SIZE(infos)), i;
	struct carve_info info;
	uint64_t sum = 0, owner;

	carve_info_get(storm.manager, &info);
	for (i = 0; i < count; i++) {
		sum += infos[i].bytes;
		if (infos[i].state != CARVE_STATE_DIRTY)
			storm_wrong("something listed as live at the end");
	}
	if (info.live_bytes || sum != info.dirty_bytes)
		storm_wrong("the sums are wrong at the end");
	if (carve_scrub_range(storm.manager, 0, region.bytes) != (int64_t)sum ||
	    !region_is_clean(storm.manager))
		storm_wrong("not everything can be cleaned at the end");
	for (owner = storm.first_owner;
	     owner < storm.next_owner && owner < OWNERS; owner++)
		if (books[owner].published != books[owner].records)
			storm_wrong("a record was lost");
}

const char *storm_stop(bool lost)
{
	join();
	if (!lost) {
		read_the_rest();
		check_sums();
	}
	return storm.wrong;
}

void storm_print(void)
{
	static const char *const names[STORM_COUNTS] = {
		[STORM_EXPORT] = "exports", [STORM_BUSY] = "refused",
		[STORM_SCRUB] = "scrubs", [STORM_READ] = "reads",
		[STORM_LOOK] = "lists", [STORM_IDENTIFY] = "identified",
		[STORM_MAP] = "mappings", [STORM_SYNC] = "syncs",
		[STORM_FORK] = "forks", [STORM_IMPORT] = "imports",
		[STORM_DEVICE] = "device mappings", [STORM_PLAY] = "queues",
		[STORM_UNLOAD] = "unload attempts",
	};
	unsigned int i;

	printf("# ");
	for (i = 0; i < STORM_COUNTS; i++)
		printf("%u %s%s", counts[i], names[i],
		       i + 1 < STORM_COUNTS ? ", " : "\n");
}
