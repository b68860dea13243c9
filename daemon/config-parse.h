/* SPDX-License-Identifier: MIT */
/*
 * Private to the parser: config-file.c reads files line by line, config-section.c
 * and config-key.c make a configuration of it.
 */
#ifndef CARVE_DAEMON_CONFIG_PARSE_H
#define CARVE_DAEMON_CONFIG_PARSE_H

#include "config.h"

enum carve_config_kind {
	CARVE_CONFIG_NONE,
	CARVE_CONFIG_REGION,
	CARVE_CONFIG_RULE,
	CARVE_CONFIG_RESERVATION,
};

/**
 * struct carve_config_parser - a configuration being made
 * @config: what there is of it
 * @mistake: room for what is wrong; empty as long as nothing is
 * @file, @line: where it reads
 * @kind, @place: section it is in
 * @keys: bits of the keys the section has had, by their place in its table
 * @region, @rule, @reservation: the section's, as @kind says
 */
struct carve_config_parser {
	struct carve_config *config;
	char *mistake;
	const char *file;
	unsigned int line;
	enum carve_config_kind kind;
	struct carve_config_place place;
	uint32_t keys;
	struct carve_config_region *region;
	struct carve_config_rule *rule;
	struct carve_config_reservation *reservation;
};

/**
 * carve_config_fail() - say what is wrong at the line being read
 *
 * What is said first stays. Return: -EINVAL.
 */
__attribute__((format(printf, 2, 3)))
int carve_config_fail(struct carve_config_parser *parser,
		      const char *format, ...);

/* A section begins. @header: "KIND NAME". Return: 0; -EINVAL; -ENOMEM. */
int carve_config_begin(struct carve_config_parser *parser, const char *header);

/* A section is complete, if there is one. Return: 0; -EINVAL. */
int carve_config_end(struct carve_config_parser *parser);

/* One line of a section. Return: 0; -EINVAL. */
int carve_config_key(struct carve_config_parser *parser, const char *name,
		     const char *value);

#endif /* CARVE_DAEMON_CONFIG_PARSE_H */
