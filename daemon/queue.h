/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for memory of one region, by priority, then age: one that has
 * waited in another daemon has its old place.
 *
 * A request waits for one of two things. What lacks nothing but zeroing waits in
 * any case, and nobody of its priority or a lower one overtakes it: that ends by
 * itself. What lacks memory that others have waits until its deadline, and is
 * overtaken by what does fit. It is refused then, whoever stands before it.
 *
 * One clock for each queue; everything here belongs to the event loop's thread.
 */
#ifndef CARVE_DAEMON_QUEUE_H
#define CARVE_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

struct carve_appeal;
struct carve_identity;
struct carve_queue;
struct carve_window;
struct carve_wish;

/**
 * struct carve_waiter - one request, inside a larger structure
 * @priority: the higher, the sooner
 * @timeout_nsec: how long to wait for others; 0: not at all; UINT64_MAX: for ever,
 *	and what is beyond INT64_MAX, 292 years, becomes that
 * @since_usec: when it was asked, of CLOCK_MONOTONIC; 0 for now
 * @deadline_usec: until when it waits at most, which is never later than the timeout
 *	says; 0: the timeout says it all
 * @answer: try to serve it, now. Return: -EINPROGRESS (it lacks nothing but
 *	zeroing); -ENOSPC, -EDQUOT (it lacks what others, or it itself, have);
 *	anything else is its result
 * @outlook: NULL, or the same without serving it: -EINPROGRESS, -ENOSPC or -EDQUOT.
 *	So what is behind one that waits for zeroing is refused in time
 * @done: called with the result of a request that had to wait, which is then no
 *	longer in the queue; may not change the queue
 * @dropped: NULL, or called when a request that had to wait was cancelled
 * @who, @wishes: for whom, and what space could be earmarked: writes at most @room
 *	wishes and returns their number; 0: none, since it would not be enough.
 *	NULL: nothing is ever earmarked for it
 * @lacks: read only: it waits for memory that is in use, not for zeroing
 * @look_usec: private to window.c
 * @queue: private, where it waits, NULL while it does not
 * @link: private
 */
struct carve_waiter {
	int priority;
	uint64_t timeout_nsec;
	uint64_t since_usec;
	uint64_t deadline_usec;
	int (*answer)(struct carve_waiter *waiter);
	int (*outlook)(struct carve_waiter *waiter);
	void (*done)(struct carve_waiter *waiter, int result);
	void (*dropped)(struct carve_waiter *waiter);
	const struct carve_identity *who;
	size_t (*wishes)(struct carve_waiter *waiter, struct carve_wish *wishes,
			 size_t room);

	bool lacks;
	uint64_t look_usec;
	struct carve_queue *queue;
	TAILQ_ENTRY(carve_waiter) link;
};

/**
 * struct carve_queue - see above; read freely
 * @count: requests in it
 * @held: nobody is served; see hold.h
 * @blocking: the one behind which nobody is served, or NULL
 * @serve: NULL, or what carve_queue_serve() calls; has to call carve_queue_run()
 * @window: NULL, or where space is earmarked
 * @appeal: NULL, or how others are asked to give memory back
 * @again: private: space came free while others were served
 * @timer: for the earliest deadline, or the end of an earmark
 */
struct carve_queue {
	TAILQ_HEAD(, carve_waiter) waiters;
	unsigned int count;
	bool held;
	struct carve_waiter *blocking;
	void (*serve)(struct carve_queue *queue);
	struct carve_window *window;
	struct carve_appeal *appeal;
	bool again;
	sd_event_source *timer;
};

/* Return: 0; what sd-event answers. */
int carve_queue_init(struct carve_queue *queue, sd_event *event);

/* Nobody may wait. A queue of zeros is allowed. */
void carve_queue_done(struct carve_queue *queue);

/**
 * carve_queue_ask() - serve a request, or let it wait
 *
 * Of one user 64 may wait for others, but for the superuser and the daemon's own;
 * one more is answered as if its timeout were 0, and that is what it becomes.
 * While the queue is held, whoever asks for a client waits, whatever its timeout.
 *
 * Return: what its answer() returned; -EINPROGRESS (it waits, and done() will be
 * called).
 */
int carve_queue_ask(struct carve_queue *queue, struct carve_waiter *waiter);

/* Answer what can be answered now; call it whenever memory has come free. */
void carve_queue_serve(struct carve_queue *queue);

/* The same without what else is to be done then. */
void carve_queue_run(struct carve_queue *queue);

/* Who asked has gone, or does not want it any more: done() is not called. */
void carve_queue_cancel(struct carve_waiter *waiter);

/* The same, but nobody else is served yet: whoever calls has to. */
void carve_queue_drop(struct carve_waiter *waiter);

#endif /* CARVE_DAEMON_QUEUE_H */
