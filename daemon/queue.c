// SPDX-License-Identifier: MIT
#include "queue.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "appeal.h"
#include "identity.h"
#include "window.h"

/* Timeouts are given in nanoseconds; nobody asks for better than this. */
#define ACCURACY_USEC	500

/*
 * Requests of one user that wait: all of them are tried whenever memory comes
 * back, in the one loop that is there for everybody.
 */
#define OF_USER_MAX	64

#define NEVER		UINT64_MAX

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t deadline_of(const struct carve_waiter *waiter)
{
	uint64_t usec = waiter->timeout_nsec / 1000 +
			!!(waiter->timeout_nsec % 1000);
	uint64_t most = waiter->deadline_usec ? waiter->deadline_usec : NEVER;
	uint64_t now = now_usec();

	if (waiter->timeout_nsec == UINT64_MAX)
		return most;
	return now + usec < most ? now + usec : most;
}

static void set_timer(struct carve_queue *queue)
{
	uint64_t now = now_usec(), earliest = NEVER;
	struct carve_waiter *waiter;

	/* What waits for zeroing after its deadline is served by other events. */
	TAILQ_FOREACH(waiter, &queue->waiters, link)
		if (waiter->deadline_usec > now &&
		    waiter->deadline_usec < earliest)
			earliest = waiter->deadline_usec;
	if (queue->window) {
		uint64_t wakes = carve_window_wakes(queue->window, queue, now);

		earliest = wakes < earliest ? wakes : earliest;
	}
	if (queue->appeal) {
		uint64_t wakes = carve_appeal_wakes(queue->appeal, queue);

		earliest = wakes < earliest ? wakes : earliest;
	}
	if (earliest == NEVER) {
		sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(queue->timer, earliest);
	sd_event_source_set_enabled(queue->timer, SD_EVENT_ONESHOT);
}

/* Is it served before the other one? */
static bool is_before(const struct carve_waiter *waiter,
		      const struct carve_waiter *other)
{
	return waiter->priority > other->priority ||
	       (waiter->priority == other->priority &&
		waiter->since_usec < other->since_usec);
}

static void insert(struct carve_queue *queue, struct carve_waiter *waiter)
{
	struct carve_waiter *other;

	waiter->queue = queue;
	queue->count++;
	TAILQ_FOREACH(other, &queue->waiters, link) {
		if (is_before(waiter, other)) {
			TAILQ_INSERT_BEFORE(other, waiter, link);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&queue->waiters, waiter, link);
}

static void leave(struct carve_waiter *waiter, bool served)
{
	struct carve_queue *queue = waiter->queue;

	TAILQ_REMOVE(&queue->waiters, waiter, link);
	queue->count--;
	if (queue->blocking == waiter)
		queue->blocking = NULL;
	waiter->queue = NULL;
	if (queue->window)
		queue->again |= carve_window_leave(queue->window, waiter, served);
}

/* All that can be served was: who is to be next? */
static void settle(struct carve_queue *queue)
{
	if (queue->window)
		carve_window_settle(queue->window, queue, now_usec());
	if (queue->appeal)
		carve_appeal_settle(queue->appeal, queue, now_usec());
	set_timer(queue);
}

/* Is it refused for what others, or it itself, have? */
static bool lacks(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

/* Behind one that waits for zeroing, what lacks more than that? */
static int outlook(struct carve_waiter *waiter)
{
	return waiter->outlook ? waiter->outlook(waiter) : -EINPROGRESS;
}

/* Has its user as many here as may wait? */
static bool is_one_too_many(const struct carve_queue *queue,
			    const struct carve_waiter *waiter)
{
	const struct carve_waiter *other;
	unsigned int count = 0;

	if (!waiter->who || waiter->who->uid == 0 ||
	    waiter->who->uid == geteuid())
		return false;
	TAILQ_FOREACH(other, &queue->waiters, link)
		count += other->who && other->who->uid == waiter->who->uid;
	return count >= OF_USER_MAX;
}

int carve_queue_ask(struct carve_queue *queue, struct carve_waiter *waiter)
{
	int r;

	if (waiter->timeout_nsec > INT64_MAX)
		waiter->timeout_nsec = UINT64_MAX;
	if (waiter->timeout_nsec && is_one_too_many(queue, waiter))
		waiter->timeout_nsec = 0;
	waiter->queue = NULL;
	waiter->look_usec = 0;
	waiter->lacks = false;
	waiter->deadline_usec = deadline_of(waiter);
	if (!waiter->since_usec)
		waiter->since_usec = now_usec();
	if (queue->held && waiter->who) {
		insert(queue, waiter);
		set_timer(queue);
		return -EINPROGRESS;
	}
	if (queue->blocking && !is_before(waiter, queue->blocking)) {
		r = outlook(waiter);
		waiter->lacks = lacks(r);
		if (waiter->lacks && !waiter->timeout_nsec)
			return r;
		insert(queue, waiter);
		set_timer(queue);
		return -EINPROGRESS;
	}
	r = waiter->answer(waiter);
	if (r != -EINPROGRESS && !(lacks(r) && waiter->timeout_nsec))
		return r;
	/* Its time was over before it asked again. */
	if (lacks(r) && waiter->deadline_usec <= now_usec())
		return -ETIMEDOUT;
	insert(queue, waiter);
	/* It stands before the one that was. */
	if (r == -EINPROGRESS)
		queue->blocking = waiter;
	waiter->lacks = lacks(r);
	if (waiter->lacks && queue->appeal)
		carve_appeal_new(queue->appeal, now_usec());
	settle(queue);
	return -EINPROGRESS;
}

/* Nobody is served behind it, but who lacks more than zeroing is not kept waiting. */
static void refuse_behind(struct carve_waiter *blocking)
{
	struct carve_waiter *waiter = TAILQ_NEXT(blocking, link), *next;
	uint64_t now = now_usec();

	for (; waiter; waiter = next) {
		int r = -EINPROGRESS;

		next = TAILQ_NEXT(waiter, link);
		if (waiter->deadline_usec > now)
			continue;
		if (waiter->outlook) {
			r = outlook(waiter);
			waiter->lacks = lacks(r);
		}
		if (!waiter->lacks)
			continue;
		leave(waiter, false);
		waiter->done(waiter, waiter->timeout_nsec ? -ETIMEDOUT : r);
	}
}

static void serve_once(struct carve_queue *queue)
{
	struct carve_waiter *waiter = TAILQ_FIRST(&queue->waiters), *next;

	queue->blocking = NULL;
	queue->again = false;
	for (; waiter; waiter = next) {
		int r = waiter->answer(waiter);

		next = TAILQ_NEXT(waiter, link);
		waiter->lacks = lacks(r);
		if (r == -EINPROGRESS) {
			queue->blocking = waiter;
			refuse_behind(waiter);
			break;
		}
		if (lacks(r) && waiter->timeout_nsec) {
			if (waiter->deadline_usec > now_usec())
				continue;
			r = -ETIMEDOUT;
		}
		leave(waiter, r == 0);
		waiter->done(waiter, r);
	}
}

void carve_queue_run(struct carve_queue *queue)
{
	if (queue->held) {
		set_timer(queue);
		return;
	}
	if (queue->window)
		carve_window_expire(queue->window, now_usec());
	/* An earmark that ends, ends before others that it kept out. */
	do
		serve_once(queue);
	while (queue->again);
	settle(queue);
}

void carve_queue_serve(struct carve_queue *queue)
{
	if (queue->serve)
		queue->serve(queue);
	else
		carve_queue_run(queue);
}

void carve_queue_drop(struct carve_waiter *waiter)
{
	if (!waiter->queue)
		return;
	leave(waiter, false);
	if (waiter->dropped)
		waiter->dropped(waiter);
}

void carve_queue_cancel(struct carve_waiter *waiter)
{
	struct carve_queue *queue = waiter->queue;

	carve_queue_drop(waiter);
	if (queue)
		carve_queue_serve(queue);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	carve_queue_serve(data);
	return 0;
}

int carve_queue_init(struct carve_queue *queue, sd_event *event)
{
	int r;

	*queue = (struct carve_queue){ 0 };
	TAILQ_INIT(&queue->waiters);
	r = sd_event_add_time(event, &queue->timer, CLOCK_MONOTONIC, NEVER,
			      ACCURACY_USEC, on_deadline, queue);
	if (r >= 0)
		r = sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void carve_queue_done(struct carve_queue *queue)
{
	queue->timer = sd_event_source_disable_unref(queue->timer);
}
