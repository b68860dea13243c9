// SPDX-License-Identifier: MIT
/*
 * Reading the configuration's files. inih takes lines apart; where it would
 * take something for granted (a line cut off, an empty section, a word behind a
 * header), the line is looked at before inih gets it.
 */
#include "config-parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name.h"

#define BYTES_MAX	(1U << 20)

/* Names in brackets that are longer are cut by inih. */
#define HEADER_MAX	49

#define BLANK		" \t\r\n"
#define BYTE_ORDER_MARK	"\xef\xbb\xbf"

/**
 * struct source - one file being read
 * @line, @room: for getline()
 * @error: other than a mistake: -ENOMEM, -EIO
 */
struct source {
	struct carve_config_parser *parser;
	FILE *stream;
	char *line;
	size_t room;
	int error;
};

/* ---- lines ------------------------------------------------------------- */

/* "[rule a] ; remark" is a header, "[rule a] x=1" is a mistake. */
static int take_header(struct carve_config_parser *parser, const char *line)
{
	const char *end = strchr(line, ']');
	const char *rest = end ? end + 1 + strspn(end + 1, BLANK) : NULL;
	char header[HEADER_MAX + 1];
	size_t bytes;
	int r;

	if (!end || (*rest && *rest != ';'))
		return carve_config_fail(parser, "a section is a line [KIND NAME] "
					 "with nothing behind the bracket");
	bytes = (size_t)(end - line - 1);
	if (bytes > HEADER_MAX)
		return carve_config_fail(parser, "the name of the section is too "
					 "long");
	memcpy(header, line + 1, bytes);
	header[bytes] = '\0';
	r = carve_config_end(parser);
	return r < 0 ? r : carve_config_begin(parser, header);
}

static int look_at(struct carve_config_parser *parser, char *line, size_t bytes)
{
	if (strlen(line) != bytes)
		return carve_config_fail(parser, "a byte of value 0: this is no "
					 "text file");
	for (char *at = line; *at; at++)
		if (*at == '\t' || *at == '\r' || *at == '\n')
			*at = ' ';
	if (!carve_name_is_printable(line))
		return carve_config_fail(parser, "control characters, or text that "
					 "is not UTF-8");
	line += strspn(line, " ");
	if (parser->line == 1 && !strncmp(line, BYTE_ORDER_MARK,
					  strlen(BYTE_ORDER_MARK)))
		line += strlen(BYTE_ORDER_MARK);
	return *line == '[' ? take_header(parser, line) : 0;
}

/* What inih reads instead of a file. Return: NULL at the end or a mistake. */
static char *read_line(char *text, int size, void *data)
{
	struct source *source = data;
	struct carve_config_parser *parser = source->parser;
	ssize_t bytes;
	const char *from;

	if (parser->mistake[0] || source->error)
		return NULL;
	errno = 0;
	bytes = getline(&source->line, &source->room, source->stream);
	if (bytes < 0) {
		source->error = -errno;
		return NULL;
	}
	parser->line++;
	if (look_at(parser, source->line, (size_t)bytes) < 0)
		return NULL;
	/* Without the indent, which to inih means that a value goes on. */
	from = source->line + strspn(source->line, " ");
	if (strlen(from) + 3 > (size_t)size) {
		carve_config_fail(parser, "a line longer than %d bytes", size - 3);
		return NULL;
	}
	return strcpy(text, from);
}

/* Return: 0 for a mistake, as inih wants it. */
static int on_key(void *data, const char *section, const char *name,
		  const char *value)
{
	struct source *source = data;

	(void)section;
	if (source->parser->mistake[0])
		return 0;
	return carve_config_key(source->parser, name, value) == 0;
}

/* inih hands one pointer to the reader and one to the handler. */
static int parse(struct carve_config_parser *parser, FILE *stream)
{
	struct source source = { .parser = parser, .stream = stream };
	int line, r;

	parser->line = 0;
	line = ini_parse_stream(read_line, &source, on_key, &source);
	free(source.line);
	/* Of two mistakes the one that comes first in the file. */
	if (line > 0 && (!parser->mistake[0] || (unsigned int)line < parser->line)) {
		parser->mistake[0] = '\0';
		parser->line = (unsigned int)line;
		carve_config_fail(parser, "neither a section [KIND NAME] nor a line "
				  "NAME=VALUE");
	}
	r = source.error;
	if (r == 0 && parser->mistake[0])
		r = -EINVAL;
	return r < 0 ? r : carve_config_end(parser);
}

/* ---- files ------------------------------------------------------------- */

static int fail_file(struct carve_config_parser *parser, const char *path,
		     const char *why, int error)
{
	snprintf(parser->mistake, CARVE_CONFIG_MISTAKE, "cannot read %s: %s", path,
		 why);
	return error;
}

