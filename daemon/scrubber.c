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
 * milliseconds; the driver remembers what is still dirty.
 */
#define STEP_BYTES	(8U << 20)

TAILQ_HEAD(job_list, carve_scrub_job);

/**
 * struct carve_scrubber - the thread and its two queues
 * @lock: over @todo, @done and @stopping
 * @more: @todo has grown, or @stopping is set
 */
struct carve_scrubber {
	struct carve_device *device;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job_list todo;
	struct job_list done;
	bool stopping;
	int fd;
};

static bool is_stopping(struct carve_scrubber *scrubber)
{
	bool stopping;

	pthread_mutex_lock(&scrubber->lock);
	stopping = scrubber->stopping;
	pthread_mutex_unlock(&scrubber->lock);
	return stopping;
}

static int scrub(struct carve_scrubber *scrubber,
		 const struct carve_scrub_job *job)
{
	uint64_t done = 0;

	while (done < job->bytes) {
		uint64_t left = job->bytes - done;
		uint64_t step = left < STEP_BYTES ? left : STEP_BYTES;
		int r = carve_device_scrub(scrubber->device,
					   job->offset + done, step);

		if (r < 0)
			return r;
		done += step;
		if (done < job->bytes && is_stopping(scrubber))
			return -ECANCELED;
	}
	return 0;
}

/* Return: the next job, or NULL when it is time to end. */
static struct carve_scrub_job *wait_for_job(struct carve_scrubber *scrubber)
{
	struct carve_scrub_job *job = NULL;

	pthread_mutex_lock(&scrubber->lock);
	while (!scrubber->stopping && TAILQ_EMPTY(&scrubber->todo))
		pthread_cond_wait(&scrubber->more, &scrubber->lock);
	if (!scrubber->stopping) {
		job = TAILQ_FIRST(&scrubber->todo);
		TAILQ_REMOVE(&scrubber->todo, job, link);
	}
	pthread_mutex_unlock(&scrubber->lock);
	return job;
}

static void *run(void *data)
{
	struct carve_scrubber *scrubber = data;
	struct carve_scrub_job *job;

	while ((job = wait_for_job(scrubber))) {
		job->result = scrub(scrubber, job);

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
