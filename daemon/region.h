/* SPDX-License-Identifier: MIT */
/*
 * One region: its device, what lies where in it, who holds what, what is being
 * scrubbed, and the requests that wait for that.
 *
 * Everything here belongs to the event loop's thread.
 */
#ifndef CARVE_DAEMON_REGION_H
#define CARVE_DAEMON_REGION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "appeal.h"
#include "charges.h"
#include "device.h"
#include "explain.h"
#include "identity.h"
#include "placement.h"
#include "protocol.h"
#include "quota.h"
#include "queue.h"
#include "record.h"
#include "window.h"

struct carve_lost;
struct carve_reservation;
struct carve_state;

/**
 * struct carve_answer - what a request was given, or who was in its way
 * @fds: with 0: one for each item, the caller's to close
 * @results: with 0: one for each item
 * @holders: with a refusal, if it was to be explained
 *
 * Written where the request is answered, and read by whom that is told before
 * any other one is: all requests may have the same one.
 */
struct carve_answer {
	int fds[CARVE_WIRE_ALLOC_MAX];
	struct carve_wire_alloc_result results[CARVE_WIRE_ALLOC_MAX];
	struct carve_holders holders;
};

/**
 * struct carve_grant - one request for buffers and its answer
 * @who: who asks; borrowed
 * @terms: what the rules said about it when it was asked
 * @timeout_nsec: how long to wait for others; 0: not at all; UINT64_MAX: for ever
 * @since_usec, @deadline_usec: as in struct carve_waiter
 * @explain: say who holds the memory, should it be refused
 * @items: @count items with names that end, borrowed until it is answered
 * @done: called with the result of a request that had to wait, which is then
 *	no longer waiting; may not free other grants
 * @answer: where the answer goes; borrowed
 * @refusal: with -ENOSPC, -EDQUOT and -ETIMEDOUT: the numbers, header left alone
 * @region: set when it is asked: whose buffers they are
 * @reservation: private
 * @waiter: private
 */
struct carve_grant {
	const struct carve_identity *who;
	struct carve_terms terms;
	uint64_t timeout_nsec;
	uint64_t since_usec;
	uint64_t deadline_usec;
	bool explain;
	const struct carve_wire_alloc_item *items;
	size_t count;
	void (*done)(struct carve_grant *grant, int result);

	struct carve_answer *answer;
	struct carve_wire_refusal refusal;

	struct carve_region *region;
	struct carve_reservation *reservation;
	struct carve_waiter waiter;
};

/**
 * struct carve_region - see above; read freely, changed by region.c, recover.c
 *	and grant.c alone
 * @by_number: all records; see roll.h
 * @next_id: number of the next buffer, above all that were ever seen
 * @scrubbing: records the scrubber has
 * @failed: jobs that it could not do, tried again from time to time
 * @queue: requests that wait
 * @window: what is earmarked for one of them
 * @appeal: how others are asked to give memory back; set by who knows of any
 * @keep: what ordinary requests leave free
 * @reservations: all there are, by number
 * @state: where it is written down what the next daemon has to know, or NULL
 * @state_index: of this region, there
 * @lost: private to restore.c
 * @serve_again: memory came free while requests were served
 * @gone: the device has gone; nothing can be had any more
 */
struct carve_region {
	struct carve_device *device;
	struct carve_placement placement;
	struct carve_charges charges;
	struct carve_scrubber *scrubber;
	struct carve_tree_node *by_number;
	uint64_t next_id;
	uint64_t scrubbing;
	struct carve_scrub_list failed;
	struct carve_queue queue;
	struct carve_window window;
	struct carve_appeal appeal;
	struct carve_keep keep;
	TAILQ_HEAD(, carve_reservation) reservations;
	struct carve_state *state;
	uint16_t state_index;
	LIST_HEAD(, carve_lost) lost;
	bool serve_again;
	sd_event *event;
	sd_event_source *on_release;
	sd_event_source *on_scrubbed;
	sd_event_source *on_retry;
	bool gone;
};

/**
 * carve_region_new() - take charge of a region
 * @device: taken over on success, left alone on failure
 * @event: the loop it is attached to
 * @state: what another daemon has left, and this one will; borrowed. NULL: nothing
 * @state_index: of this region, there
 *
 * What the device lists as live or dirty is taken over; dirty memory is queued
 * for scrubbing. So are reservations that the state knows; see restore.h.
 *
 * Return: 0; -ENOMEM; -EMFILE; -EINVAL (the device contradicts itself); what
 * the device answers.
 */
int carve_region_new(struct carve_region **ret, struct carve_device *device,
		     sd_event *event, struct carve_state *state,
		     uint16_t state_index);

/**
 * carve_region_free() - stop, and give the device back
 *
 * Buffers live on. No grant may be waiting. NULL is allowed. Return: NULL.
 */
struct carve_region *carve_region_free(struct carve_region *region);

static inline const char *carve_region_label(const struct carve_region *region)
{
	return region->device->info.label;
}

/**
 * carve_region_set_keep() - set how much ordinary requests leave free
 *
 * Who waits is asked again: there may be more for them.
 */
void carve_region_set_keep(struct carve_region *region, struct carve_keep keep);

/* Of what is clean, how much is kept for requests of high priority. */
uint64_t carve_region_kept(const struct carve_region *region);

/**
 * carve_region_allocate() - answer a request for buffers, all or none
 *
 * Return: 0 and the buffers; -EINPROGRESS (it waits, and done() will be called);
 * -ENOSPC, -EDQUOT, or from done() -ETIMEDOUT, and the refusal; -EINVAL (size
 * 0, alignment no power of two, a name with control characters or not UTF-8);
 * -EOVERFLOW; -ERANGE; -ENOMEM; -EBUSY (out of descriptors); -EIO (the device contradicts
 * the daemon's books, or fails otherwise); -ENODEV.
 */
int carve_region_allocate(struct carve_region *region,
			  struct carve_grant *grant);


/* Answer waiting requests as far as that is possible now. */
void carve_region_serve(struct carve_region *region);

/* Take in everything the device knows to have died. */
void carve_region_collect(struct carve_region *region);

/* For carve_region_new(): take over what the device lists. */
int carve_region_recover(struct carve_region *region);

/* The record of exactly this extent, live or dirty, or NULL. */
struct carve_record *carve_region_find(const struct carve_region *region,
				       const struct carve_device_extent *extent);

/* A live record's buffer has died: uncharge it and queue it for scrubbing. */
void carve_region_release(struct carve_region *region,
			  struct carve_record *record);

/**
 * carve_overrun_report() - tell the journal who wrote outside a buffer
 * @dead: what the device says has died; nothing is said without damage
 * @record: of the same extent, or NULL when it is not in the books
 */
void carve_overrun_report(const struct carve_region *region,
			  const struct carve_device_extent *dead,
			  const struct carve_record *record);

/* Queue a dirty record for scrubbing. */
void carve_region_scrub(struct carve_region *region,
			struct carve_record *record);

/* The first record that begins at @offset or behind it, or NULL. */
struct carve_record *carve_region_next(const struct carve_region *region,
				       uint64_t offset);

/**
 * carve_region_identify() - which buffer is this descriptor?
 * @ret: what the device says
 * @ret_pid: who asked for it, 0 if that is not known
 *
 * Return: 0; -ENOENT and other answers of carve_device_identify().
 */
int carve_region_identify(const struct carve_region *region, int fd,
			  struct carve_device_extent *ret, pid_t *ret_pid);

#endif /* CARVE_DAEMON_REGION_H */
