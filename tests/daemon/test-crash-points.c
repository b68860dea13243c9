// SPDX-License-Identifier: MIT
/*
 * The daemon dies once at every place that daemon/crash-point.h knows of, under the
 * load of test-crash.c. Belongs to a build made by CRASH=1; a place that the load
 * does not come to is a failure. test-gone.c comes to those that take another set of
 * regions, test-crash-places.c to one that takes luck.
 */
#include "crash-run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define POINTS_MAX	256

/* For one place; it may need a start, and whoever waited is waited for a second. */
#define TURNS_MAX	40
#define TURN_MS		1500

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr Ehdr;
typedef Elf64_Shdr Shdr;
#else
typedef Elf32_Ehdr Ehdr;
typedef Elf32_Shdr Shdr;
#endif

struct points {
	const char *names[POINTS_MAX];
	unsigned int count;
};

static struct crash_run run;

/* ---- their names --------------------------------------------------------- */

static const Shdr *find_section(const uint8_t *image, const char *name)
{
	const Ehdr *head = (const Ehdr *)image;
	const Shdr *sections = (const Shdr *)(image + head->e_shoff);
	const char *names = (const char *)image + sections[head->e_shstrndx].sh_offset;

	for (unsigned int i = 0; i < head->e_shnum; i++)
		if (!strcmp(names + sections[i].sh_name, name))
			return &sections[i];
	return NULL;
}

static void read_names(struct points *points)
{
	int fd = open(daemon_path(), O_RDONLY | O_CLOEXEC);
	const Shdr *section;
	const char *name, *end;
	const uint8_t *image;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(image != MAP_FAILED);
	close(fd);
	section = find_section(image, "carve_crash_names");
	if (!section)
		fail_msg("%s has no places to die at: build it by make CRASH=1",
			 daemon_path());
	end = (const char *)image + section->sh_offset + section->sh_size;
	/* The compiler may leave room between two. */
	for (name = (const char *)image + section->sh_offset; name < end;
	     name += strlen(name) + 1)
		if (*name) {
			assert_in_range(points->count, 0, POINTS_MAX - 1);
			points->names[points->count++] = name;
		}
}

/* ---- one of them --------------------------------------------------------- */

static char *file_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/file", run.daemon->dir);
	return path;
}

static void arm(const char *name)
{
	char other[80];
	FILE *file;

	snprintf(other, sizeof(other), "%s.new", file_path());
	file = fopen(other, "we");
	assert_non_null(file);
	fprintf(file, "%s\n", name);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(other, file_path()), 0);
}

static bool wait_for_death(void)
{
	int64_t end = now_ms() + TURN_MS;

	while (now_ms() < end) {
		crash_world_reap(run.world);
		if (access(file_path(), F_OK) < 0)
			return true;
		sleep_ms(1);
	}
	return false;
}

/*
 * What it takes to come to a place: a start, or a death at another place right
 * before.
 */
static void provoke(const char *name)
{
	if (!strcmp(name, "reserve-repeated")) {
		arm("reserve-granted");
		wait_for_death();
		arm(name);
		crash_run_note_death(&run);
	} else if (!strcmp(name, "orphan-freed")) {
		crash_run_orphan(&run);
	} else {
		supervisor_kill(run.supervisor);
		crash_run_note_death(&run);
	}
}

/* Return: was it reached? */
static bool die_at(const char *name)
{
	bool done;

	arm(name);
	done = wait_for_death();
	for (int turn = 0; !done && turn < TURNS_MAX; turn++) {
		provoke(name);
		done = wait_for_death();
	}
	if (!done)
		unlink(file_path());
	crash_run_note_death(&run);
	supervisor_wait_ready(run.supervisor);
	crash_world_check(run.world, run.carve);
	return done;
}

static bool is_elsewhere(const char *name)
{
	return !strcmp(name, "gone-marked") || !strcmp(name, "gone-forgotten") ||
	       !strcmp(name, "reserve-waited");
}

static void killed_at_every_point(void **state)
{
	static struct points points;
	unsigned int missed = 0;
	char path[64];

	(void)state;
	read_names(&points);
	/* As the folder will be called, which begins with the run. */
	crash_run_prepare(&run);
	snprintf(path, sizeof(path), "%s", file_path());
	setenv("CARVE_CRASH_FILE", path, 1);
	/* The one place that only the very first start comes to. */
	arm("start-state-stored");
	crash_run_begin(&run);
	if (access(file_path(), F_OK) == 0)
		fail_msg("start-state-stored was not reached");
	for (unsigned int i = 0; i < points.count; i++) {
		if (!strcmp(points.names[i], "start-state-stored") ||
		    is_elsewhere(points.names[i]) ||
		    die_at(points.names[i]))
			continue;
		print_message("# %s was not reached\n", points.names[i]);
		missed++;
	}
	print_message("# %u places to die at, %u not reached\n", points.count, missed);
	crash_run_end(&run);
	unsetenv("CARVE_CRASH_FILE");
	assert_int_equal(missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CRASH_TEST(killed_at_every_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
