/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the driver share: result lines, and the commands of
 * /dev/carve/NAME as functions that return 0 (or what they are asked for) or a
 * negative errno.
 */
#ifndef CARVE_CHECK_H
#define CARVE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/carve.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/**
 * check() - print the result of one check
 * @good: whether it passed
 * @name: what was checked, a few words
 * @why: printf format of the reason when it did not
 *
 * Return: @good.
 */
bool check(bool good, const char *name, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * check_value() - check that a call gave what it should
 * @name: what was checked
 * @value: what came: a value or a negative errno
 * @wanted: what should have come, likewise
 */
bool check_value(const char *name, int64_t value, int64_t wanted);

/**
 * skip() - print that a check cannot run here
 * @name: what would have been checked
 * @why: the reason
 */
void skip(const char *name, const char *why);

/**
 * die() - end the test: something it needs is not there
 * @why: printf format
 */
void die(const char *why, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/**
 * finish() - exit status of the whole program
 *
 * Return: 0 when every check passed, else 1.
 */
int finish(void);

/* The page size, and the region that region_open() opened. */
extern uint64_t page;
extern struct carve_info region;

/**
 * region_open() - become the manager of the region under test
 *
 * Takes the node from $CARVE_NODE, or the only one in /dev/carve; reads away
 * old records and scrubs everything, so that all is clean. Ends the test when
 * that is not possible.
 *
 * Return: descriptor; @region and @page are set.
 */
int region_open(void);

/* The node's path, after region_open(). */
const char *region_node(void);

int carve_info_get(int fd, struct carve_info *info);
int carve_export_flags(int fd, uint64_t offset, uint64_t bytes, uint64_t owner,
		       uint32_t fd_flags);
int carve_export_buf(int fd, uint64_t offset, uint64_t bytes, uint64_t owner);
int64_t carve_scrub_range(int fd, uint64_t offset, uint64_t bytes);

/* All extents, at most @max; returns how many there are, or negative errno. */
int carve_list_all(int fd, struct carve_extent_info *infos, unsigned int max);

/* Reads up to @max release records without waiting; returns how many. */
int carve_read_records(int fd, struct carve_release *records, unsigned int max);

/* Waits for a record, up to @timeout_ms; returns 1, 0, or negative errno. */
int carve_wait_record(int fd, int timeout_ms);

/* True when nothing is live, dirty or unread. */
bool region_is_clean(int fd);

/* Brackets CPU access: @flags of DMA_BUF_IOCTL_SYNC; 0 or negative errno. */
int buf_sync(int buf, uint64_t flags);

/* Maps a whole buffer shared, read and write; ends the test on failure. */
void *buf_map(int buf, uint64_t bytes);

/* fork(), with a child that dies with its parent. */
int fork_child(void);

/* Waits for a child; returns its exit status, or 128 + signal. */
int wait_child(int pid);

#endif /* CARVE_CHECK_H */
