// SPDX-License-Identifier: MIT
/*
 * The random tester of the driver, see fuzz.h: 100,000 calls, right and wrong,
 * in rounds by one thread alone, by several, and by several processes, which
 * end in an orderly way or not.
 *
 * $CARVE_CALLS changes how many, $CARVE_SEED repeats a run: exactly so only the
 * rounds of one thread.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "fuzz.h"

#define THREADS	4
#define ROUND	400	/* calls of a thread */

int manager, reader;
static struct fuzz_thread threads[THREADS];
static uint64_t seed;

static const struct {
	const char *name;
	void (*run)(struct fuzz_thread *t);
	unsigned int weight;
	bool fails;		/* some are wrong on purpose */
} operations[FUZZ_OPERATIONS] = {
	[FUZZ_INFO] = { "info", fuzz_info, 1, true },
	[FUZZ_EXPORT] = { "export", fuzz_export, 8, true },
	[FUZZ_LIST] = { "list", fuzz_list, 2, true },
	[FUZZ_SCRUB] = { "scrub", fuzz_scrub, 5, true },
	[FUZZ_IDENTIFY] = { "identify", fuzz_identify, 2, true },
	[FUZZ_UNKNOWN] = { "unknown", fuzz_unknown, 1, true },
	[FUZZ_READ] = { "read", fuzz_read, 3, true },
	[FUZZ_POLL] = { "poll", fuzz_poll, 1, false },
	[FUZZ_OPEN] = { "open", fuzz_open, 1, true },
	[FUZZ_NODE] = { "node", fuzz_node, 1, true },
	[FUZZ_MMAP] = { "mmap", fuzz_mmap, 4, true },
	[FUZZ_MUNMAP] = { "munmap", fuzz_munmap, 2, false },
	[FUZZ_TOUCH] = { "touch", fuzz_touch, 2, false },
	[FUZZ_PROTECT] = { "protect", fuzz_protect, 1, true },
	[FUZZ_DUP] = { "dup", fuzz_dup, 2, false },
	[FUZZ_CLOSE] = { "close", fuzz_close, 4, false },
	[FUZZ_SYNC] = { "sync", fuzz_sync, 1, true },
	[FUZZ_NAME] = { "name", fuzz_name, 1, true },
	[FUZZ_SEEK] = { "seek", fuzz_seek, 1, true },
	[FUZZ_PASS] = { "pass", fuzz_pass, 1, false },
};

uint64_t fuzz_below(struct fuzz_thread *t, uint64_t bound)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return t->random % bound;
}

bool fuzz_one_in(struct fuzz_thread *t, unsigned int n)
{
	return !fuzz_below(t, n);
}

void fuzz_fail(const char *why, ...)
{
	char text[sizeof(shared->why)];
	va_list args;

	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	if (atomic_exchange(&shared->failed, true))
		return;
	strcpy(shared->why, text);
}

void fuzz_judge(enum fuzz_operation operation, int ret,
		struct fuzz_verdict verdict, const char *what)
{
	outcomes allowed = verdict.must | verdict.may;

	atomic_fetch_add(&shared->calls, 1);
	atomic_fetch_add(ret ? &shared->bad[operation] :
			       &shared->good[operation], 1);
	if (!ret && verdict.must)
		fuzz_fail("%s succeeded that was wrong", what);
	else if (ret && !(allowed & OUTCOME(-ret)))
		fuzz_fail("%s gave %s", what, strerrorname_np(-ret) ?: "?");
}

static void start_thread(struct fuzz_thread *t, uint64_t round, uint64_t number)
{
	t->random = (seed + 1) * 0x9e3779b97f4a7c15 ^
		    (round + 1) * 0xbf58476d1ce4e5b9 ^
		    (number + 1) * 0x94d049bb133111eb;
	t->random = t->random ?: 1;
	t->alone = t->few = false;
	fuzz_below(t, 2);
}

