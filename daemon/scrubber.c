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

TAILQ_HEAD(job_list, carve_scrub_job);

/**
 * struct carve_scrubber - the thread and its two queues
 * @lock: over @todo, @done and @stopping
 * @todo, @urgent: jobs to be done, the urgent ones first
 * @more: one of these has grown, or @stopping is set
 */
struct carve_scrubber {
	struct carve_device *device;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job_list todo;
	struct job_list urgent;
	struct job_list done;
	bool stopping;
	int fd;
};

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
	hurry = !job->urgent && !TAILQ_EMPTY(&scrubber->urgent);
	if (hurry)
		TAILQ_INSERT_HEAD(&scrubber->todo, job, link);
	pthread_mutex_unlock(&scrubber->lock);
	return stopping || hurry;
}

/* Return: is the job done, for better or worse? */
static bool scrub(struct carve_scrubber *scrubber, struct carve_scrub_job *job)
{
	job->result = 0;
	while (job->done < job->bytes) {
		uint64_t left = job->bytes - job->done;
		uint64_t step = left < STEP_BYTES ? left : STEP_BYTES;

		job->result = carve_device_scrub(scrubber->device,
						 job->offset + job->done, step);
		if (job->result < 0)
			return true;
		job->done += step;
		if (job->done < job->bytes && is_put_off(scrubber, job))
			return false;
	}
	return true;
}

static struct carve_scrub_job *first_job(struct carve_scrubber *scrubber)
{
	return TAILQ_FIRST(&scrubber->urgent) ?: TAILQ_FIRST(&scrubber->todo);
}

/* Return: the next job, or NULL when it is time to end. */
static struct carve_scrub_job *wait_for_job(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job = NULL;

	pthread_mutex_lock(&scrubber->lock);
	while (!scrubber->stopping && !first_job(scrubber))
		pthread_cond_wait(&scrubber->more, &scrubber->lock);
	if (!scrubber->stopping) {
		job = first_job(scrubber);
		TAILQ_REMOVE(job->urgent ? &scrubber->urgent : &scrubber->todo,
			     job, link);
	}
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
	job->done = 0;
	pthread_mutex_lock(&scrubber->lock);
	TAILQ_INSERT_TAIL(job->urgent ? &scrubber->urgent : &scrubber->todo, job,
			  link);
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
