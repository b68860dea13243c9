// SPDX-License-Identifier: MIT
#include "scrubber.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"

/*
 * A job is done in steps of this size, so that the daemon can end within
 * milliseconds, and an urgent job begin; the driver remembers what is still
 * dirty.
 */
#define STEP_BYTES	(8U << 20)

/**
 * struct carve_scrubber - the thread and its two queues
 * @lock: over @todo, @urgent, @done and @stopping
 * @todo: jobs to be done that nobody in particular waits for
 * @urgent: those that go first: of each owner one, with the others behind it,
 *	whoever's turn comes last at the end
 * @more: one of these has grown, or @stopping is set
 * @turn_owner, @turn_bytes: the thread's: whose turn it is, and what of it is done
 */
struct carve_scrubber {
	struct carve_device *device;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct carve_scrub_list todo;
	struct carve_scrub_list urgent;
	struct carve_scrub_list done;
	bool stopping;
	int fd;
	uint64_t turn_owner;
	uint64_t turn_bytes;
};

/* ---- the urgent ones ----------------------------------------------------- */

/* The first one of this owner, or NULL. */
static struct carve_scrub_job *first_of(const struct carve_scrubber *scrubber,
					uint64_t owner)
{
	struct carve_scrub_job *job;

	TAILQ_FOREACH(job, &scrubber->urgent, link)
		if (job->owner == owner)
			return job;
	return NULL;
}

static void urgent_add(struct carve_scrubber *scrubber,
		       struct carve_scrub_job *job)
{
	struct carve_scrub_job *first = first_of(scrubber, job->owner);

	TAILQ_INIT(&job->later);
	if (first)
		TAILQ_INSERT_TAIL(&first->later, job, link);
	else
		TAILQ_INSERT_TAIL(&scrubber->urgent, job, link);
}

/* What was begun goes on before others of its owner, when its turn comes. */
static void urgent_put_off(struct carve_scrubber *scrubber,
			   struct carve_scrub_job *job)
{
	struct carve_scrub_job *first = first_of(scrubber, job->owner);

	TAILQ_INIT(&job->later);
	if (first) {
		TAILQ_REMOVE(&scrubber->urgent, first, link);
		TAILQ_CONCAT(&job->later, &first->later, link);
		TAILQ_INSERT_HEAD(&job->later, first, link);
	}
	TAILQ_INSERT_TAIL(&scrubber->urgent, job, link);
}

/* Return: the first one of another owner than before, if there is any. */
static struct carve_scrub_job *next_turn(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job = TAILQ_FIRST(&scrubber->urgent);

	if (!job)
		return NULL;
	/* Who came while this one had its turn stands behind it. */
	if (job->owner == scrubber->turn_owner) {
		TAILQ_REMOVE(&scrubber->urgent, job, link);
		TAILQ_INSERT_TAIL(&scrubber->urgent, job, link);
		job = TAILQ_FIRST(&scrubber->urgent);
	}
	scrubber->turn_owner = job->owner;
	scrubber->turn_bytes = 0;
	return job;
}

/*
 * A turn is a step, or as many small jobs as make one. Return: the next urgent
 * one, taken out, or NULL.
 */
static struct carve_scrub_job *urgent_take(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job = NULL, *next;

	if (scrubber->turn_bytes < STEP_BYTES)
		job = first_of(scrubber, scrubber->turn_owner);
	if (!job)
		job = next_turn(scrubber);
	if (!job)
		return NULL;
	TAILQ_REMOVE(&scrubber->urgent, job, link);
	next = TAILQ_FIRST(&job->later);
	if (next) {
		TAILQ_REMOVE(&job->later, next, link);
		TAILQ_CONCAT(&next->later, &job->later, link);
		TAILQ_INSERT_TAIL(&scrubber->urgent, next, link);
	}
	return job;
}

/* ---- the thread ---------------------------------------------------------- */

/*
 * Between two steps: is it time to end, or for another job? Then this one goes
 * on later, before others of its kind.
 */
static bool is_put_off(struct carve_scrubber *scrubber,
		       struct carve_scrub_job *job)
{
	bool stopping, hurry;

	pthread_mutex_lock(&scrubber->lock);
	stopping = scrubber->stopping;
	hurry = !TAILQ_EMPTY(&scrubber->urgent);
	if (hurry && job->owner)
		urgent_put_off(scrubber, job);
	else if (hurry)
		TAILQ_INSERT_HEAD(&scrubber->todo, job, link);
	pthread_mutex_unlock(&scrubber->lock);
	return stopping || hurry;
}

