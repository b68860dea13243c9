// SPDX-License-Identifier: MIT
#include "closer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* So many users can have one stuck each before others have to wait. */
#define THREADS		4

/* Of one user a thread takes so many at a time: the lock costs as much as closing. */
#define BATCH		64

/* What is quick is done within this time of the end. */
#define END_NSEC	200000000L

/**
 * struct entry - a descriptor to be closed
 */
struct entry {
	uid_t uid;
	int fd;
};

/**
 * struct worker - one thread
 * @busy: it is closing so many @fds of @uid
 */
struct worker {
	struct carve_closer *closer;
	pthread_t thread;
	size_t busy;
	uid_t uid;
	int fds[BATCH];
};

/**
 * struct carve_closer - the threads and what they have to do
 * @lock: over all that follows
 * @more: there is more to do, or @stopping is set
 * @entries: @count of them, oldest first
 * @started: number of @workers that run
 */
struct carve_closer {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct entry entries[CARVE_CLOSER_MAX];
	size_t count;
	struct worker workers[THREADS];
	size_t started;
	bool stopping;
};

static size_t busy_with(const struct carve_closer *closer, uid_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < THREADS; i++)
		if (closer->workers[i].uid == uid)
			count += closer->workers[i].busy;
	return count;
}

/* In line and being closed. The lock is held. */
static size_t count_all(const struct carve_closer *closer)
{
	size_t count = closer->count;

	for (size_t i = 0; i < THREADS; i++)
		count += closer->workers[i].busy;
	return count;
}

/* The oldest of a user no other thread works for, or NULL. The lock is held. */
static const struct entry *find_entry(const struct carve_closer *closer)
{
	for (size_t i = 0; i < closer->count; i++)
		if (!busy_with(closer, closer->entries[i].uid))
			return &closer->entries[i];
	return NULL;
}

/* Return: is there anything to do for this thread? The lock is held. */
static bool take_entries(struct carve_closer *closer, struct worker *worker)
{
	const struct entry *first = find_entry(closer);
	size_t left = 0;

	if (!first)
		return false;
	worker->uid = first->uid;
	for (size_t i = 0; i < closer->count; i++) {
		const struct entry *entry = &closer->entries[i];

		if (entry->uid == worker->uid && worker->busy < BATCH)
			worker->fds[worker->busy++] = entry->fd;
		else
			closer->entries[left++] = *entry;
	}
	closer->count = left;
	return true;
}

static void *run(void *data)
{
	struct worker *worker = data;
	struct carve_closer *closer = worker->closer;

	pthread_mutex_lock(&closer->lock);
	for (;;) {
		if (take_entries(closer, worker)) {
			pthread_mutex_unlock(&closer->lock);
			for (size_t i = 0; i < worker->busy; i++)
				close(worker->fds[i]);
			pthread_mutex_lock(&closer->lock);
			worker->busy = 0;
		} else if (closer->stopping) {
			break;
		} else {
			pthread_cond_wait(&closer->more, &closer->lock);
		}
	}
	pthread_mutex_unlock(&closer->lock);
	return NULL;
}

static int start_threads(struct carve_closer *closer)
{
	sigset_t all, before;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (r == 0 && closer->started < THREADS) {
		struct worker *worker = &closer->workers[closer->started];

		worker->closer = closer;
		r = -pthread_create(&worker->thread, NULL, run, worker);
		if (r == 0) {
			pthread_setname_np(worker->thread, "closer");
			closer->started++;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int carve_closer_new(struct carve_closer **ret)
{
	struct carve_closer *closer = calloc(1, sizeof(*closer));
	int r;

	if (!closer)
		return -ENOMEM;
	pthread_mutex_init(&closer->lock, NULL);
	pthread_cond_init(&closer->more, NULL);
	r = start_threads(closer);
	if (r < 0) {
		carve_closer_free(closer);
		return r;
	}
	*ret = closer;
	return 0;
}

static struct carve_closer *left_behind __attribute__((used));

/* Return: do all of them end soon? */
static bool join_threads(struct carve_closer *closer)
{
	struct timespec end;
	bool all = true;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += END_NSEC;
	end.tv_sec += end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	for (size_t i = 0; i < closer->started; i++)
		all &= pthread_timedjoin_np(closer->workers[i].thread, NULL,
					    &end) == 0;
	return all;
}

struct carve_closer *carve_closer_free(struct carve_closer *closer)
{
	if (!closer)
		return NULL;
	pthread_mutex_lock(&closer->lock);
	closer->stopping = true;
	pthread_cond_broadcast(&closer->more);
	pthread_mutex_unlock(&closer->lock);
	if (!join_threads(closer)) {
		/* It is not lost: a leak detector may know that. */
		left_behind = closer;
		return NULL;
	}
	pthread_cond_destroy(&closer->more);
	pthread_mutex_destroy(&closer->lock);
	free(closer);
	return NULL;
}

bool carve_closer_has_room(struct carve_closer *closer, uid_t uid,
			   size_t count)
{
	size_t of_user;
	bool room;

	pthread_mutex_lock(&closer->lock);
	of_user = busy_with(closer, uid);
	for (size_t i = 0; i < closer->count; i++)
		of_user += closer->entries[i].uid == uid;
	room = of_user + count <= CARVE_CLOSER_USER_MAX &&
	       count_all(closer) + count <= CARVE_CLOSER_MAX;
	pthread_mutex_unlock(&closer->lock);
	return room;
}

void carve_closer_put(struct carve_closer *closer, uid_t uid, const int *fds,
		      size_t count)
{
	pthread_mutex_lock(&closer->lock);
	assert(closer->count + count <= CARVE_CLOSER_MAX);
	for (size_t i = 0; i < count; i++)
		closer->entries[closer->count++] = (struct entry){
			.uid = uid,
			.fd = fds[i],
		};
	if (count)
		pthread_cond_signal(&closer->more);
	pthread_mutex_unlock(&closer->lock);
}
