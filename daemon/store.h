/* SPDX-License-Identifier: MIT */
/*
 * The service manager's store of descriptors (sd_pid_notify_with_fds(3)): what is
 * put there outlives the daemon and comes back with the listening socket.
 *
 *	state			the daemon's state, a memfd
 *	client-NUMBER		the connection of a client
 *	inotify-LABEL		what a simulated region hears of the end of buffers by
 */
#ifndef CARVE_DAEMON_STORE_H
#define CARVE_DAEMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * So much is to go in: FileDescriptorStoreMax= of the unit, which is made of this.
 * setup.c checks it.
 */
#define CARVE_STORE_MAX		1041

/* Room for any name above. */
#define CARVE_STORE_NAME	64

struct carve_store_entry;

/**
 * struct carve_store - what was passed at start, and whether there is a store
 * @there: put and remove do something
 * @listen_fd: the listening socket, the caller's; -1: none was passed
 * @entries: private: @count descriptors nobody has taken yet
 * @owed: private: @owed_count clients which the service manager was not told to drop
 * @on_owed: private: tries to; NULL before carve_store_attach()
 */
struct carve_store {
	bool there;
	int listen_fd;
	struct carve_store_entry *entries;
	size_t count;
	uint64_t *owed;
	size_t owed_count;
	sd_event_source *on_owed;
};

/**
 * carve_store_init() - sort what the service manager has passed
 *
 * There is a store if a listening socket was passed and $NOTIFY_SOCKET is set. What
 * has no name of the above and does not listen is closed with a warning.
 *
 * Return: 0; -EINVAL (more than one listening socket, or one of another kind than
 * SOCK_SEQPACKET), -ENOMEM and others of sd_listen_fds_with_names(), and the log
 * says what to do.
 */
int carve_store_init(struct carve_store *store);

/* What could not be said is said later, in this loop. Return: 0; as sd-event. */
int carve_store_attach(struct carve_store *store, sd_event *event);

/* Close what nobody has taken; the store itself keeps it. */
void carve_store_done(struct carve_store *store);

/* A descriptor of this name, from now on the caller's; -1: there is none. */
int carve_store_take(struct carve_store *store, const char *name);

/* The same for any client; @ret_number is written if there is one. */
int carve_store_take_client(struct carve_store *store, uint64_t *ret_number);

/* @name: CARVE_STORE_NAME bytes. */
void carve_store_client_name(char *name, uint64_t number);

/**
 * carve_store_put() - have a descriptor kept under this name
 * @fd: stays the caller's
 *
 * A connection that the peer has closed is kept, too: it says that the peer has
 * gone. It does not wait: for a connection 2 ms at most, else 100.
 *
 * Return: 0, also without a store; what sd_pid_notify_with_fds() answers.
 */
int carve_store_put(struct carve_store *store, const char *name, int fd);

/* Forget what is kept under this name. */
void carve_store_remove(const struct carve_store *store, const char *name);

/**
 * carve_store_remove_client() - forget a connection
 *
 * If the service manager has no room to be told, it is told later, and before it is
 * to keep or to forget another one.
 */
void carve_store_remove_client(struct carve_store *store, uint64_t number);

#endif /* CARVE_DAEMON_STORE_H */