static void run_one(struct fuzz_thread *t, const unsigned char *bag, unsigned int n)
{
	operations[bag[fuzz_below(t, n)]].run(t);
}

/* Each operation is in the bag as often as it weighs. */
static unsigned int fill_bag(unsigned char bag[static 256])
{
	unsigned int count = 0, i, n;

	for (i = 0; i < FUZZ_OPERATIONS; i++)
		for (n = 0; n < operations[i].weight; n++)
			bag[count++] = i;
	return count;
}

static void *work(void *arg)
{
	unsigned char bag[256];
	unsigned int count = fill_bag(bag), i;

	for (i = 0; i < ROUND && !shared->failed; i++)
		run_one(arg, bag, count);
	return NULL;
}

static void work_threads(uint64_t round, unsigned int first, unsigned int count,
			 bool few)
{
	pthread_t ids[THREADS];
	unsigned int i;

	for (i = 0; i < count; i++) {
		start_thread(&threads[i], round, first + i);
		threads[i].few = few;
		if (pthread_create(&ids[i], NULL, work, &threads[i]))
			die("no thread: %m");
	}
	for (i = 0; i < count; i++)
		pthread_join(ids[i], NULL);
}

static void round_alone(uint64_t round)
{
	start_thread(&threads[0], round, 0);
	threads[0].alone = true;
	work(&threads[0]);
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* For the model a process gives everything back before it ends as it is. */
static void forget(void)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].object)
			fuzz_object_unref(slots[i].object);
}

/* One may be reserved without being open: how many below 256 can be had. */
static unsigned int count_free_fds(void)
{
	int fds[256], count = 0, fd, i;

	while ((fd = dup(reader)) >= 0 && fd < 256)
		fds[count++] = fd;
	if (fd >= 0)
		close(fd);
	for (i = 0; i < count; i++)
		close(fds[i]);
	return count;
}

enum ending { CLOSE_ALL, EXIT, BE_KILLED, ENDINGS };

