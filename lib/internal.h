/* SPDX-License-Identifier: MIT */
/*
 * What the parts of libcarve share. Nothing in here is exported.
 *
 * Locks: carve::lock is held for the round trips of one question and for giving
 * up a connection; carve_told::lock, under it or alone, for moments;
 * carve_buffer::lock only while a mapping is made, and never with the others.
 */
#ifndef CARVE_LIB_INTERNAL_H
#define CARVE_LIB_INTERNAL_H

/* Everything is compiled hidden; what the public header declares is not. */
#pragma GCC visibility push(default)
#include <carve.h>
#pragma GCC visibility pop

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "link.h"
#include "protocol.h"

/* The most descriptors that Linux lets one message carry (SCM_MAX_FD). */
#define CARVE_MESSAGE_FDS	253

/**
 * struct carve_told - what the daemon said of its own accord
 * @lock: taken for moments only, so that carve_dispatch() never waits
 * @poll_fd: readable when there is something; -1 until somebody asks for it
 * @event_fd: in @poll_fd beside the socket: for what a round trip took in
 * @timer_fd: likewise: time to try to connect again
 * @broken: CARVE_STAGE_BROKEN, for who holds this lock alone
 * @lost: there were reservations, and carve_dispatch() has to say so
 * @fn, @data: of carve_watch_pressure()
 * @count, @pressures: the last of each region
 */
struct carve_told {
	pthread_mutex_t lock;
	int poll_fd;
	int event_fd;
	int timer_fd;
	bool broken;
	bool lost;
	carve_pressure_fn fn;
	void *data;
	size_t count;
	struct carve_pressure pressures[CARVE_WIRE_REGIONS_MAX];
};

/**
 * struct carve_cancelling - what carve_cancel() looks at, which takes no lock
 * @fd: the socket, as long as it may be used for requests; -1
 * @users: threads that are using it
 * @waiting: id of the request that may be waiting, or 0
 * @cancelled: id of the last one that was cancelled
 */
struct carve_cancelling {
	_Atomic int fd;
	_Atomic unsigned int users;
	_Atomic uint64_t waiting;
	_Atomic uint64_t cancelled;
};

/**
 * struct carve - a connection
 * @lock: one question at a time
 * @fd: the socket; -1 while there is none; changed under both locks
 * @last_id: of the last request; they rise over all sockets
 */
struct carve {
	pthread_mutex_t lock;
	int fd;
	uint64_t last_id;
	struct carve_link link;
	struct carve_cancelling cancelling;
	struct carve_told told;
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
		struct carve_wire_epoch epoch;
		struct carve_wire_resume_reply resume;
		struct carve_wire_alloc_reply alloc;
		struct carve_wire_refusal refusal;
		struct carve_wire_regions_reply regions;
		struct carve_wire_list_reply list;
		struct carve_wire_query_reply query;
		struct carve_wire_reserve_reply reserve;
		struct carve_wire_reservations_reply reservations;
		struct carve_wire_pressure pressure;
	};
	int fds[CARVE_MESSAGE_FDS];
	size_t fd_count;
	bool fds_lost;
};

/* wire.c: messages, checked. */

/**
 * carve_wire_send() - send a request
 * @request: complete; @request->bytes says how long it is
 * @fd: to send with it, or -1
 * @flags: of sendmsg()
 *
 * Return: 0; -ENOMEM, -EBADF, -ETOOMANYREFS (nothing was sent); -EPIPE and others
 * (the connection is of no use any more).
 */
int carve_wire_send(int socket, const struct carve_wire_header *request, int fd,
		    int flags);

/**
 * carve_wire_receive() - take the next message
 * @flags: of recvmsg()
 * @ret: the message; written whatever happens; its descriptors are the caller's
 *
 * Return: its length; 0 (the peer has gone); -EAGAIN (none there, with
 * MSG_DONTWAIT); -EPROTO (it is longer than any); what else recvmsg() answers.
 */
ssize_t carve_wire_receive(int socket, int flags, struct carve_reply *ret);

