/* SPDX-License-Identifier: MIT */
/*
 * Zeroes what was released, on a thread of its own, so that the event loop
 * never waits for memory to be written.
 */
#ifndef CARVE_DAEMON_SCRUBBER_H
#define CARVE_DAEMON_SCRUBBER_H

#include <stdint.h>
#include <sys/queue.h>

struct carve_device;
struct carve_scrubber;

TAILQ_HEAD(carve_scrub_list, carve_scrub_job);

/**
 * struct carve_scrub_job - one dirty range
 * @offset, @bytes: what of it is to be zeroed; less and less of it
 * @owner: number of the reservation that waits for it, 0 for none. What has an
 *	owner is urgent: it goes before all that has none, even before one that is
 *	being done; and owners take turns
 * @result: what carve_device_scrub() answered, once it is done
 * @mine: left alone; of whoever puts it
 * @later: private; urgent ones of the same owner behind this one
 * @link: private
 */
struct carve_scrub_job {
	uint64_t offset;
	uint64_t bytes;
	uint64_t owner;
	int result;
	uint32_t mine;
	struct carve_scrub_list later;
	TAILQ_ENTRY(carve_scrub_job) link;
};

/**
 * carve_scrubber_new() - start the thread
 * @device: borrowed, has to live longer
 *
 * All signals are blocked in it. Return: 0; -ENOMEM; -EMFILE; -EAGAIN.
 */
int carve_scrubber_new(struct carve_scrubber **ret,
		       struct carve_device *device);

/**
 * carve_scrubber_free() - stop the thread after the step at hand
 *
 * Jobs it has not returned are dropped; whoever put them still owns them.
 * NULL is allowed. Return: NULL.
 */
struct carve_scrubber *carve_scrubber_free(struct carve_scrubber *scrubber);

/*
 * Put a job at the end of the queue, or behind the urgent ones of its owner; it
 * must stay in place until it is done.
 */
void carve_scrubber_put(struct carve_scrubber *scrubber,
			struct carve_scrub_job *job);

/* The next job that is done, or NULL; its memory is the caller's again. */
struct carve_scrub_job *carve_scrubber_take(struct carve_scrubber *scrubber);

/* An eventfd, readable when jobs are done; borrowed. */
int carve_scrubber_get_fd(const struct carve_scrubber *scrubber);

#endif /* CARVE_DAEMON_SCRUBBER_H */
