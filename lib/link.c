// SPDX-License-Identifier: MIT
/* The socket of a connection: opened, lost and opened again. */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

static int connect_to(const struct sockaddr_un *address, bool wait)
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK);
	int fd = socket(AF_UNIX, type, 0);
	int r;

	if (fd < 0)
		return -errno;
	do
		r = connect(fd, (const struct sockaddr *)address,
			    sizeof(*address));
	while (r < 0 && errno == EINTR);
	/* Only connecting does not wait. */
	if (r == 0 && !wait)
		r = fcntl(fd, F_SETFL, 0);
	if (r < 0) {
		/* A socket of another kind is not carved's. */
		r = errno == EPROTOTYPE ? -EPROTO : -errno;
		close(fd);
		return r;
	}
	return fd;
}

int carve_link_open(struct carve *carve, bool wait)
{
	int fd = connect_to(&carve->link.address, wait);
	int r;

	if (fd < 0)
		return fd;
	pthread_mutex_lock(&carve->told.lock);
	r = carve_poll_follow(&carve->told, fd);
	if (r == 0) {
		carve->fd = fd;
		/* From now on the socket says when there is something. */
		carve_poll_calm(&carve->told);
	}
	pthread_mutex_unlock(&carve->told.lock);
	if (r < 0) {
		close(fd);
		return r;
	}
	carve->link.greeted = false;
	carve->link.epoch = 0;
	return 0;
}

static void close_socket(struct carve *carve, bool broken)
{
	struct carve_told *told = &carve->told;

	carve_cancel_stop(carve);
	pthread_mutex_lock(&told->lock);
	if (carve->fd >= 0) {
		carve_poll_unfollow(told, carve->fd);
		close(carve->fd);
		carve->fd = -1;
	}
	told->broken |= broken;
	if (broken)
		carve_poll_wake(told);
	else
		carve_poll_retry(told, carve_pause_nsec(carve->link.lost_nsec));
	pthread_mutex_unlock(&told->lock);
}

void carve_link_lose(struct carve *carve)
{
	if (!carve->link.lost_nsec)
		carve->link.lost_nsec = carve_now_nsec();
	carve->link.stage = CARVE_STAGE_NONE;
	carve->link.unsaid = false;
	/* What is made anew knows nothing of this client. */
	carve->link.again = carve->link.watch = true;
	close_socket(carve, false);
}

void carve_link_break(struct carve *carve)
{
	carve->link.stage = CARVE_STAGE_BROKEN;
	carve->link.unsaid = false;
	close_socket(carve, true);
}
