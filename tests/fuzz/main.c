// SPDX-License-Identifier: MIT
/*
 * fuzz-NAME FILE...: runs inputs one by one, without a fuzzer: to repeat a
 * finding with any compiler, and for coverage. A folder stands for its files,
 * - for the standard input.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX	(1U << 20)

static unsigned int count;

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void run_stream(FILE *stream, const char *name)
{
	uint8_t *data;
	size_t bytes;

	if (!stream) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	data = malloc(INPUT_MAX);
	fuzz_require(data);
	bytes = fread(data, 1, INPUT_MAX, stream);
	/* Exactly as large as it is, so that a byte more is seen. */
	data = realloc(data, bytes ? bytes : 1);
	fuzz_require(data);
	LLVMFuzzerTestOneInput(data, bytes);
	free(data);
	count++;
}

static void run_file(const char *path)
{
	FILE *stream = fopen(path, "re");

	run_stream(stream, path);
	fclose(stream);
}

static void run_folder(const char *path)
{
	struct dirent **names;
	int found = scandir(path, &names, NULL, alphasort);

	for (int i = 0; i < found; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			run_file(file);
		free(names[i]);
	}
	if (found >= 0)
		free(names);
}

int main(int argc, char **argv)
{
	struct stat st;

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-"))
			run_stream(stdin, "stdin");
		else if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			run_folder(argv[i]);
		else
			run_file(argv[i]);
	}
	printf("%u inputs\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