/* Return: is the job done, for better or worse? */
static bool scrub(struct carve_scrubber *scrubber, struct carve_scrub_job *job)
{
	job->result = 0;
	while (job->bytes) {
		uint64_t step = job->bytes < STEP_BYTES ? job->bytes : STEP_BYTES;

		job->result = carve_device_scrub(scrubber->device, job->offset,
						 step);
		if (job->result < 0)
			return true;
		job->offset += step;
		job->bytes -= step;
		scrubber->turn_bytes += step;
		if (job->bytes && is_put_off(scrubber, job))
			return false;
	}
	return true;
}

static bool has_job(const struct carve_scrubber *scrubber)
{
	return !TAILQ_EMPTY(&scrubber->urgent) || !TAILQ_EMPTY(&scrubber->todo);
}

static struct carve_scrub_job *take_job(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job = urgent_take(scrubber);

	if (job)
		return job;
	job = TAILQ_FIRST(&scrubber->todo);
	TAILQ_REMOVE(&scrubber->todo, job, link);
	return job;
}

/* Return: the next job, or NULL when it is time to end. */
static struct carve_scrub_job *wait_for_job(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job = NULL;

	pthread_mutex_lock(&scrubber->lock);
	while (!scrubber->stopping && !has_job(scrubber))
		pthread_cond_wait(&scrubber->more, &scrubber->lock);
	if (!scrubber->stopping)
		job = take_job(scrubber);
	pthread_mutex_unlock(&scrubber->lock);
	return job;
}

static void *run(void *data)
{
	struct carve_scrubber *scrubber = data;
	struct carve_scrub_job *job;

	while ((job = wait_for_job(scrubber))) {
		if (!scrub(scrubber, job))
			continue;
		pthread_mutex_lock(&scrubber->lock);
		TAILQ_INSERT_TAIL(&scrubber->done, job, link);
		pthread_mutex_unlock(&scrubber->lock);
		/* Fails only where the counter is full: then it is readable. */
		eventfd_write(scrubber->fd, 1);
	}
	return NULL;
}

static int start_thread(struct carve_scrubber *scrubber)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = -pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r < 0)
		return r;
	r = -pthread_create(&scrubber->thread, NULL, run, scrubber);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_setname_np(scrubber->thread, "scrubber");
	return r;
}

int carve_scrubber_new(struct carve_scrubber **ret,
		       struct carve_device *device)
{
	struct carve_scrubber *scrubber = calloc(1, sizeof(*scrubber));
	int r;

	if (!scrubber)
		return -ENOMEM;
	scrubber->device = device;
	TAILQ_INIT(&scrubber->todo);
	TAILQ_INIT(&scrubber->urgent);
	TAILQ_INIT(&scrubber->done);
	pthread_mutex_init(&scrubber->lock, NULL);
	pthread_cond_init(&scrubber->more, NULL);
	scrubber->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = scrubber->fd < 0 ? -errno : start_thread(scrubber);
	if (r < 0) {
		if (scrubber->fd >= 0)
			close(scrubber->fd);
		free(scrubber);
		return r;
	}
	*ret = scrubber;
	return 0;
}

struct carve_scrubber *carve_scrubber_free(struct carve_scrubber *scrubber)
{
	if (!scrubber)
		return NULL;
	pthread_mutex_lock(&scrubber->lock);
	scrubber->stopping = true;
	pthread_cond_signal(&scrubber->more);
	pthread_mutex_unlock(&scrubber->lock);
	pthread_join(scrubber->thread, NULL);

	pthread_cond_destroy(&scrubber->more);
	pthread_mutex_destroy(&scrubber->lock);
	close(scrubber->fd);
	free(scrubber);
	return NULL;
}

void carve_scrubber_put(struct carve_scrubber *scrubber,
			struct carve_scrub_job *job)
{
	pthread_mutex_lock(&scrubber->lock);
	if (job->owner)
		urgent_add(scrubber, job);
	else
		TAILQ_INSERT_TAIL(&scrubber->todo, job, link);
	pthread_cond_signal(&scrubber->more);
	pthread_mutex_unlock(&scrubber->lock);
}

struct carve_scrub_job *carve_scrubber_take(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job;

	pthread_mutex_lock(&scrubber->lock);
	job = TAILQ_FIRST(&scrubber->done);
	if (job)
		TAILQ_REMOVE(&scrubber->done, job, link);
	pthread_mutex_unlock(&scrubber->lock);
	return job;
}

int carve_scrubber_get_fd(const struct carve_scrubber *scrubber)
{
	return scrubber->fd;
}
