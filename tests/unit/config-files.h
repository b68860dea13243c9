/* SPDX-License-Identifier: MIT */
/*
 * Configurations in a folder of their own, for the tests of the parser.
 */
#ifndef CARVE_TESTS_CONFIG_FILES_H
#define CARVE_TESTS_CONFIG_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../scratch.h"
#include "config.h"

static char dir[40];

static inline const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static inline void write_bytes(const char *name, const char *text, size_t bytes)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

static inline void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static inline struct carve_config *load(const char *text)
{
	char mistake[CARVE_CONFIG_MISTAKE];
	struct carve_config *config;

	write_file("main", text);
	if (carve_config_load(&config, path_of("main"), mistake) < 0)
		fail_msg("%s\n%s", mistake, text);
	return config;
}

/* It is refused, and what is said has these words. */
static inline void assert_mistake(const char *where, const char *words)
{
	struct carve_config *config = NULL;
	char mistake[CARVE_CONFIG_MISTAKE];
	int r = carve_config_load(&config, path_of("main"), mistake);

	if (r == 0)
		fail_msg("no mistake, where '%s' is one", words);
	assert_null(config);
	if (!strstr(mistake, where) || !strstr(mistake, words))
		fail_msg("neither '%s' nor '%s' in: %s", where, words, mistake);
	/* One line, for a journal entry. */
	assert_null(strchr(mistake, '\n'));
}

static inline void refuse_bytes(const char *text, size_t bytes, unsigned int line,
			 const char *words)
{
	char where[160];

	write_bytes("main", text, bytes);
	snprintf(where, sizeof(where), "%s:%u: ", path_of("main"), line);
	assert_mistake(where, words);
}

static inline void refuse(const char *text, unsigned int line, const char *words)
{
	refuse_bytes(text, strlen(text), line, words);
}

static inline int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/carve-config.XXXXXX", scratch_folder());
	return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_dir(void **state)
{
	(void)state;
	unlink(path_of("main"));
	return rmdir(dir);
}

#endif /* CARVE_TESTS_CONFIG_FILES_H */
