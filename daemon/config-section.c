// SPDX-License-Identifier: MIT
/*
 * Sections of the configuration: [region LABEL], [rule NAME], [reservation NAME].
 */
#include "config-parse.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "config-value.h"

int carve_config_fail(struct carve_config_parser *parser,
		      const char *format, ...)
{
	size_t room = CARVE_CONFIG_MISTAKE;
	va_list args;
	int used;

	if (parser->mistake[0])
		return -EINVAL;
	used = snprintf(parser->mistake, room, "%s:%u: ", parser->file,
			parser->line);
	if (used < 0 || (size_t)used >= room)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(parser->mistake + used, room - (size_t)used, format, args);
	va_end(args);
	return -EINVAL;
}

/* Each name once in all files: two would not say which one counts. */
static int fail_twice(struct carve_config_parser *parser, const char *kind,
		      const char *name, const struct carve_config_place *place)
{
	return carve_config_fail(parser, "[%s %s] is written at %s:%u already: "
				 "put all of it there, or choose another name",
				 kind, name, place->file, place->line);
}

static int begin_region(struct carve_config_parser *parser, const char *label)
{
	struct carve_config *config = parser->config;
	struct carve_config_region *region = config->regions;

	for (size_t i = 0; i < config->region_count; i++, region++)
		if (!strcmp(region->label, label))
			return fail_twice(parser, "region", label,
					  &region->place);
	if (config->region_count == CARVE_WIRE_REGIONS_MAX)
		return carve_config_fail(parser, "more than %d regions",
					 CARVE_WIRE_REGIONS_MAX);
	config->region_count++;
	strcpy(region->label, label);
	region->place = parser->place;
	parser->region = region;
	return 0;
}

static int begin_rule(struct carve_config_parser *parser, const char *name)
{
	struct carve_config *config = parser->config;
	struct carve_config_rule *rule = config->rules;

	for (size_t i = 0; i < config->rule_count; i++, rule++)
		if (!strcmp(rule->name, name))
			return fail_twice(parser, "rule", name, &rule->place);
	if (config->rule_count == CARVE_CONFIG_RULES_MAX)
		return carve_config_fail(parser, "more than %d rules",
					 CARVE_CONFIG_RULES_MAX);
	config->rule_count++;
	*rule = (struct carve_config_rule){
		.place = parser->place,
		/* Nobody in particular: who may see addresses is not said. */
		.terms = carve_terms_default((uid_t)-1),
	};
	strcpy(rule->name, name);
	parser->rule = rule;
	return 0;
}

static int begin_reservation(struct carve_config_parser *parser,
			     const char *name)
{
	struct carve_config *config = parser->config;
	struct carve_config_reservation *reservation = config->reservations;

	for (size_t i = 0; i < config->reservation_count; i++, reservation++)
		if (!strcmp(reservation->name, name))
			return fail_twice(parser, "reservation", name,
					  &reservation->place);
	if (config->reservation_count == CARVE_CONFIG_RESERVATIONS_MAX)
		return carve_config_fail(parser, "more than %d reservations",
					 CARVE_CONFIG_RESERVATIONS_MAX);
	config->reservation_count++;
	*reservation = (struct carve_config_reservation){
		.place = parser->place,
	};
	strcpy(reservation->name, name);
	parser->reservation = reservation;
	return 0;
}

static const struct {
	const char *word;
	enum carve_config_kind kind;
	int (*begin)(struct carve_config_parser *parser, const char *name);
} kinds[] = {
	{ "region ", CARVE_CONFIG_REGION, begin_region },
	{ "rule ", CARVE_CONFIG_RULE, begin_rule },
	{ "reservation ", CARVE_CONFIG_RESERVATION, begin_reservation },
};

int carve_config_begin(struct carve_config_parser *parser, const char *header)
{
	const char *name;

	parser->place = (struct carve_config_place){ parser->file,
						     parser->line };
	parser->keys = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(header, kinds[i].word, strlen(kinds[i].word)) != 0)
			continue;
		name = header + strlen(kinds[i].word);
		name += strspn(name, " \t");
		if (!carve_value_is_label(name))
			return carve_config_fail(parser, "'%s' cannot be a "
				"name: it has 1 to %d bytes, no '/' and no '.' "
				"at its start", name, CARVE_WIRE_LABEL - 1);
		parser->kind = kinds[i].kind;
		return kinds[i].begin(parser, name);
	}
	return carve_config_fail(parser, "there is no section [%s]: write "
				 "[region LABEL], [rule NAME] or [reservation "
				 "NAME]", header);
}

static bool is_anybody(const struct carve_config_match *match)
{
	return !match->has_uid && !match->has_gid && !match->unit[0];
}

static int end_rule(struct carve_config_parser *parser)
{
	struct carve_config_rule *rule = parser->rule;
	const struct carve_config_match *match = &rule->match;
	const struct carve_config *config = parser->config;

	if (match->unit[0])
		rule->terms.scope = match->has_uid || match->has_gid ?
			CARVE_TERMS_USER_IN_UNIT : CARVE_TERMS_UNIT;
	if (!is_anybody(match))
		return 0;
	for (size_t i = 0; i + 1 < config->rule_count; i++)
		if (is_anybody(&config->rules[i].match))
			return carve_config_fail(parser, "[rule %s] has no uid=, "
				"gid= or unit= and is for everybody else, as is "
				"[rule %s] at %s:%u: one of them is too many",
				rule->name, config->rules[i].name,
				config->rules[i].place.file,
				config->rules[i].place.line);
	return 0;
}

static int end_reservation(struct carve_config_parser *parser)
{
	const struct carve_config_reservation *reservation = parser->reservation;
	const struct carve_config_match *owner = &reservation->owner;
	uint64_t slots = 0;

	if (is_anybody(owner))
		return carve_config_fail(parser, "[reservation %s] belongs to "
			"nobody: say who may claim it by uid= or unit=",
			reservation->name);
	if (!reservation->class_count)
		return carve_config_fail(parser, "[reservation %s] reserves "
			"nothing: write class=COUNT x BYTES, such as class=12 x "
			"3133440", reservation->name);
	for (uint32_t i = 0; i < reservation->class_count; i++)
		slots += reservation->classes[i].count;
	if (slots > CARVE_WIRE_SLOTS_MAX)
		return carve_config_fail(parser, "[reservation %s] has %llu "
			"buffers in all its classes, %d are the most",
			reservation->name, (unsigned long long)slots,
			CARVE_WIRE_SLOTS_MAX);
	return 0;
}

int carve_config_end(struct carve_config_parser *parser)
{
	enum carve_config_kind kind = parser->kind;
	unsigned int line = parser->line;
	int r = 0;

	if (kind == CARVE_CONFIG_NONE)
		return 0;
	/* What is missing is missing where the section begins. */
	parser->line = parser->place.line;
	if (!parser->keys)
		r = carve_config_fail(parser, "the section is empty: write "
				      "NAME=VALUE lines below, or remove it");
	else if (kind == CARVE_CONFIG_RULE)
		r = end_rule(parser);
	else if (kind == CARVE_CONFIG_RESERVATION)
		r = end_reservation(parser);
	parser->line = line;
	parser->kind = CARVE_CONFIG_NONE;
	return r;
}
