// SPDX-License-Identifier: MIT
/*
 * A connection: made, and used for one round trip at a time. What a restart of the
 * daemon leaves unanswered is asked again; a peer that is not what it should be is
 * given up for good.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

/*
 * A request that every daemon dies of comes to an end; one that waits while many
 * die of something else goes on, for it may see any number of them.
 */
#define RESTARTS_MAX		16U
#define RESTARTS_WAITING_MAX	1000U

/* Of exchange(): the daemon was restarted, or the socket is gone. */
#define ASK_AGAIN		1

int carve_connection_fail(struct carve *carve)
{
	pthread_mutex_lock(&carve->lock);
	carve_link_break(carve);
	pthread_mutex_unlock(&carve->lock);
	return -EPROTO;
}

int carve_hold(struct carve *carve)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&carve->lock);
	return state;
}

void carve_let_go(struct carve *carve, int state)
{
	pthread_mutex_unlock(&carve->lock);
	pthread_setcancelstate(state, NULL);
}

/* ---- what kind of request it is ------------------------------------------ */

/* Return: its timeout; NULL for one that never waits. */
static uint64_t *timeout_of(struct carve_wire_header *request)
{
	if (request->type == CARVE_MSG_ALLOC)
		return &((struct carve_wire_alloc *)request)->timeout_nsec;
	if (request->type == CARVE_MSG_RESERVE)
		return &((struct carve_wire_reserve *)request)->timeout_nsec;
	return NULL;
}

/* Is it about a reservation that was granted before? */
static bool needs_reservation(const struct carve_wire_header *request)
{
	if (request->type == CARVE_MSG_ALLOC)
		return ((const struct carve_wire_alloc *)request)->reservation;
	if (request->type == CARVE_MSG_RESERVE)
		return ((const struct carve_wire_reserve *)request)->reservation;
	return false;
}

/* Does it grant something that is there until it is given back? */
static bool may_grant(const struct carve_wire_header *request)
{
	const struct carve_wire_reserve *reserve = (const void *)request;

	return request->type == CARVE_MSG_RESERVE &&
	       (reserve->count || !reserve->reservation);
}

/* ---- round trips --------------------------------------------------------- */

/* Errors of sending alone: nothing was sent and nothing is lost. */
static bool harmless(int r)
{
	return r == -ENOMEM || r == -EBADF || r == -ETOOMANYREFS;
}

/* What came before the daemon went; no answer is due. */
static void drain(struct carve *carve, struct carve_reply *message)
{
	ssize_t length;

	do {
		length = carve_wire_receive(carve->fd, MSG_DONTWAIT, message);
		if (length > 0)
			carve_told_keep(carve, message, length);
		carve_reply_done(message);
	} while (length > 0);
}

/*
 * Other messages than the reply may come before it. Receiving may fail for reasons
 * of this side, too: a reply may still come, which the next request would take for
 * its own, so this socket is done with in any case.
 *
 * Return: 0; ASK_AGAIN; -EPROTO.
 */
static int receive_reply(struct carve *carve,
			 const struct carve_wire_header *request,
			 struct carve_reply *ret)
{
	ssize_t length;
	int r;

	do {
		length = carve_wire_receive(carve->fd, 0, ret);
		r = length > 0 ? carve_told_keep(carve, ret, length) : 0;
	} while (r > 0);
	if (r == 0 && length > 0) {
		r = carve_link_take(carve, ret, length, 0);
		if (r > 0)
			return ASK_AGAIN;
		if (r == 0 && carve_wire_is_reply(ret, length, request))
			return 0;
	}

	carve_reply_done(ret);
	if (length == -EPROTO || (length > 0 && r != -ECONNRESET))
		return -EPROTO;
	carve_link_lose(carve);
	return ASK_AGAIN;
}

/* Return: as receive_reply(); -ENOMEM, -EBADF, -ETOOMANYREFS (nothing was sent). */
static int exchange(struct carve *carve, struct carve_wire_header *request,
		    int fd, struct carve_reply *ret)
{
	int r;

	ret->fd_count = 0;
	ret->fds_lost = false;
	r = carve_wire_send(carve->fd, request, fd, 0);
	if (r == 0) {
		if (timeout_of(request))
			carve_cancel_sent(carve, request->id);
		return receive_reply(carve, request, ret);
	}
	if (harmless(r))
		return r;
	drain(carve, ret);
	carve_link_lose(carve);
	return ASK_AGAIN;
}

/* What is left of a timeout: never so little that it would mean not to wait. */
static uint64_t what_is_left(uint64_t timeout_nsec, uint64_t since_nsec)
{
	uint64_t elapsed;

	if (!timeout_nsec || timeout_nsec == CARVE_WIRE_FOREVER)
		return timeout_nsec;
	elapsed = carve_now_nsec() - since_nsec;
	return elapsed < timeout_nsec ? timeout_nsec - elapsed : 1;
}

