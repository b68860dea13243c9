// SPDX-License-Identifier: MIT
/*
 * Lines of the configuration: NAME=VALUE.
 */
#include "config-parse.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config-value.h"

#define ALIGNMENT_MAX	(1ULL << 30)

/* Words of a class line: what may stand in one, and then some. */
#define CLASS_WORDS	16
#define CLASS_BYTES	256

/**
 * struct key - a name and what to do about its value
 * @parse: told the name, too, since some do for several
 * @again: may be written more than once in a section
 */
struct key {
	const char *name;
	int (*parse)(struct carve_config_parser *parser, const char *name,
		     const char *value);
	bool again;
};

/* ---- values ------------------------------------------------------------ */

static int parse_size(struct carve_config_parser *parser, const char *name,
		      const char *value, uint64_t *ret)
{
	if (carve_value_size(value, ret) == 0)
		return 0;
	return carve_config_fail(parser, "%s= needs bytes, such as 1048576, 512K, "
				 "64M or 2G, not '%s'", name, value);
}

static int parse_limit(struct carve_config_parser *parser, const char *name,
		       const char *value, uint64_t *ret)
{
	if (carve_value_address(value, ret) == 0 && *ret)
		return 0;
	return carve_config_fail(parser, "%s= needs the physical address to stay "
				 "below, such as 4G or 0x100000000, not '%s'",
				 name, value);
}

static int parse_guard(struct carve_config_parser *parser, const char *name,
		       const char *value, uint32_t *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t bytes;

	if (carve_value_size(value, &bytes) == 0 && bytes % page == 0 &&
	    bytes <= CARVE_CONFIG_GUARD_MAX) {
		*ret = (uint32_t)bytes;
		return 0;
	}
	return carve_config_fail(parser, "%s= needs whole pages of %llu bytes, up "
				 "to 1M, such as 4K, not '%s'", name,
				 (unsigned long long)page, value);
}

static int parse_alignment(struct carve_config_parser *parser, const char *name,
			   const char *value, uint64_t *ret)
{
	uint64_t bytes;

	if (carve_value_size(value, &bytes) == 0 && bytes &&
	    !(bytes & (bytes - 1)) && bytes <= ALIGNMENT_MAX) {
		*ret = bytes;
		return 0;
	}
	return carve_config_fail(parser, "%s= needs a power of two up to 1G, such "
				 "as 64K, not '%s'", name, value);
}

static int parse_priority(struct carve_config_parser *parser, const char *name,
			  const char *value, int *ret)
{
	long priority;

	if (carve_value_number(value, -CARVE_CONFIG_PRIORITY_MAX,
			       CARVE_CONFIG_PRIORITY_MAX, &priority) < 0)
		return carve_config_fail(parser, "%s= needs a number from -%d to "
					 "%d, not '%s'", name,
					 CARVE_CONFIG_PRIORITY_MAX,
					 CARVE_CONFIG_PRIORITY_MAX, value);
	*ret = (int)priority;
	return 0;
}

/* ---- who --------------------------------------------------------------- */

static struct carve_config_match *match_of(struct carve_config_parser *parser)
{
	return parser->kind == CARVE_CONFIG_RULE ? &parser->rule->match :
						   &parser->reservation->owner;
}

static int key_uid(struct carve_config_parser *parser, const char *name,
		   const char *value)
{
	struct carve_config_match *match = match_of(parser);

	if (carve_value_uid(value, &match->uid) < 0)
		return carve_config_fail(parser, "%s= needs a user of this machine, "
					 "by name or number, not '%s'", name,
					 value);
	match->has_uid = true;
	return 0;
}

static int key_gid(struct carve_config_parser *parser, const char *name,
		   const char *value)
{
	struct carve_config_match *match = match_of(parser);

	if (carve_value_gid(value, &match->gid) < 0)
		return carve_config_fail(parser, "%s= needs a group of this "
					 "machine, by name or number, not '%s'",
					 name, value);
	match->has_gid = true;
	return 0;
}

static int key_unit(struct carve_config_parser *parser, const char *name,
		    const char *value)
{
	if (!carve_value_is_unit(value))
		return carve_config_fail(parser, "%s= needs the whole name of a "
			"system unit, such as player.service or app@1.service, "
			"of up to %d bytes, not '%s'", name,
			CARVE_WIRE_UNIT - 2, value);
	strcpy(match_of(parser)->unit, value);
	return 0;
}

