/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's half of the notify protocol (sd_notify(3)): reports and the
 * descriptor store, as systemd's (src/core/service.c) behaves.
 */
#ifndef CARVE_TESTS_FD_STORE_H
#define CARVE_TESTS_FD_STORE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* As FileDescriptorStoreMax= would allow. */
#define FD_STORE_MAX	4096
#define FD_STORE_NAME	256

struct fd_store_entry {
	int fd;
	bool is_watched;
	char name[FD_STORE_NAME];
};

/**
 * struct fd_store
 * @notify: bound SOCK_DGRAM socket with SO_PASSCRED
 * @refused: descriptors for which there was no room
 * @kept: descriptors for which there was
 * @entries: @count of them, in order of arrival
 */
struct fd_store {
	int notify;
	unsigned int count;
	unsigned int refused;
	unsigned int kept;
	struct fd_store_entry entries[FD_STORE_MAX];
};

/* Take in all that was reported. @pid: only from this one. Return: READY=1 was there. */
bool fd_store_read(struct fd_store *store, pid_t pid);

/* @polls: room for FD_STORE_MAX. Return: so many to poll(), for what hangs up. */
size_t fd_store_poll(const struct fd_store *store, struct pollfd *polls);

/* Drop what has hung up; @polls as fd_store_poll() made and poll() filled it. */
void fd_store_drop_ended(struct fd_store *store, const struct pollfd *polls);

/* Close what is called so. */
void fd_store_drop(struct fd_store *store, const char *name);

/* @names: what is called so, and what it is called from now on: "old new". */
void fd_store_rename(struct fd_store *store, const char *names);

/* Drop all whose names begin so. */
void fd_store_lose(struct fd_store *store, const char *prefix);

/* Return: borrowed, or -1. */
int fd_store_find(const struct fd_store *store, const char *name);

#endif /* CARVE_TESTS_FD_STORE_H */
