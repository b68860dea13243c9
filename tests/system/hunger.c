// SPDX-License-Identifier: MIT
/*
 * hunger: memory runs out in the whole machine, again and again, while buffers
 * are taken inside a reservation and outside. A child eats until the kernel kills
 * it; the daemon has to answer all the time, and what is reserved has to be there.
 * Needs root, so that the child is the one that is killed.
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

#define ROUNDS		2
#define MIB		(1ULL << 20)
#define MOUTHFUL	(16 * MIB)
#define FRAMES		4

/**
 * struct count - what was seen
 * @lost: allocations inside the reservation that failed
 * @wrong: those outside that failed for anything but memory
 * @refused: those that failed for memory
 * @silent: status that was not answered
 */
struct count {
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
	set_score("1000");
	for (;;) {
		void *food = mmap(NULL, MOUTHFUL, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (food == MAP_FAILED)
			_exit(1);
		memset(food, 0xa5, MOUTHFUL);
	}
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

/* Return: was the child killed for want of memory? */
static bool go_hungry(struct carve_reservation *reservation, struct carve *other,
		      struct count *count)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("a child is there", -errno);
	if (child == 0)
		eat();
	while (waitpid(child, &status, WNOHANG) == 0)
		take_some(reservation, other, count);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int main(void)
{
	struct carve_class class = CARVE_CLASS_INIT;
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	struct carve *carve, *other;
	unsigned long killed = 0;
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
	set_score("-900");
	take_some(reservation, other, &count);
	for (int i = 0; i < ROUNDS; i++)
		killed += go_hungry(reservation, other, &count);
	take_some(reservation, other, &count);
	printf("# %lu rounds, %lu allocations outside refused, the longest round %llu ms\n",
	       count.rounds, count.refused, (unsigned long long)count.longest_ms);
	check(killed == ROUNDS, "memory ran out each time", "times it did", killed);
	check(!count.lost, "what is reserved is there", "allocations lost", count.lost);
	check(!count.wrong, "what is not is refused for memory alone",
	      "allocations failed otherwise", count.wrong);
	check(!count.silent, "the daemon answers", "requests not answered", count.silent);
	carve_reservation_free(reservation);
	carve_free(other);
	carve_free(carve);
	return failed;
}
