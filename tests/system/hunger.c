// SPDX-License-Identifier: MIT
/*
 * hunger: memory runs out in the whole machine, again and again, while buffers
 * are taken inside a reservation and outside. Children eat, each less than the
 * daemon has: without protection it is the daemon that the kernel kills. It has to
 * answer all the time, and what is reserved has to be there. Needs root, so that
 * this program is not the one that is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <carve.h>

#include "../patience.h"

#define STORMS		2
#define MIB		(1ULL << 20)
/* Half of what carved has. */
#define MOUTHFUL	(6 * MIB)
/* So many are born at once, where there is room for a third of them. */
#define CHILDREN	32
#define ROOM		(10 * MOUTHFUL)
/* A storm is over when so many are dead. */
#define DEATHS		10
#define FRAMES		4
#define PATIENCE_MS	60000

/**
 * struct count - what was seen
 * @killed: children, by the kernel
 * @lost: allocations inside the reservation that failed
 * @wrong: those outside that failed for anything but memory
 * @refused: those that failed for memory
 * @silent: status that was not answered
 */
struct count {
	unsigned long killed;
	unsigned long rounds;
	unsigned long lost;
	unsigned long wrong;
	unsigned long refused;
	unsigned long silent;
	uint64_t longest_ms;
};

static int failed;

static void check(bool good, const char *what, const char *why, unsigned long number)
{
	if (good) {
		printf("ok %s\n", what);
	} else {
		printf("not ok %s - %s (%lu)\n", what, why, number);
		failed = 1;
	}
}

static void die(const char *what, int error)
{
	printf("not ok %s - %s\n", what, strerror(-error));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static pid_t children[CHILDREN];

/* From -1000, never to be killed, to 1000, to be killed first. */
static void set_score(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, score, strlen(score)) < 0)
		die("who is to be killed is said", -errno);
	close(fd);
}

static void eat(void)
{
	void *food = mmap(NULL, MOUTHFUL, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	/* As everybody. */
	set_score("0");
	if (food == MAP_FAILED)
		_exit(1);
	memset(food, 0xa5, MOUTHFUL);
	for (;;)
		pause();
}

/* The kernel alone kills one. */
static void bury(struct count *count)
{
	int status;

	for (size_t i = 0; i < CHILDREN; i++) {
		if (!children[i] || waitpid(children[i], &status, WNOHANG) == 0)
			continue;
		children[i] = 0;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			die("a child eats until it is killed", -ECHILD);
		count->killed++;
	}
}

static void feed(void)
{
	for (size_t i = 0; i < CHILDREN; i++) {
		if (children[i])
			continue;
		children[i] = fork();
		if (children[i] == 0)
			eat();
		/* There may be no memory for another one. */
		if (children[i] < 0)
			children[i] = 0;
	}
}

static uint64_t available_bytes(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

/*
 * All but what the children fill at one stroke. A machine that comes to its end
 * slowly reads its programs from the disk again and again meanwhile.
 */
static void *take_the_rest(uint64_t *ret_bytes)
{
	uint64_t bytes = available_bytes();
	void *rest;

	bytes = bytes > ROOM ? bytes - ROOM : MIB;
	rest = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (rest == MAP_FAILED)
		die("most of the memory is there", -errno);
	madvise(rest, bytes, MADV_DONTFORK);
	*ret_bytes = bytes;
	return rest;
}

static void take_some(struct carve_reservation *reservation, struct carve *other,
		      struct count *count)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *frames[FRAMES] = { 0 }, *buffer = NULL;
	struct carve_regions *regions;
	uint64_t start = now_ms(), took_ms;
	int r;

	for (size_t i = 0; i < FRAMES; i++)
		if (carve_reservation_alloc(reservation, 0, "frame", 0,
					    &frames[i]) < 0)
			count->lost++;
	request.bytes = MIB;
	r = carve_alloc(other, &request, &buffer);
	count->wrong += r < 0 && r != -ENOMEM;
	count->refused += r == -ENOMEM;
	if (carve_regions_new(other, &regions) < 0)
		count->silent++;
	else
		carve_regions_free(regions);
	carve_buffer_unref(buffer);
	for (size_t i = 0; i < FRAMES; i++)
		carve_buffer_unref(frames[i]);
	took_ms = now_ms() - start;
	count->longest_ms = took_ms > count->longest_ms ? took_ms : count->longest_ms;
	count->rounds++;
}

static void go_hungry(struct carve_reservation *reservation, struct carve *other,
		      struct count *count)
{
	uint64_t end = (uint64_t)patient_ms() + PATIENCE_MS, bytes;
	unsigned long killed = count->killed;
	void *rest = take_the_rest(&bytes);

	while (count->killed < killed + DEATHS && (uint64_t)patient_ms() < end) {
		feed();
		take_some(reservation, other, count);
		bury(count);
	}
	for (size_t i = 0; i < CHILDREN; i++)
		if (children[i])
			kill(children[i], SIGKILL);
	for (size_t i = 0; i < CHILDREN; i++) {
		if (children[i])
			waitpid(children[i], NULL, 0);
		children[i] = 0;
	}
	munmap(rest, bytes);
}

int main(void)
{
	struct carve_class class = CARVE_CLASS_INIT;
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	struct carve *carve, *other;
	struct count count = { 0 };
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* One pass while there is enough, so that all code was run once. */
	class.bytes = MIB;
	class.count = FRAMES;
	profile.classes = &class;
	profile.class_count = 1;
	r = carve_new(&carve, NULL);
	if (r == 0)
		r = carve_new(&other, NULL);
	if (r == 0)
		r = carve_reserve(carve, &profile, &reservation, NULL);
	if (r < 0)
		die("carved reserves", r);
	set_score("-1000");
	take_some(reservation, other, &count);
	for (int i = 0; i < STORMS; i++)
		go_hungry(reservation, other, &count);
	take_some(reservation, other, &count);
	printf("# %lu children killed, %lu rounds, %lu allocations outside refused, the longest round %llu ms\n",
	       count.killed, count.rounds, count.refused,
	       (unsigned long long)count.longest_ms);
	check(count.killed >= STORMS * DEATHS, "memory runs out again and again", "times it did",
	      count.killed);
	check(!count.lost, "what is reserved is there", "allocations lost", count.lost);
	check(!count.wrong, "what is not is refused for memory alone",
	      "allocations failed otherwise", count.wrong);
	check(!count.silent, "the daemon answers", "requests not answered", count.silent);
	carve_reservation_free(reservation);
	carve_free(other);
	carve_free(carve);
	return failed;
}