static void child(uint64_t round, unsigned int number, enum ending ending)
{
	struct rlimit limit;
	struct fuzz_thread *t = &threads[0];

	if (number == 0) {	/* it runs out of descriptors */
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = count_fds() + round % 8;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	work_threads(round, 10 * (number + 1), 2, number == 0);
	if (ending == CLOSE_ALL)
		fuzz_slots_end();
	else
		forget();
	shared->forgotten[number] = true;
	while (ending == BE_KILLED && !shared->failed) {
		fuzz_scrub(t);
		fuzz_list(t);
		fuzz_info(t);
	}
	_exit(0);
}

/* Not before the model has forgotten it: then it is killed in some call. */
static void kill_child(int pid, unsigned int number)
{
	int tries;

	for (tries = 0; !shared->forgotten[number] && !shared->failed; tries++) {
		if (tries == 60000)
			fuzz_fail("a process does not come to its end");
		usleep(1000);
	}
	usleep(fuzz_below(&threads[0], 2000));
	kill(pid, SIGKILL);
}

static void round_processes(uint64_t round)
{
	enum ending endings[FUZZ_CHILDREN];
	int pids[FUZZ_CHILDREN], i, n, status;

	start_thread(&threads[0], round, 100);
	for (i = 0; i < FUZZ_CHILDREN; i++) {
		endings[i] = fuzz_below(&threads[0], ENDINGS);
		shared->forgotten[i] = false;
		for (n = 0; n < SLOTS; n++)
			if (slots[n].object)
				fuzz_object_ref(slots[n].object);
		pids[i] = fork_child();
		if (!pids[i])
			child(round, i, endings[i]);
	}
	work_threads(round, 0, 1, false);
	for (i = 0; i < FUZZ_CHILDREN; i++) {
		if (endings[i] == BE_KILLED)
			kill_child(pids[i], i);
		status = wait_child(pids[i]);
		if (status != (endings[i] == BE_KILLED ? 128 + SIGKILL : 0) &&
		    !shared->failed)
			fuzz_fail("a process ended with %d", status);
	}
}

/* The role ends with the file; for a moment there is no manager. */
static void change_manager(void)
{
	int buf;

	close(manager);
	buf = carve_export_buf(reader, 0, page, 1);
	if (buf != -EPERM)
		fuzz_fail("a reader became the manager");
	manager = open(region_node(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (manager < 0)
		die("there is still a manager: %m");
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void prepare(void)
{
	unsigned int i, rights = PROT_READ | PROT_WRITE;
	uint64_t bytes;

	manager = region_open();
	fcntl(manager, F_SETFL, O_RDWR | O_NONBLOCK);
	reader = open(region_node(), O_RDONLY | O_CLOEXEC);
	bytes = sizeof(*shared) + region.bytes / page * sizeof(shared->owner[0]);
	shared = mmap(NULL, bytes, rights, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reader < 0 || shared == MAP_FAILED)
		die("cannot prepare: %m");
	for (i = 0; i < THREADS; i++) {
		char *all = mmap(NULL, (ARRAY_PAGES + 5) * page, rights,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (all == MAP_FAILED || mprotect(all, page, PROT_READ) ||
		    mprotect(all + 3 * page, page, PROT_NONE) ||
		    mprotect(all + (ARRAY_PAGES + 4) * page, page, PROT_NONE))
			die("cannot prepare: %m");
		threads[i].memory = all;
		threads[i].array = all + 4 * page;
	}
}

static void report(uint64_t calls)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < FUZZ_OPERATIONS; i++) {
		printf("# %-9s %8llu succeeded %8llu refused\n", operations[i].name,
		       (unsigned long long)shared->good[i],
		       (unsigned long long)shared->bad[i]);
		all = all && (shared->good[i] || i == FUZZ_UNKNOWN || i == FUZZ_NODE) &&
		      (shared->bad[i] || !operations[i].fails);
	}
	if (calls >= 10000)
		check(all, "every kind of call was right at times and wrong at times",
		      "see the figures above");
}

int main(void)
{
	uint64_t calls = number("CARVE_CALLS", 100000), round, shown = 0;
	unsigned int fds;
	time_t begin = time(NULL);

	seed = number("CARVE_SEED", time(NULL) ^ getpid());
	printf("# CARVE_SEED=%llu CARVE_CALLS=%llu\n", (unsigned long long)seed,
	       (unsigned long long)calls);
	fflush(stdout);
	prepare();
	fds = count_free_fds();
	for (round = 0; shared->calls < calls && !shared->failed; round++) {
		switch (round % 3) {
		case 0: round_alone(round); break;
		case 1: work_threads(round, 0, THREADS, false); break;
		case 2: round_processes(round); break;
		}
		if (!shared->failed)
			fuzz_compare();
		if (!shared->failed && round % 8 == 7) {
			fuzz_settle();
			change_manager();
		}
		if (shared->calls / 100000 > shown) {
			shown = shared->calls / 100000;
			printf("# %llu calls in %lld s\n",
			       (unsigned long long)shared->calls,
			       (long long)(time(NULL) - begin));
			fflush(stdout);
		}
	}
	check(!shared->failed, "random calls do nothing but what is documented",
	      "call %llu, round %llu of seed %llu: %s",
	      (unsigned long long)shared->calls, (unsigned long long)round,
	      (unsigned long long)seed, shared->why);
	printf("# %llu calls in %llu rounds, %lld s\n",
	       (unsigned long long)shared->calls, (unsigned long long)round,
	       (long long)(time(NULL) - begin));
	report(calls);
	if (shared->failed)
		return finish();
	fuzz_settle();
	check(!shared->failed, "everything can be given back and scrubbed", "%s",
	      shared->why);
	check(region_is_clean(manager), "the region is as at the start", "it is not");
	check_value("no descriptor is lost", count_free_fds(), fds);
	return finish();
}
