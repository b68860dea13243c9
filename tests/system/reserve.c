// SPDX-License-Identifier: MIT
/*
 * reserve BASE: the promise of a reservation on a region of real memory, which
 * begins at the physical address BASE (hexadecimal) and is this program's alone:
 * guards, a limit and an alignment in the classes, everything else taken by
 * somebody else and full of holes, every buffer zeroed when it comes again.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <carve.h>

#define ROUNDS	100
#define KIB	1024ULL
#define MIB	(1024 * KIB)
#define HOG_MAX	8192

enum { FRAMES = 4, BITS = 3, ALL = FRAMES + BITS };

static struct carve_buffer *hog[HOG_MAX];
static size_t hogged;
static int failed;

static void check(bool good, const char *what, const char *why, long number)
{
	if (good) {
		printf("ok %s\n", what);
	} else {
		printf("not ok %s - %s (%ld)\n", what, why, number);
		failed = 1;
	}
}

static void die(const char *what, int error)
{
	printf("not ok %s - %s\n", what, strerror(-error));
	exit(1);
}

/* All there is in pieces of one size, then every other one back: holes. */
static void fill(struct carve *carve, uint64_t bytes, bool comb)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	size_t first = hogged;
	int r = 0;

	request.bytes = bytes;
	request.name = "hog";
	while (hogged < HOG_MAX && !(r = carve_alloc(carve, &request, &hog[hogged])))
		hogged++;
	if (r != -ENOSPC)
		die("the rest of the region is taken", r);
	for (size_t i = first; comb && i < hogged; i += 2)
		hog[i] = carve_buffer_unref(hog[i]);
}

/* A descriptor for each buffer. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("the limit of descriptors", -errno);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("the limit of descriptors", -errno);
}

static bool is_zero(const unsigned char *bytes, uint64_t count)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, count - 1);
}

/* Return: 0, and the buffer was all zeros and is full of something else. */
static int use(struct carve_buffer *buffer)
{
	uint64_t bytes = carve_buffer_get_bytes(buffer);
	void *map;
	int r = carve_buffer_map(buffer, &map);

	if (r == 0)
		r = carve_buffer_begin_cpu(buffer, CARVE_CPU_READ | CARVE_CPU_WRITE);
	if (r < 0)
		return r;
	r = is_zero(map, bytes) ? 0 : -EBADMSG;
	memset(map, 0xa5, bytes);
	return carve_buffer_end_cpu(buffer, CARVE_CPU_READ | CARVE_CPU_WRITE) ?: r;
}

/* Where the frames lie: aligned, inside the limit, apart from their guards. */
static bool lies_well(struct carve *carve, struct carve_buffer *buffer,
		      uint64_t base, const struct carve_class *class)
{
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	uint64_t phys;
	int r = carve_query(carve, carve_buffer_get_fd(buffer), &info);

	if (r < 0)
		die("a buffer is known", r);
	if (!(info.flags & CARVE_BUFFER_OFFSET_KNOWN))
		return false;
	/* The extent begins with its guard. */
	phys = base + info.offset + class->guard_before;
	return !(phys & (class->alignment - 1)) &&
	       phys + class->bytes + class->guard_after <= class->limit;
}

static struct carve_reservation *reserve(struct carve *carve,
					 const struct carve_class *classes)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_reservation *reservation;
	int r;

	profile.classes = classes;
	profile.class_count = 2;
	profile.name = "player";
	r = carve_reserve(carve, &profile, &reservation, &refusal);
	if (r < 0)
		die("a reservation is granted", r);
	return reservation;
}

static void rounds(struct carve *carve, struct carve_reservation *reservation,
		   const struct carve_class *classes, uint64_t base)
{
	struct carve_buffer *buffers[ALL] = { 0 };
	long lost = 0, dirty = 0, astray = 0, beyond = 0;

	for (int round = 0; round < ROUNDS; round++) {
		/* One frame stays on the screen until the next round. */
		for (size_t i = 0; i < ALL; i++) {
			size_t class = i >= FRAMES;
			int r;

			if (buffers[i])
				continue;
			r = carve_reservation_alloc(reservation, class, "frame", 0,
						    &buffers[i]);
			if (r < 0) {
				lost++;
				continue;
			}
			dirty += use(buffers[i]) < 0;
			astray += !lies_well(carve, buffers[i], base,
					     &classes[class]);
		}
		for (size_t class = 0; class < 2; class++) {
			struct carve_buffer *more;

			if (carve_reservation_alloc(reservation, class, NULL, 0,
						    &more) != -ENOSPC)
				beyond++;
		}
		for (size_t i = 0; i < ALL; i++)
			if (i != (size_t)round % ALL)
				buffers[i] = carve_buffer_unref(buffers[i]);
	}
	for (size_t i = 0; i < ALL; i++)
		carve_buffer_unref(buffers[i]);
	check(!lost, "no allocation failed in a full region", "allocations lost", lost);
	check(!dirty, "every buffer came zeroed", "buffers not zeroed", dirty);
	check(!astray, "aligned, below the limit, with guards", "buffers astray", astray);
	check(!beyond, "no more than was reserved", "too many granted", beyond);
}

int main(int argc, char **argv)
{
	uint64_t base = argc > 1 ? strtoull(argv[1], NULL, 16) : 0;
	struct carve_class classes[2] = {
		{ .struct_size = sizeof(classes[0]), .count = FRAMES,
		  .bytes = 1 * MIB, .alignment = 256 * KIB,
		  .limit = base + 24 * MIB, .guard_before = 4 * KIB,
		  .guard_after = 64 * KIB },
		{ .struct_size = sizeof(classes[0]), .count = BITS,
		  .bytes = 300 * KIB, .alignment = 4 * KIB,
		  .limit = base + 64 * MIB, .guard_after = 4 * KIB },
	};
	struct carve_reservation *reservation;
	struct carve *carve, *other;
	int r;

	raise_limit();
	r = carve_new(&carve, NULL);
	if (r == 0)
		r = carve_new(&other, NULL);
	if (r < 0)
		die("carved is there", r);
	reservation = reserve(carve, classes);
	fill(other, 1 * MIB, true);
	fill(other, 128 * KIB, true);
	fill(other, 16 * KIB, false);
	printf("# %zu buffers of somebody else\n", hogged);
	rounds(carve, reservation, classes, base);
	while (hogged)
		carve_buffer_unref(hog[--hogged]);
	carve_reservation_free(reservation);
	carve_free(other);
	carve_free(carve);
	return failed;
}
