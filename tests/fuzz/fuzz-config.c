// SPDX-License-Identifier: MIT
/*
 * carved.conf and its drop-ins. A line "%%%%" ends a file: the first is the
 * main one, then come up to three drop-ins. What was understood is printed, and
 * that has to be understood as the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../scratch.h"
#include "config.h"
#include "fuzz.h"

#define FILES_MAX	4
#define END_OF_FILE	"%%%%\n"

static char folder[64];

/* In memory, wherever that is to be had; named by process. */
static void path_of(char *path, size_t size, unsigned int file)
{
	static const char *const names[FILES_MAX] = {
		"carved.conf", "carved.conf.d/10-one.conf",
		"carved.conf.d/20-two.conf", "carved.conf.d/no.txt.conf",
	};

	snprintf(path, size, "%s/%s", folder, names[file]);
}

static void remove_all(void)
{
	char path[128];

	for (unsigned int i = 0; i < FILES_MAX; i++) {
		path_of(path, sizeof(path), i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/carved.conf.d", folder);
	rmdir(path);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[128];

	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%s/carve-fuzz-XXXXXX", scratch_folder());
	fuzz_require(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/carved.conf.d", folder);
	fuzz_require(mkdir(path, 0700) == 0);
	atexit(remove_all);
	return 0;
}

static void write_file(unsigned int file, const uint8_t *data, size_t bytes)
{
	char path[128];
	int fd;

	path_of(path, sizeof(path), file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_require(fd >= 0);
	fuzz_require(write(fd, data, bytes) == (ssize_t)bytes);
	close(fd);
}

/* Files of the input before are emptied, which is as good as gone. */
static void write_files(const uint8_t *data, size_t bytes)
{
	for (unsigned int i = 0; i < FILES_MAX; i++) {
		const uint8_t *end = NULL;
		size_t length = bytes;

		if (i < FILES_MAX - 1 && bytes)
			end = memmem(data, bytes, END_OF_FILE,
				     strlen(END_OF_FILE));
		if (end)
			length = (size_t)(end - data);
		write_file(i, data, length);
		if (end)
			length += strlen(END_OF_FILE);
		data += length;
		bytes -= length;
	}
}

/* What the header says of it has to be so. */
static void check(const struct carve_config *config)
{
	fuzz_require(config->rule_count <= CARVE_CONFIG_RULES_MAX);
	fuzz_require(config->region_count <= CARVE_WIRE_REGIONS_MAX);
	fuzz_require(config->reservation_count <= CARVE_CONFIG_RESERVATIONS_MAX);
	for (size_t i = 0; i < config->reservation_count; i++) {
		const struct carve_config_reservation *reservation =
			&config->reservations[i];
		uint64_t slots = 0;

		fuzz_require(reservation->name[0]);
		fuzz_require(reservation->class_count &&
			     reservation->class_count <= CARVE_WIRE_CLASSES_MAX);
		for (uint32_t j = 0; j < reservation->class_count; j++)
			slots += reservation->classes[j].count;
		fuzz_require(slots && slots <= CARVE_WIRE_SLOTS_MAX);
		fuzz_require(reservation->owner.has_uid ||
			     reservation->owner.has_gid ||
			     reservation->owner.unit[0]);
	}
	for (size_t i = 0; i < config->region_count; i++)
		fuzz_require(config->regions[i].keep_priority >=
			     -CARVE_CONFIG_PRIORITY_MAX &&
			     config->regions[i].keep_priority <=
			     CARVE_CONFIG_PRIORITY_MAX);
}

/* Rules are tried on all sorts of clients. */
static void apply(const struct carve_config *config)
{
	gid_t groups[] = { 4, 1000 };
	struct carve_identity identity = { .groups = groups, .group_count = 2 };

	for (uid_t uid = 0; uid < 3; uid++) {
		struct carve_terms terms;

		identity.uid = uid * 1000;
		identity.unit = uid ? "film.service" : "";
		terms = carve_config_terms(config, &identity);
		fuzz_require(terms.priority >= -CARVE_CONFIG_PRIORITY_MAX &&
			     terms.priority <= CARVE_CONFIG_PRIORITY_MAX);
	}
}

static char *print(const struct carve_config *config)
{
	char *text = NULL;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);

	fuzz_require(stream);
	carve_config_print(config, stream);
	fuzz_require(fclose(stream) == 0);
	return text;
}

/* The remarks, whole lines, say what came from where. */
static void remove_remarks(char *text)
{
	char *to = text;

	while (*text) {
		size_t bytes = strcspn(text, "\n");

		bytes += text[bytes] == '\n';
		if (*text != '#') {
			memmove(to, text, bytes);
			to += bytes;
		}
		text += bytes;
	}
	*to = '\0';
}

static bool same_match(const struct carve_config_match *one,
		       const struct carve_config_match *other)
{
	return one->has_uid == other->has_uid && one->has_gid == other->has_gid &&
	       (!one->has_uid || one->uid == other->uid) &&
	       (!one->has_gid || one->gid == other->gid) &&
	       !strcmp(one->unit, other->unit);
}

static bool same_rule(const struct carve_config_rule *one,
		      const struct carve_config_rule *other)
{
	const struct carve_terms *a = &one->terms, *b = &other->terms;

	return !strcmp(one->name, other->name) &&
	       same_match(&one->match, &other->match) &&
	       a->scope == b->scope && a->max_bytes == b->max_bytes &&
	       a->max_buffers == b->max_buffers &&
	       a->max_reserved == b->max_reserved && a->limit == b->limit &&
	       a->guard_before == b->guard_before &&
	       a->guard_after == b->guard_after && a->priority == b->priority &&
	       one->has_show_addresses == other->has_show_addresses &&
	       a->show_addresses == b->show_addresses;
}

static bool same_reservation(const struct carve_config_reservation *one,
			     const struct carve_config_reservation *other)
{
	return !strcmp(one->name, other->name) &&
	       !strcmp(one->region, other->region) &&
	       same_match(&one->owner, &other->owner) &&
	       one->class_count == other->class_count &&
	       !memcmp(one->classes, other->classes,
		       one->class_count * sizeof(one->classes[0]));
}

static void require_same(const struct carve_config *one,
			 const struct carve_config *other)
{
	fuzz_require(one->rule_count == other->rule_count);
	fuzz_require(one->region_count == other->region_count);
	fuzz_require(one->reservation_count == other->reservation_count);
	for (size_t i = 0; i < one->rule_count; i++)
		fuzz_require(same_rule(&one->rules[i], &other->rules[i]));
	for (size_t i = 0; i < one->region_count; i++) {
		const struct carve_config_region *a = &one->regions[i];
		const struct carve_config_region *b = &other->regions[i];

		fuzz_require(!strcmp(a->label, b->label) &&
			     a->keep_bytes == b->keep_bytes &&
			     a->keep_priority == b->keep_priority);
	}
	for (size_t i = 0; i < one->reservation_count; i++)
		fuzz_require(same_reservation(&one->reservations[i],
					      &other->reservations[i]));
}

/* Read again it is the same. */
static void read_again(const struct carve_config *config)
{
	char mistake[CARVE_CONFIG_MISTAKE];
	struct carve_config *again;
	char path[128];
	char *first = print(config), *second;

	write_files((const uint8_t *)first, strlen(first));
	path_of(path, sizeof(path), 0);
	if (carve_config_load(&again, path, mistake) < 0)
		fuzz_fail(first, 0, mistake);
	require_same(config, again);
	second = print(again);
	remove_remarks(first);
	remove_remarks(second);
	if (strcmp(first, second))
		fuzz_fail(first, 0, second);
	carve_config_free(again);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char mistake[CARVE_CONFIG_MISTAKE] = "";
	unsigned int fds = fuzz_count_fds();
	struct carve_config *config = NULL;
	char path[128];
	int r;

	write_files(data, bytes);
	path_of(path, sizeof(path), 0);
	r = carve_config_load(&config, path, mistake);
	if (r < 0) {
		fuzz_require(r == -EINVAL);
		fuzz_require(mistake[0] && strlen(mistake) < sizeof(mistake));
		fuzz_require(!strchr(mistake, '\n'));
		fuzz_require(!config);
	} else {
		check(config);
		apply(config);
		read_again(config);
		carve_config_free(config);
	}
	fuzz_require(fuzz_count_fds() == fds);
	return 0;
}
