/* SPDX-License-Identifier: MIT */
/*
 * What the parts of libcarve share. Nothing in here is exported.
 *
 * Locks: carve::lock is held for the round trips of one question and for giving
 * up a connection; carve_buffer::lock only while a mapping is made. Neither is
 * taken under the other.
 */
#ifndef CARVE_LIB_INTERNAL_H
#define CARVE_LIB_INTERNAL_H

/* Everything is compiled hidden; what the public header declares is not. */
#pragma GCC visibility push(default)
#include <carve.h>
#pragma GCC visibility pop

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "protocol.h"

/* The most descriptors that Linux lets one message carry (SCM_MAX_FD). */
#define CARVE_MESSAGE_FDS	253

/**
 * struct carve - a connection
 * @lock: one question at a time
 * @fd: the socket; -1 once the connection is lost
 * @last_id: of the last request
 */
struct carve {
	pthread_mutex_t lock;
	int fd;
	uint64_t last_id;
};

/**
 * struct carve_reply - a received message
 * @raw: its bytes; the other members are views of it
 * @fds: descriptors that came with it, the receiver's to close or pass on
 * @fd_count: how many
 * @fds_lost: there were more, which this process had no room for
 */
struct carve_reply {
	union {
		uint8_t raw[CARVE_WIRE_MAX];
		struct carve_wire_header header;
		struct carve_wire_hello_reply hello;
		struct carve_wire_alloc_reply alloc;
		struct carve_wire_refusal refusal;
		struct carve_wire_regions_reply regions;
		struct carve_wire_list_reply list;
		struct carve_wire_query_reply query;
	};
	int fds[CARVE_MESSAGE_FDS];
	size_t fd_count;
	bool fds_lost;
};

/* wire.c: one message out, one message in, checked. */

/**
 * carve_wire_round_trip() - send a request and receive its reply
 * @socket: connected
 * @request: complete but for the id; @request->bytes says how long it is
 * @id: to give it
 * @fd: to send with it, or -1
 * @ret: the reply; written whatever happens, holds no descriptors on failure
 *
 * Return: 0, @ret being a reply with a status of 0 or, of its proper length and
 * without descriptors, a negative one; -ENOMEM, -EBADF, -ETOOMANYREFS (nothing
 * was sent); -ECONNRESET, -EPIPE, -EPROTO (the connection is of no use any
 * more).
 */
int carve_wire_round_trip(int socket, struct carve_wire_header *request,
			  uint64_t id, int fd, struct carve_reply *ret);

/* Close the descriptors of a reply, those that nobody replaced by -1. */
void carve_reply_done(struct carve_reply *reply);

/* Is the text at @string of @size bytes NUL terminated? */
bool carve_wire_string_ok(const char *string, size_t size);

/* connection.c */

/**
 * carve_hold() - keep a connection to this thread, for several round trips
 *
 * The thread is not cancelled until carve_let_go(): it would leave the lock and
 * a reply behind.
 *
 * Return: for carve_let_go().
 */
int carve_hold(struct carve *carve);
void carve_let_go(struct carve *carve, int state);

/* carve_call() for who holds the connection. */
int carve_call_held(struct carve *carve, struct carve_wire_header *request,
		    int fd, size_t fds, struct carve_reply *ret);

/**
 * carve_call() - one round trip on a connection
 * @request: complete but for the id
 * @fd: to send with it, or -1
 * @fds: number of descriptors a good reply carries
 * @ret: the reply, good if 0 was returned, with its @fds descriptors; also
 *	good, without descriptors, for what carve_refusal_is_one()
 *
 * The length of a good reply is left to the caller to check.
 *
 * Return: 0; the negative status of the reply; -EMFILE (the reply's
 * descriptors do not fit into this process); as carve_wire_round_trip().
 */
int carve_call(struct carve *carve, struct carve_wire_header *request, int fd,
	       size_t fds, struct carve_reply *ret);

/**
 * carve_connection_fail() - give a connection up for what the peer said
 *
 * Return: -EPROTO, for the caller to return.
 */
int carve_connection_fail(struct carve *carve);

/* refusal.c */

/* Is this a reply that comes with struct carve_wire_refusal? */
bool carve_refusal_is_one(const struct carve_wire_header *header);

/* May the caller's be written, if it is not NULL? Return: as carve_struct_check(). */
int carve_refusal_check(const struct carve_refusal *refusal);

/**
 * carve_refusal_take() - say why not
 * @reply: carve_refusal_is_one()
 * @count: of items or classes that were asked for
 * @ret: NULL, or checked
 *
 * Return: the status of @reply; -EPROTO (it makes no sense).
 */
int carve_refusal_take(const struct carve_reply *reply, size_t count,
		       struct carve_refusal *ret);

/* buffer.c */

/**
 * carve_buffer_new() - a buffer without a descriptor yet
 * @ret: one reference, fd -1
 *
 * Return: 0; -ENOMEM.
 */
int carve_buffer_new(struct carve_buffer **ret);

/**
 * carve_buffer_adopt() - let a new buffer take over a descriptor
 * @buffer: from carve_buffer_new()
 * @fd: taken over on success
 *
 * Return: 0; -EBADF; -EINVAL (neither a dma-buf nor a memfd of a simulated
 * region).
 */
int carve_buffer_adopt(struct carve_buffer *buffer, int fd);

/* struct.c: structures that may be of another version of the header. */

/**
 * carve_struct_check() - may the caller's structure be used?
 * @theirs: struct_size as the caller set it
 * @first: sizeof() in the first version of the library
 *
 * Return: 0; -EINVAL (shorter than it ever was); -E2BIG (longer than it can
 * ever be).
 */
int carve_struct_check(uint32_t theirs, size_t first);

/**
 * carve_struct_in() - copy a structure of the caller's in
 * @to: of @ours bytes; what the caller does not know becomes zero
 *
 * Return: 0; as carve_struct_check(); -E2BIG (it uses what this library does
 * not know).
 */
int carve_struct_in(void *to, size_t ours, size_t first, const void *from);

/**
 * carve_struct_out() - copy a structure out to the caller
 * @to: its struct_size was checked; becomes the number of bytes filled in, and
 *	bytes that this library does not know become zero
 */
void carve_struct_out(void *to, const void *from, size_t ours);

#endif /* CARVE_LIB_INTERNAL_H */
