/* SPDX-License-Identifier: MIT */
/*
 * The configuration: carved.conf(5) as it was read. It is made as a whole, does
 * not change, and is replaced as a whole: what is to last longer is copied.
 */
#ifndef CARVE_DAEMON_CONFIG_H
#define CARVE_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "identity.h"
#include "protocol.h"

#define CARVE_CONFIG_PATH		"/etc/carve/carved.conf"

#define CARVE_CONFIG_RULES_MAX		256
#define CARVE_CONFIG_RESERVATIONS_MAX	64

/* Of one of them, in bytes; the driver's bound. */
#define CARVE_CONFIG_GUARD_MAX		(1U << 20)

#define CARVE_CONFIG_PRIORITY_MAX	100

/* Room for what is wrong, in words. */
#define CARVE_CONFIG_MISTAKE		512

/**
 * struct carve_config_place - where something was written
 * @file: path, lives as long as the configuration
 * @line: of the section's header, from 1
 */
struct carve_config_place {
	const char *file;
	unsigned int line;
};

/**
 * struct carve_config_match - who is meant: everything that is given has to fit
 * @has_uid, @has_gid: is @uid, @gid given?
 * @unit: name of a system unit, "" if it is not given; short enough not to be
 *	taken for one that was cut
 */
struct carve_config_match {
	bool has_uid;
	bool has_gid;
	uid_t uid;
	gid_t gid;
	char unit[CARVE_WIRE_UNIT];
};

/**
 * struct carve_config_rule - [rule NAME]
 * @match: who; nothing given: everybody
 * @terms: what; but for @has_show_addresses what is so without a rule
 */
struct carve_config_rule {
	char name[CARVE_WIRE_LABEL];
	struct carve_config_place place;
	struct carve_config_match match;
	struct carve_terms terms;
	bool has_show_addresses;
};

/**
 * struct carve_config_region - [region LABEL]
 * @keep_bytes: free memory that is for requests of at least @keep_priority
 */
struct carve_config_region {
	char label[CARVE_WIRE_LABEL];
	struct carve_config_place place;
	uint64_t keep_bytes;
	int keep_priority;
};

/**
 * struct carve_config_reservation - [reservation NAME]
 * @name: not empty, unique
 * @region: label, "" for the default one
 * @owner: who may claim it; something is given
 * @classes: @class_count, 1 or more, together at most CARVE_WIRE_SLOTS_MAX
 *	buffers; sizes as they were written, not rounded to pages
 * @place: where it stands, for messages
 */
struct carve_config_reservation {
	char name[CARVE_WIRE_LABEL];
	char region[CARVE_WIRE_LABEL];
	struct carve_config_match owner;
	struct carve_wire_class classes[CARVE_WIRE_CLASSES_MAX];
	uint32_t class_count;
	struct carve_config_place place;
};

/**
 * struct carve_config - all of it
 * @rules: @rule_count, those that match uids first, then gids, then units, then
 *	everybody; among equals in the order they were written
 * @regions: @region_count, each label once
 * @reservations: @reservation_count, in the order they were written
 * @files: @file_count paths of what was read, in this order
 */
struct carve_config {
	struct carve_config_rule *rules;
	size_t rule_count;
	struct carve_config_region regions[CARVE_WIRE_REGIONS_MAX];
	size_t region_count;
	struct carve_config_reservation *reservations;
	size_t reservation_count;
	char **files;
	size_t file_count;
};

/**
 * carve_config_load() - read PATH and PATH.d/?*.conf, those in the order of their names
 * @ret: the configuration: carve_config_free()
 * @path: file; NULL for CARVE_CONFIG_PATH, which may be missing
 * @mistake: room for CARVE_CONFIG_MISTAKE; written on failure only: what is wrong, where
 *	(FILE:LINE) and how to write it, without a line end
 *
 * Return: 0; -EINVAL (a mistake in it); -ENOENT; -EACCES and what else reading
 * answers; -ENOMEM.
 */
int carve_config_load(struct carve_config **ret, const char *path,
		      char *mistake);

/* NULL is allowed. Return: NULL. */
struct carve_config *carve_config_free(struct carve_config *config);

/**
 * carve_config_print() - what is in force, in the syntax it is written in
 *
 * Rules stand in the order in which they are tried. Read again it is the same
 * configuration.
 */
void carve_config_print(const struct carve_config *config, FILE *to);

/* What the first rule that matches says, or what is so without one. */
struct carve_terms carve_config_terms(const struct carve_config *config,
				      const struct carve_identity *identity);

/* The section of a region, or NULL. */
const struct carve_config_region *
carve_config_find_region(const struct carve_config *config, const char *label);

/* Is @identity one of those that are meant? */
bool carve_config_matches(const struct carve_config_match *match,
			  const struct carve_identity *identity);

#endif /* CARVE_DAEMON_CONFIG_H */
