/* SPDX-License-Identifier: MIT */
/*
 * Values as people write them. What is wrong with one is for the caller to say,
 * who knows what it is for.
 */
#ifndef CARVE_DAEMON_CONFIG_VALUE_H
#define CARVE_DAEMON_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * carve_value_size() - bytes: 4096, 512K, 64M, 2G
 *
 * Return: 0 and a value below 2^63; -EINVAL (no such thing); -ERANGE (too
 * large).
 */
int carve_value_size(const char *text, uint64_t *ret);

/* The same, or hexadecimal: 0x100000000. */
int carve_value_address(const char *text, uint64_t *ret);

/* A whole decimal number. Return: 0; -EINVAL; -ERANGE (not @min to @max). */
int carve_value_number(const char *text, long min, long max, long *ret);

/* yes, true, on, no, false, off. Return: 0; -EINVAL. */
int carve_value_bool(const char *text, bool *ret);

/**
 * carve_value_uid() - a user, by name or number
 *
 * Return: 0; -EINVAL (no number, and no such user; or -1, which is nobody's).
 */
int carve_value_uid(const char *text, uid_t *ret);

/* A group likewise. */
int carve_value_gid(const char *text, gid_t *ret);

/* Is it the whole name of a unit that has processes, a service or a scope? */
bool carve_value_is_unit(const char *text);

/* May a region, a rule or a reservation be called so? */
bool carve_value_is_label(const char *text);

#endif /* CARVE_DAEMON_CONFIG_VALUE_H */
