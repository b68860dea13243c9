// SPDX-License-Identifier: MIT
/*
 * The one descriptor that event loops watch for a connection, whatever becomes of
 * its socket: an epoll instance of the socket, an eventfd for what a round trip on
 * another thread took in, and a timer for the next try to connect.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "internal.h"

#define NSEC_PER_SEC	1000000000ULL

/* Until the system may have room again for a message. */
#define UNSAID_NSEC	10000000ULL

void carve_poll_wake(struct carve_told *told)
{
	if (told->event_fd >= 0)
		eventfd_write(told->event_fd, 1);
}

static void set_timer(const struct carve_told *told, uint64_t nsec)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(nsec / NSEC_PER_SEC),
		.it_value.tv_nsec = (long)(nsec % NSEC_PER_SEC),
	};

	if (told->timer_fd >= 0)
		timerfd_settime(told->timer_fd, 0, &when, NULL);
}

void carve_poll_retry(struct carve_told *told, uint64_t nsec)
{
	set_timer(told, nsec);
}

void carve_poll_retry_unsaid(struct carve *carve)
{
	if (!carve->link.unsaid)
		return;
	pthread_mutex_lock(&carve->told.lock);
	carve_poll_retry(&carve->told, UNSAID_NSEC);
	pthread_mutex_unlock(&carve->told.lock);
}

void carve_poll_calm(struct carve_told *told)
{
	set_timer(told, 0);
}

int carve_poll_follow(struct carve_told *told, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (told->poll_fd < 0 ||
	    epoll_ctl(told->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return errno == ENOSPC ? -ENOMEM : -errno;
}

/* Not left to close(): a child of fork() may have a copy of the socket. */
void carve_poll_unfollow(struct carve_told *told, int fd)
{
	if (told->poll_fd >= 0)
		epoll_ctl(told->poll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void carve_poll_done(struct carve_told *told)
{
	close_fd(&told->poll_fd);
	close_fd(&told->event_fd);
	close_fd(&told->timer_fd);
}

static int make(struct carve *carve)
{
	struct carve_told *told = &carve->told;
	int r;

	told->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (told->poll_fd >= 0)
		told->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (told->event_fd >= 0)
		told->timer_fd = timerfd_create(CLOCK_MONOTONIC,
						TFD_CLOEXEC | TFD_NONBLOCK);
	r = told->timer_fd < 0 ? -errno : carve_poll_follow(told, told->event_fd);
	if (r == 0)
		r = carve_poll_follow(told, told->timer_fd);
	if (r == 0 && carve->fd >= 0)
		r = carve_poll_follow(told, carve->fd);
	if (r < 0) {
		carve_poll_done(told);
		return r;
	}
	if (told->broken || told->lost || told->count)
		carve_poll_wake(told);
	else if (carve->fd < 0)
		carve_poll_retry(told, 1);
	return 0;
}

int carve_get_fd(struct carve *carve)
{
	int r;

	if (!carve)
		return -EINVAL;
	pthread_mutex_lock(&carve->told.lock);
	r = carve->told.poll_fd < 0 ? make(carve) : 0;
	if (r == 0)
		r = carve->told.poll_fd;
	pthread_mutex_unlock(&carve->told.lock);
	return r;
}