/* It was sent, and nobody waits for its answer any more. Return: @r. */
static int give_up(struct carve *carve, const struct carve_wire_header *request,
		   int r)
{
	if (may_grant(request)) {
		carve->link.unheard = (struct carve_unheard){ .id = request->id };
		carve_link_owe(carve);
	}
	return r;
}

/* Return: as carve_call_held(), the reply's status not looked at. */
static int ask(struct carve *carve, struct carve_wire_header *request, int fd,
	       struct carve_reply *ret)
{
	struct carve_patience patience = { .left_nsec = carve_patience_nsec };
	uint64_t *timeout_nsec = timeout_of(request);
	uint64_t wanted_nsec = timeout_nsec ? *timeout_nsec : 0;
	uint64_t since_nsec = wanted_nsec ? carve_now_nsec() : 0;
	unsigned int max = wanted_nsec ? RESTARTS_WAITING_MAX : RESTARTS_MAX;
	uint64_t generation = carve->link.generation;
	int r;

	for (unsigned int restarts = 0; restarts <= max; restarts++) {
		r = carve_link_ready(carve, &patience, ret);
		if (r < 0)
			return restarts ? give_up(carve, request, r) : r;
		if (carve->link.generation != generation &&
		    needs_reservation(request))
			return -ESTALE;
		if (restarts && wanted_nsec) {
			*timeout_nsec = what_is_left(wanted_nsec, since_nsec);
			patience.left_nsec = carve_patience_nsec;
		}
		r = exchange(carve, request, fd, ret);
		if (r != ASK_AGAIN)
			return restarts && harmless(r) ?
				give_up(carve, request, r) : r;
	}
	return give_up(carve, request, -ECONNRESET);
}

int carve_settle(struct carve *carve)
{
	struct carve_patience patience = { .left_nsec = carve_patience_nsec };
	struct carve_reply message;

	return carve->link.unheard.id ?
		carve_link_ready(carve, &patience, &message) : 0;
}

int carve_call_held(struct carve *carve, struct carve_wire_header *request,
		    int fd, size_t fds, struct carve_reply *ret)
{
	int r;

	request->status = 0;
	request->id = ++carve->last_id;
	if (timeout_of(request))
		carve_cancel_begin(carve, request->id);
	r = ask(carve, request, fd, ret);
	carve_cancel_end(carve);
	if (r < 0) {
		if (r == -EPROTO)
			carve_link_break(carve);
		return r;
	}
	if (ret->header.status < 0)
		return ret->header.status;
	if (ret->fd_count == fds && !ret->fds_lost)
		return 0;

	carve_reply_done(ret);
	if (ret->fds_lost && fds)
		return -EMFILE;
	carve_link_break(carve);
	return -EPROTO;
}

int carve_call(struct carve *carve, struct carve_wire_header *request, int fd,
	       size_t fds, struct carve_reply *ret)
{
	int state = carve_hold(carve);
	int r = carve_call_held(carve, request, fd, fds, ret);

	carve_let_go(carve, state);
	return r;
}

/* ---- begin and end ------------------------------------------------------- */

static const char *default_path(void)
{
	const char *path = secure_getenv("CARVE_SOCKET");

	return path && *path ? path : CARVE_DEFAULT_SOCKET;
}

/* The first connection: who is not there is told apart at once. */
static int connect_first(struct carve *carve)
{
	struct carve_patience patience = { .left_nsec = carve_patience_nsec };
	struct carve_reply message;
	int state, r;

	state = carve_hold(carve);
	r = carve_link_open(carve, true);
	if (r == 0) {
		if (carve_link_hello(carve) < 0)
			carve_link_lose(carve);
		r = carve_link_ready(carve, &patience, &message);
	}
	carve_let_go(carve, state);
	return r;
}

int carve_new(struct carve **ret, const char *socket_path)
{
	struct carve *carve;
	int r;

	if (!ret || (socket_path && !*socket_path))
		return -EINVAL;
	if (!socket_path)
		socket_path = default_path();

	carve = calloc(1, sizeof(*carve));
	if (!carve)
		return -ENOMEM;
	if (strlen(socket_path) >= sizeof(carve->link.address.sun_path)) {
		free(carve);
		return -ENAMETOOLONG;
	}
	carve->link.address.sun_family = AF_UNIX;
	strcpy(carve->link.address.sun_path, socket_path);
	carve->fd = -1;
	carve->cancelling.fd = -1;
	carve->told.poll_fd = carve->told.event_fd = carve->told.timer_fd = -1;
	pthread_mutex_init(&carve->lock, NULL);
	pthread_mutex_init(&carve->told.lock, NULL);

	r = connect_first(carve);
	if (r < 0) {
		carve_free(carve);
		return r;
	}
	*ret = carve;
	return 0;
}

struct carve *carve_free(struct carve *carve)
{
	if (!carve)
		return NULL;
	/* No lock is taken: in the child of a fork() one may be held for ever. */
	if (carve->fd >= 0)
		close(carve->fd);
	carve_poll_done(&carve->told);
	pthread_mutex_destroy(&carve->told.lock);
	pthread_mutex_destroy(&carve->lock);
	free(carve);
	return NULL;
}
