// SPDX-License-Identifier: MIT
/*
 * What is shown of a region goes with it, whoever is looking.
 *
 * $CARVE_GONE is how often the driver is unloaded and loaded, 5 if it is not set.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "files.h"

/* The second one starts with the fifth file, the hole. */
#define READERS 2
#define DEBUGFS "/sys/kernel/debug/carve"

static const char *const names[] = {
	"size", "free", "dirty", "live", "largest_hole",
	"exports", "failures", "guard_hits",
};

static atomic_bool stop;
static atomic_ulong reads, odd;
static char class_dir[300], debug_dir[300];

/*
 * Opens one file after the other and reads it a few times. The pauses are for
 * those who unload the driver: there is not much of a processor here.
 */
static void *read_on(void *first)
{
	size_t i = (uintptr_t)first;
	char path[400], text[100];
	ssize_t got = 1;
	int fd, left;

	for (; !stop; i++) {
		snprintf(path, sizeof(path), "%s/%s", class_dir,
			 names[i % ARRAY_SIZE(names)]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			odd += errno != ENOENT && errno != ENODEV;
			usleep(500);
			continue;
		}
		for (left = 50; left && got > 0; left--) {
			got = pread(fd, text, sizeof(text), 0);
			reads++;
		}
		odd += got < 0 && errno != ENODEV;
		got = 1;
		close(fd);
		usleep(500);
	}
	return NULL;
}

/*
 * An open "extents" keeps the module, as any open file of a module does, so
 * here one is open for moments only.
 */
static void *list_on(void *path)
{
	static char text[1 << 16];

	while (!stop) {
		if (file_read(path, text, sizeof(text)) > 0)
			reads++;
		usleep(20000);
	}
	return NULL;
}

static bool unload(void)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (!system("modprobe -r carve 2>/dev/null"))
			return true;
		usleep(10000);
	}
	return false;
}

static void check_cycle(void)
{
	char path[400], text[100];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/largest_hole", class_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
		die("%s: %m", path);
	if (!unload())
		die("the driver does not go");
	got = pread(fd, text, sizeof(text), 0) < 0 ? -errno : 0;
	if (got != -ENODEV || !access(class_dir, F_OK) ||
	    !access(debug_dir, F_OK) || !access(DEBUGFS, F_OK))
		odd++;
	close(fd);
	if (system("modprobe carve"))
		die("the driver cannot be loaded again");
}

int main(void)
{
	const char *cycles = getenv("CARVE_GONE");
	int left = cycles ? atoi(cycles) : 5;
	pthread_t threads[READERS + 1];
	char extents[400];
	size_t i;

	close(region_open());
	snprintf(class_dir, sizeof(class_dir), "/sys/class/carve/%s",
		 region_label());
	snprintf(debug_dir, sizeof(debug_dir), DEBUGFS "/%s", region_label());
	snprintf(extents, sizeof(extents), "%s/extents", debug_dir);
	for (i = 0; i < ARRAY_SIZE(threads) - 1; i++)
		pthread_create(&threads[i], NULL, read_on,
			       (void *)(i * ARRAY_SIZE(names) / READERS));
	pthread_create(&threads[i], NULL, list_on, extents);
	while (left-- > 0)
		check_cycle();
	stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	check(!odd, "what is shown goes with the region",
	      "%lu times it did not, or with another errno", odd);
	check(reads > 100, "while it was being read", "%lu times", reads);
	return finish();
}
