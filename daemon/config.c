// SPDX-License-Identifier: MIT
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool carve_config_matches(const struct carve_config_match *match,
			  const struct carve_identity *identity)
{
	if (match->has_uid && match->uid != identity->uid)
		return false;
	if (match->has_gid && !carve_identity_has_group(identity, match->gid))
		return false;
	return !match->unit[0] || !strcmp(match->unit, identity->unit);
}

struct carve_terms carve_config_terms(const struct carve_config *config,
				      const struct carve_identity *identity)
{
	struct carve_terms terms = carve_terms_default(identity->uid);
	bool show_addresses = terms.show_addresses;

	for (size_t i = 0; i < config->rule_count; i++) {
		const struct carve_config_rule *rule = &config->rules[i];

		if (!carve_config_matches(&rule->match, identity))
			continue;
		terms = rule->terms;
		if (!rule->has_show_addresses)
			terms.show_addresses = show_addresses;
		break;
	}
	return terms;
}

const struct carve_config_region *
carve_config_find_region(const struct carve_config *config, const char *label)
{
	for (size_t i = 0; i < config->region_count; i++)
		if (!strcmp(config->regions[i].label, label))
			return &config->regions[i];
	return NULL;
}

struct carve_config *carve_config_free(struct carve_config *config)
{
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->file_count; i++)
		free(config->files[i]);
	free(config->files);
	free(config->rules);
	free(config->reservations);
	free(config);
	return NULL;
}

/* ---- printing ---------------------------------------------------------- */

static void print_header(FILE *to, const char *kind, const char *name,
			 const struct carve_config_place *place)
{
	fprintf(to, "\n# %s:%u\n[%s %s]\n", place->file, place->line, kind, name);
}

static void print_match(FILE *to, const struct carve_config_match *match)
{
	if (match->has_uid)
		fprintf(to, "uid=%u\n", (unsigned int)match->uid);
	if (match->has_gid)
		fprintf(to, "gid=%u\n", (unsigned int)match->gid);
	if (match->unit[0])
		fprintf(to, "unit=%s\n", match->unit);
}

static void print_max(FILE *to, const char *name, uint64_t max)
{
	if (max != CARVE_TERMS_UNLIMITED)
		fprintf(to, "%s=%" PRIu64 "\n", name, max);
}

static void print_rule(FILE *to, const struct carve_config_rule *rule)
{
	const struct carve_terms *terms = &rule->terms;

	print_header(to, "rule", rule->name, &rule->place);
	print_match(to, &rule->match);
	print_max(to, "max-bytes", terms->max_bytes);
	print_max(to, "max-buffers", terms->max_buffers);
	print_max(to, "max-reserved", terms->max_reserved);
	fprintf(to, "priority=%d\n", terms->priority);
	if (rule->has_show_addresses)
		fprintf(to, "show-addresses=%s\n",
			terms->show_addresses ? "yes" : "no");
	if (terms->guard_before)
		fprintf(to, "guard-before=%u\n", terms->guard_before);
	if (terms->guard_after)
		fprintf(to, "guard-after=%u\n", terms->guard_after);
	if (terms->limit)
		fprintf(to, "limit=%#" PRIx64 "\n", terms->limit);
}

static void print_class(FILE *to, const struct carve_wire_class *class)
{
	fprintf(to, "class=%u x %" PRIu64, class->count, class->bytes);
	if (class->alignment)
		fprintf(to, " align=%" PRIu64, class->alignment);
	if (class->limit)
		fprintf(to, " limit=%#" PRIx64, class->limit);
	if (class->guard_before)
		fprintf(to, " guard-before=%u", class->guard_before);
	if (class->guard_after)
		fprintf(to, " guard-after=%u", class->guard_after);
	fputc('\n', to);
}

void carve_config_print(const struct carve_config *config, FILE *to)
{
	fprintf(to, "# %zu rules; for each client the first one that matches "
		"counts, in this order.\n", config->rule_count);
	for (size_t i = 0; i < config->rule_count; i++)
		print_rule(to, &config->rules[i]);
	for (size_t i = 0; i < config->region_count; i++) {
		const struct carve_config_region *region = &config->regions[i];

		print_header(to, "region", region->label, &region->place);
		fprintf(to, "keep-for-priority=%d:%" PRIu64 "\n",
			region->keep_priority, region->keep_bytes);
	}
	for (size_t i = 0; i < config->reservation_count; i++) {
		const struct carve_config_reservation *reservation =
			&config->reservations[i];

		print_header(to, "reservation", reservation->name,
			     &reservation->place);
		if (reservation->region[0])
			fprintf(to, "region=%s\n", reservation->region);
		print_match(to, &reservation->owner);
		for (uint32_t j = 0; j < reservation->class_count; j++)
			print_class(to, &reservation->classes[j]);
	}
}