/* ---- [region] ---------------------------------------------------------- */

static int key_keep(struct carve_config_parser *parser, const char *name,
		    const char *value)
{
	struct carve_config_region *region = parser->region;
	const char *colon = strchr(value, ':');
	char priority[8];

	if (!colon || (size_t)(colon - value) >= sizeof(priority))
		return carve_config_fail(parser, "%s= needs PRIORITY:SIZE, such as "
					 "50:16M, not '%s'", name, value);
	memcpy(priority, value, (size_t)(colon - value));
	priority[colon - value] = '\0';
	if (parse_priority(parser, name, priority, &region->keep_priority) < 0)
		return -EINVAL;
	return parse_size(parser, name, colon + 1, &region->keep_bytes);
}

/* ---- [rule] ------------------------------------------------------------ */

static int key_max(struct carve_config_parser *parser, const char *name,
		   const char *value)
{
	struct carve_terms *terms = &parser->rule->terms;

	return parse_size(parser, name, value, !strcmp(name, "max-bytes") ?
			  &terms->max_bytes : &terms->max_reserved);
}

static int key_max_buffers(struct carve_config_parser *parser, const char *name,
			   const char *value)
{
	long number;

	if (carve_value_number(value, 0, INT32_MAX, &number) < 0)
		return carve_config_fail(parser, "%s= needs a number of buffers, "
					 "not '%s'", name, value);
	parser->rule->terms.max_buffers = (uint64_t)number;
	return 0;
}

static int key_priority(struct carve_config_parser *parser, const char *name,
			const char *value)
{
	return parse_priority(parser, name, value, &parser->rule->terms.priority);
}

static int key_show_addresses(struct carve_config_parser *parser,
			      const char *name, const char *value)
{
	if (carve_value_bool(value, &parser->rule->terms.show_addresses) < 0)
		return carve_config_fail(parser, "%s= needs yes or no, not '%s'",
					 name, value);
	parser->rule->has_show_addresses = true;
	return 0;
}

static int key_guard(struct carve_config_parser *parser, const char *name,
		     const char *value)
{
	struct carve_terms *terms = &parser->rule->terms;

	return parse_guard(parser, name, value, !strcmp(name, "guard-before") ?
			   &terms->guard_before : &terms->guard_after);
}

static int key_limit(struct carve_config_parser *parser, const char *name,
		     const char *value)
{
	return parse_limit(parser, name, value, &parser->rule->terms.limit);
}

/* ---- [reservation] ----------------------------------------------------- */

static int key_region(struct carve_config_parser *parser, const char *name,
		      const char *value)
{
	if (!carve_value_is_label(value))
		return carve_config_fail(parser, "%s= needs the label of a region, "
					 "not '%s'", name, value);
	strcpy(parser->reservation->region, value);
	return 0;
}

/* One NAME=VALUE of a class. */
static int class_option(struct carve_config_parser *parser, char *word,
			struct carve_wire_class *class)
{
	char *value = strchr(word, '=');

	if (value) {
		*value++ = '\0';
		if (!strcmp(word, "align"))
			return parse_alignment(parser, word, value,
					       &class->alignment);
		if (!strcmp(word, "limit"))
			return parse_limit(parser, word, value, &class->limit);
		if (!strcmp(word, "guard-before"))
			return parse_guard(parser, word, value,
					   &class->guard_before);
		if (!strcmp(word, "guard-after"))
			return parse_guard(parser, word, value,
					   &class->guard_after);
	}
	return carve_config_fail(parser, "class= knows align=, limit=, "
				 "guard-before= and guard-after= behind COUNT x "
				 "BYTES, not '%s'", word);
}

/* @count and @bytes, whether there was space around the x or not. */
static int class_size(struct carve_config_parser *parser, const char *count,
		      const char *bytes, struct carve_wire_class *class)
{
	long number;

	if (carve_value_number(count, 1, CARVE_WIRE_SLOTS_MAX, &number) < 0)
		return carve_config_fail(parser, "class= needs a COUNT from 1 to %d "
					 "before the x, not '%s'",
					 CARVE_WIRE_SLOTS_MAX, count);
	if (carve_value_size(bytes, &class->bytes) < 0 || !class->bytes)
		return carve_config_fail(parser, "class= needs BYTES behind the x, "
					 "such as 3133440 or 3M, not '%s'",
					 bytes);
	class->count = (uint32_t)number;
	return 0;
}

