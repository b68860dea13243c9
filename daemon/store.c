// SPDX-License-Identifier: MIT
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "guard.h"
#include "log.h"

#define CLIENT_PREFIX	"client-"
#define INOTIFY_PREFIX	"inotify-"

/*
 * So often a service manager that does not read is asked, half a millisecond each
 * time. Connections come while others are served, and can be made anew.
 */
#define TRIES_CLIENT	4
#define TRIES_START	200

/**
 * struct carve_store_entry - one descriptor
 * @fd: -1 once it was taken
 */
struct carve_store_entry {
	int fd;
	char name[CARVE_STORE_NAME];
};

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool is_ours(const char *name)
{
	return strlen(name) < CARVE_STORE_NAME &&
	       (!strcmp(name, "state") || has_prefix(name, CLIENT_PREFIX) ||
		has_prefix(name, INOTIFY_PREFIX));
}

static int complain_sockets(void)
{
	carve_log(LOG_ERR, NULL, "systemd has to pass exactly one listening "
		  "socket: use ListenSequentialPacket= once");
	return -EINVAL;
}

static int take_listener(struct carve_store *store, int fd)
{
	if (store->listen_fd >= 0 ||
	    sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
		return complain_sockets();
	store->listen_fd = fd;
	return 0;
}

/* Return: 0, and the descriptor is the store's; -EINVAL. */
static int sort_one(struct carve_store *store, const char *name, int fd)
{
	if (is_ours(name)) {
		struct carve_store_entry *entry =
			&store->entries[store->count++];

		entry->fd = fd;
		snprintf(entry->name, sizeof(entry->name), "%s", name);
		return 0;
	}
	if (sd_is_socket(fd, AF_UNSPEC, 0, 1) > 0)
		return take_listener(store, fd);
	carve_log(LOG_WARNING, NULL, "systemd passed a descriptor called \"%s\", "
		  "which is of no use here: it was closed", name);
	close(fd);
	return 0;
}

static void free_names(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

static int sort(struct carve_store *store, char **names, int count)
{
	int r = 0;

	store->entries = calloc((size_t)count, sizeof(*store->entries));
	if (!store->entries)
		return -ENOMEM;
	for (int i = 0; r == 0 && i < count; i++)
		r = sort_one(store, names[i], SD_LISTEN_FDS_START + i);
	return r;
}

int carve_store_init(struct carve_store *store)
{
	char **names = NULL;
	int count, r = 0;

	*store = (struct carve_store){ .listen_fd = -1 };
	count = sd_listen_fds_with_names(1, &names);
	if (count > 0)
		r = sort(store, names, count);
	free_names(names);
	if (count < 0 || r == -ENOMEM) {
		r = count < 0 ? count : r;
		carve_log(LOG_ERR, NULL, "cannot use what systemd passes: %s",
			  strerror(-r));
	}
	if (r < 0) {
		carve_store_done(store);
		return r;
	}
	store->there = store->listen_fd >= 0 && getenv("NOTIFY_SOCKET");
	return 0;
}

void carve_store_done(struct carve_store *store)
{
	for (size_t i = 0; i < store->count; i++)
		if (store->entries[i].fd >= 0)
			carve_guard_close(store->entries[i].fd);
	free(store->entries);
	store->entries = NULL;
	store->count = 0;
}

static int take(struct carve_store_entry *entry)
{
	int fd = entry->fd;

	entry->fd = -1;
	return fd;
}

int carve_store_take(struct carve_store *store, const char *name)
{
	for (size_t i = 0; i < store->count; i++)
		if (store->entries[i].fd >= 0 &&
		    !strcmp(store->entries[i].name, name))
			return take(&store->entries[i]);
	return -1;
}

int carve_store_take_client(struct carve_store *store, uint64_t *ret_number)
{
	for (size_t i = 0; i < store->count; i++) {
		struct carve_store_entry *entry = &store->entries[i];

		if (entry->fd < 0 || !has_prefix(entry->name, CLIENT_PREFIX))
			continue;
		*ret_number = strtoull(entry->name + strlen(CLIENT_PREFIX), NULL,
				       10);
		return take(entry);
	}
	return -1;
}

void carve_store_client_name(char *name, uint64_t number)
{
	snprintf(name, CARVE_STORE_NAME, CLIENT_PREFIX "%" PRIu64, number);
}

/* The guard ends each attempt that waits; nothing was sent then. */
static int notify(const char *name, const char *text, const int *fd)
{
	int tries = has_prefix(name, CLIENT_PREFIX) ? TRIES_CLIENT : TRIES_START;
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < tries; i++) {
		carve_guard_begin();
		r = sd_pid_notify_with_fds(0, 0, text, fd, fd ? 1 : 0);
		carve_guard_end();
	}
	return r < 0 ? r : 0;
}

int carve_store_put(const struct carve_store *store, const char *name, int fd)
{
	char text[CARVE_STORE_NAME + 64];

	if (!store || !store->there)
		return 0;
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	return notify(name, text, &fd);
}

void carve_store_remove(const struct carve_store *store, const char *name)
{
	static struct carve_log_limit limit;
	char text[CARVE_STORE_NAME + 64];
	int r;

	if (!store || !store->there)
		return;
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	r = notify(name, text, NULL);
	if (r < 0)
		carve_log_limited(&limit, LOG_WARNING, NULL, "the service manager "
				  "was not told to drop %s: %s", name,
				  strerror(-r));
}