/* Return: a descriptor; negative errno, and the mistake but for -ENOENT. */
static int open_file(struct carve_config_parser *parser, const char *path)
{
	/* A pipe would wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT :
			fail_file(parser, path, strerror(errno), -errno);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= BYTES_MAX)
		return fd;
	close(fd);
	return fail_file(parser, path, "no regular file of at most 1 MiB", -EINVAL);
}

static int remember(struct carve_config *config, const char *path)
{
	char **files = reallocarray(config->files, config->file_count + 1,
				    sizeof(*files));

	if (!files)
		return -ENOMEM;
	config->files = files;
	files[config->file_count] = strdup(path);
	if (!files[config->file_count])
		return -ENOMEM;
	config->file_count++;
	return 0;
}

static int read_file(struct carve_config_parser *parser, const char *path)
{
	struct carve_config *config = parser->config;
	int fd = open_file(parser, path);
	FILE *stream;
	int r;

	if (fd < 0)
		return fd;
	r = remember(config, path);
	stream = r == 0 ? fdopen(fd, "re") : NULL;
	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	parser->file = config->files[config->file_count - 1];
	r = parse(parser, stream);
	fclose(stream);
	if (r < 0 && !parser->mistake[0])
		return fail_file(parser, path, strerror(-r), r);
	return r;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t bytes = strlen(entry->d_name);

	return entry->d_name[0] != '.' && bytes > strlen(".conf") &&
	       !strcmp(entry->d_name + bytes - strlen(".conf"), ".conf");
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int read_drop_in(struct carve_config_parser *parser, const char *folder,
			const char *name)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	r = read_file(parser, path);
	if (r == -ENOENT)
		fail_file(parser, path, strerror(ENOENT), r);
	free(path);
	return r;
}

static int read_drop_ins(struct carve_config_parser *parser, const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, is_drop_in, by_name);
	int r = 0;

	if (count < 0)
		return errno == ENOENT ? 0 :
			fail_file(parser, folder, strerror(errno), -errno);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = read_drop_in(parser, folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return r;
}

static int read_all(struct carve_config_parser *parser, const char *path)
{
	const char *main_path = path ? path : CARVE_CONFIG_PATH;
	char *folder;
	int r = read_file(parser, main_path);

	/* Who names a file wants it; the one nobody named need not be there. */
	if (r == -ENOENT && path)
		return fail_file(parser, path, strerror(ENOENT), r);
	if (r < 0 && r != -ENOENT)
		return r;
	if (asprintf(&folder, "%s.d", main_path) < 0)
		return -ENOMEM;
	r = read_drop_ins(parser, folder);
	free(folder);
	return r;
}

/* What the kernel says for sure goes before what may have changed hands. */
static int rank(const struct carve_config_match *match)
{
	return match->has_uid ? 0 : match->has_gid ? 1 : match->unit[0] ? 2 : 3;
}

static void sort_rules(struct carve_config *config)
{
	struct carve_config_rule *rules = config->rules;

	/* By insertion: keeps the order of equals, and there are few. */
	for (size_t i = 1; i < config->rule_count; i++) {
		struct carve_config_rule rule = rules[i];
		size_t at = i;

		for (; at && rank(&rules[at - 1].match) > rank(&rule.match); at--)
			rules[at] = rules[at - 1];
		rules[at] = rule;
	}
}

/* Return: @list, which had room for the most there may be, as long as it has to be. */
static void *shrink(void *list, size_t count, size_t size)
{
	void *shorter = realloc(list, (count ? count : 1) * size);

	return shorter ? shorter : list;
}

int carve_config_load(struct carve_config **ret, const char *path,
		      char *mistake)
{
	struct carve_config_parser parser = { .mistake = mistake };
	struct carve_config *config = calloc(1, sizeof(*config));
	int r = config ? 0 : -ENOMEM;

	mistake[0] = '\0';
	if (r == 0) {
		parser.config = config;
		config->rules = calloc(CARVE_CONFIG_RULES_MAX,
				       sizeof(*config->rules));
		config->reservations = calloc(CARVE_CONFIG_RESERVATIONS_MAX,
					      sizeof(*config->reservations));
		if (!config->rules || !config->reservations)
			r = -ENOMEM;
	}
	if (r == 0)
		r = read_all(&parser, path);
	if (r < 0) {
		if (!mistake[0])
			snprintf(mistake, CARVE_CONFIG_MISTAKE,
				 "cannot read the configuration: %s",
				 strerror(-r));
		carve_config_free(config);
		return r;
	}
	sort_rules(config);
	config->rules = shrink(config->rules, config->rule_count,
			       sizeof(*config->rules));
	config->reservations = shrink(config->reservations,
				      config->reservation_count,
				      sizeof(*config->reservations));
	*ret = config;
	return 0;
}
