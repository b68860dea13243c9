/* SPDX-License-Identifier: MIT */
/*
 * The configuration: carved.conf(5) as it was read. It is made as a whole, does
 * not change, and is replaced as a whole.
 */
#ifndef CARVE_DAEMON_CONFIG_H
#define CARVE_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "identity.h"
#include "protocol.h"

#define CARVE_CONFIG_PATH		"/etc/carve/carved.conf"

#define CARVE_CONFIG_RULES_MAX		256
#define CARVE_CONFIG_RESERVATIONS_MAX	64

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
 * @file, @line: where it stands, for messages
 */
struct carve_config_reservation {
	char name[CARVE_WIRE_LABEL];
	char region[CARVE_WIRE_LABEL];
	struct carve_config_match owner;
	struct carve_wire_class classes[CARVE_WIRE_CLASSES_MAX];
	uint32_t class_count;
	char *file;
	unsigned int line;
};

/**
 * struct carve_config - all of it
 * @rules: @rule_count, those that match uids first, then gids, then units, then
 *	everybody; among equals in the order they were written
 * @regions: @region_count, each label once
 * @reservations: @reservation_count, in the order they were written
 */
struct carve_config {
	struct carve_config_rule *rules;
	size_t rule_count;
	struct carve_config_region regions[CARVE_WIRE_REGIONS_MAX];
	size_t region_count;
	struct carve_config_reservation *reservations;
	size_t reservation_count;
};

/* Is @identity one of those that are meant? */
bool carve_config_matches(const struct carve_config_match *match,
			  const struct carve_identity *identity);

#endif /* CARVE_DAEMON_CONFIG_H */
