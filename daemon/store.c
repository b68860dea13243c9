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

/* What it could not be told to drop: so many at a time, until it can. */
#define OWED_AT_ONCE	64
#define OWED_USEC	100000U

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
	free(store->owed);
	store->on_owed = sd_event_source_disable_unref(store->on_owed);
	store->entries = NULL;
	store->owed = NULL;
	store->count = store->owed_count = 0;
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
static int notify(const char *text, const int *fd, int tries)
{
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < tries; i++) {
		carve_guard_begin();
		r = sd_pid_notify_with_fds(0, 0, text, fd, fd ? 1 : 0);
		carve_guard_end();
	}
	return r < 0 ? r : 0;
}

static int tell_remove(const char *name, int tries)
{
	char text[CARVE_STORE_NAME + 64];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return notify(text, NULL, tries);
}

static void arm(struct carve_store *store)
{
	if (!store->on_owed || !store->owed_count)
		return;
	sd_event_source_set_time_relative(store->on_owed, OWED_USEC);
	sd_event_source_set_enabled(store->on_owed, SD_EVENT_ONESHOT);
}

/* Whom it was not told of. Return: 0; what sd_pid_notify_with_fds() answers. */
static int settle(struct carve_store *store)
{
	char name[CARVE_STORE_NAME];
	int r = 0;

	for (int i = 0; r == 0 && store->owed_count; i++) {
		if (i == OWED_AT_ONCE)
			return -EAGAIN;
		carve_store_client_name(name, store->owed[store->owed_count - 1]);
		r = tell_remove(name, 1);
		if (r == 0)
			store->owed_count--;
	}
	return r;
}

static int on_owed(sd_event_source *source, uint64_t usec, void *data)
{
	struct carve_store *store = data;

	(void)source;
	(void)usec;
	settle(store);
	arm(store);
	return 0;
}

int carve_store_attach(struct carve_store *store, sd_event *event)
{
	int r = sd_event_add_time_relative(event, &store->on_owed, CLOCK_MONOTONIC,
					   OWED_USEC, OWED_USEC / 10, on_owed,
					   store);

	if (r >= 0)
		r = sd_event_source_set_enabled(store->on_owed, SD_EVENT_OFF);
	if (r >= 0)
		arm(store);
	return r < 0 ? r : 0;
}

int carve_store_put(struct carve_store *store, const char *name, int fd)
{
	char text[CARVE_STORE_NAME + 64];
	int r;

	if (!store || !store->there)
		return 0;
	/* What is to be dropped may take the place that this one needs. */
	r = settle(store);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	return notify(text, &fd, has_prefix(name, CLIENT_PREFIX) ?
		      TRIES_CLIENT : TRIES_START);
}

static void complain_remove(const char *name, int error)
{
	static struct carve_log_limit limit;

	carve_log_limited(&limit, LOG_WARNING, NULL, "the service manager was not "
			  "told to drop %s: %s", name, strerror(-error));
}

void carve_store_remove(const struct carve_store *store, const char *name)
{
	int r;

	if (!store || !store->there)
		return;
	r = tell_remove(name, TRIES_START);
	if (r < 0)
		complain_remove(name, r);
}

static int owe(struct carve_store *store, uint64_t number)
{
	uint64_t *owed = realloc(store->owed, (store->owed_count + 1) *
				 sizeof(*owed));

	if (!owed)
		return -ENOMEM;
	store->owed = owed;
	owed[store->owed_count++] = number;
	arm(store);
	return 0;
}

void carve_store_remove_client(struct carve_store *store, uint64_t number)
{
	char name[CARVE_STORE_NAME];
	int r;

	if (!store || !store->there)
		return;
	carve_store_client_name(name, number);
	r = settle(store);
	if (r == 0)
		r = tell_remove(name, TRIES_CLIENT);
	if (r < 0 && owe(store, number) < 0)
		complain_remove(name, r);
}
