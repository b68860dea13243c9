/* SPDX-License-Identifier: MIT */
/*
 * Whole files under /sys and /proc, for the tests of what they show.
 */
#ifndef CARVE_FILES_H
#define CARVE_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * file_read() - read a whole file
 * @path: the file
 * @text: gets it, NUL terminated
 * @size: of @text in bytes; what does not fit is left out
 *
 * Return: length, or a negative errno.
 */
ssize_t file_read(const char *path, char *text, size_t size);

/**
 * file_write() - write to a file that exists
 * @path: the file
 * @text: NUL terminated, in one write()
 * @flags: O_TRUNC and O_APPEND mean something in tracefs, and nothing in sysfs
 *
 * Return: 0 or a negative errno.
 */
int file_write(const char *path, const char *text, int flags);

/* The last part of region_node(): the region's label. */
const char *region_label(void);

/**
 * export_named() - export a range under a name of any bytes
 * @fd: the manager's
 * @offset: first byte
 * @bytes: length
 * @owner: first owner word; the second is its complement
 * @name: up to 63 bytes
 *
 * Return: the dma-buf, or a negative errno.
 */
int export_named(int fd, uint64_t offset, uint64_t bytes, uint64_t owner,
		 const char *name);

/* Closes the only descriptor of a buffer and takes its release record. */
void export_end(int fd, int buf);

#endif /* CARVE_FILES_H */