/*
 * Is it the reply to @request, with a status of 0 or, of its proper length and
 * without descriptors, a negative one?
 */
bool carve_wire_is_reply(const struct carve_reply *reply, size_t length,
			 const struct carve_wire_header *request);

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

/**
 * carve_settle() - wait until the daemon has said what nobody heard
 *
 * For who has to know the classes of a reservation before a call.
 *
 * Return: 0, at once if there is nothing; as carve_link_ready().
 */
int carve_settle(struct carve *carve);

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
 * The length of a good reply is left to the caller to check. What a restart of the
 * daemon left unanswered is asked again, @request->id staying what it is.
 *
 * Return: 0; the negative status of the reply; -EMFILE (the reply's
 * descriptors do not fit into this process); -ENOMEM, -EBADF, -ETOOMANYREFS
 * (nothing was sent); -ESTALE (the request is about a reservation which a restart
 * lost meanwhile); what carve_link_ready() answers.
 */
int carve_call(struct carve *carve, struct carve_wire_header *request, int fd,
	       size_t fds, struct carve_reply *ret);

/**
 * carve_connection_fail() - give a connection up, for good, for what the peer said
 *
 * Return: -EPROTO, for the caller to return.
 */
int carve_connection_fail(struct carve *carve);

/* cancel.c: around a request that may wait, until it is answered. */
void carve_cancel_begin(struct carve *carve, uint64_t id);
/* Once it was sent: what was cancelled before that is cancelled again. */
void carve_cancel_sent(struct carve *carve, uint64_t id);
void carve_cancel_end(struct carve *carve);
/* Wait until nobody uses the socket; nobody will until there is another one. */
void carve_cancel_stop(struct carve *carve);

/* pressure.c */

/**
 * carve_told_keep() - is this message one without a request?
 * @length: more than 0
 *
 * Return: 1 (it is, and was taken in); 0 (it is not); -EPROTO (it is, and makes
 * no sense).
 */
int carve_told_keep(struct carve *carve, const struct carve_reply *message,
		    size_t length);

/* poll.c: what carve_get_fd() is made of, under carve_told::lock. */

/* Who polls has something to hear. */
void carve_poll_wake(struct carve_told *told);
/* Wake who polls after @nsec, more than 0, for another try. */
void carve_poll_retry(struct carve_told *told, uint64_t nsec);
/* The same, soon, without the lock, if something is unsaid. */
void carve_poll_retry_unsaid(struct carve *carve);
/* That is not needed any more. */
void carve_poll_calm(struct carve_told *told);
/* Return: 0; -ENOMEM. */
int carve_poll_follow(struct carve_told *told, int fd);
void carve_poll_unfollow(struct carve_told *told, int fd);
/* Close it all. */
void carve_poll_done(struct carve_told *told);

/* alloc.c */

/**
 * struct carve_alloc_message - a request for buffers
 * @alloc: its count is set
 */
struct carve_alloc_message {
	struct carve_wire_alloc alloc;
	struct carve_wire_alloc_item items[CARVE_ALLOC_MAX];
};

/**
 * carve_alloc_held() - ask for buffers, for who holds the connection
 * @message: type, length and CARVE_WIRE_ALLOC_EXPLAIN are filled in
 * @sizes: what each of them has to have
 * @ret: with 0: one buffer for each
 * @refusal: NULL, or checked
 *
 * Return: as carve_alloc_many().
 */
int carve_alloc_held(struct carve *carve, struct carve_alloc_message *message,
		     const uint64_t *sizes, struct carve_buffer **ret,
		     struct carve_refusal *refusal);

/* @to: CARVE_WIRE_LABEL bytes. Return: 0; -ENOENT (no region can be called so). */
int carve_fill_region(const char *region, char *to);

/* reservation.c */

/**
 * carve_reservation_heard() - a change that was given up was granted
 * @reply: the daemon's, of a status of 0
 *
 * The connection is held. Return: 0; -EPROTO (the reply makes no sense).
 */
int carve_reservation_heard(struct carve_reservation *reservation,
			    const struct carve_wire_reserve_reply *reply);

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