static size_t split(char *text, char **words)
{
	size_t count = 0;
	char *save, *word;

	for (word = strtok_r(text, " \t", &save); word && count < CLASS_WORDS;
	     word = strtok_r(NULL, " \t", &save))
		words[count++] = word;
	return count;
}

static int key_class(struct carve_config_parser *parser, const char *name,
		     const char *value)
{
	struct carve_config_reservation *reservation = parser->reservation;
	struct carve_wire_class class = { 0 };
	char text[CLASS_BYTES], *words[CLASS_WORDS], *x;
	size_t count, from = 1;

	if (reservation->class_count == CARVE_WIRE_CLASSES_MAX)
		return carve_config_fail(parser, "[reservation %s] has more than %d "
					 "classes", reservation->name,
					 CARVE_WIRE_CLASSES_MAX);
	x = strchr(value, 'x');
	if (!x || strlen(value) + 3 > sizeof(text))
		return carve_config_fail(parser, "%s= needs COUNT x BYTES, such as "
					 "12 x 3133440, not '%s'", name, value);
	/* Words, with or without spaces around the x. */
	snprintf(text, sizeof(text), "%.*s %s", (int)(x - value), value, x + 1);
	count = split(text, words);
	if (class_size(parser, count > 0 ? words[0] : "",
		       count > 1 ? words[1] : "", &class) < 0)
		return -EINVAL;
	while (++from < count)
		if (class_option(parser, words[from], &class) < 0)
			return -EINVAL;
	reservation->classes[reservation->class_count++] = class;
	return 0;
}

/* ---- tables ------------------------------------------------------------ */

static const struct key region_keys[] = {
	{ "keep-for-priority", key_keep, false },
	{ 0 },
};

static const struct key rule_keys[] = {
	{ "uid", key_uid, false },
	{ "gid", key_gid, false },
	{ "unit", key_unit, false },
	{ "max-bytes", key_max, false },
	{ "max-buffers", key_max_buffers, false },
	{ "max-reserved", key_max, false },
	{ "priority", key_priority, false },
	{ "show-addresses", key_show_addresses, false },
	{ "guard-before", key_guard, false },
	{ "guard-after", key_guard, false },
	{ "limit", key_limit, false },
	{ 0 },
};

static const struct key reservation_keys[] = {
	{ "region", key_region, false },
	{ "uid", key_uid, false },
	{ "unit", key_unit, false },
	{ "class", key_class, true },
	{ 0 },
};

static const struct key *const keys_of[] = {
	[CARVE_CONFIG_REGION] = region_keys,
	[CARVE_CONFIG_RULE] = rule_keys,
	[CARVE_CONFIG_RESERVATION] = reservation_keys,
};

static int fail_unknown(struct carve_config_parser *parser, const char *name,
			const struct key *keys)
{
	char known[256] = "";
	size_t used = 0;

	for (const struct key *key = keys; key->name; key++)
		used += (size_t)snprintf(known + used, sizeof(known) - used,
					 "%s%s=", used ? ", " : "", key->name);
	return carve_config_fail(parser, "there is no %s= here: this section knows "
				 "%s", name, known);
}

int carve_config_key(struct carve_config_parser *parser, const char *name,
		     const char *value)
{
	const struct key *keys = keys_of[parser->kind];
	uint32_t bit;

	if (!keys)
		return carve_config_fail(parser, "%s= stands in no section: write "
					 "[region LABEL], [rule NAME] or "
					 "[reservation NAME] above it", name);
	for (const struct key *key = keys; key->name; key++) {
		if (strcmp(key->name, name) != 0)
			continue;
		bit = 1U << (key - keys);
		if (parser->keys & bit && !key->again)
			return carve_config_fail(parser, "%s= is written twice in "
						 "this section: remove one", name);
		parser->keys |= bit;
		return key->parse(parser, name, value);
	}
	return fail_unknown(parser, name, keys);
}
