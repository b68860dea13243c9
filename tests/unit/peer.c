// SPDX-License-Identifier: MIT
/* See peer.h. Runs on a thread of its own, so it aborts where a test asserts. */
#include "peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../scratch.h"

#define require(what) do {						\
	if (!(what)) {							\
		fprintf(stderr, "peer: %s:%d: %s: %m\n", __func__,	\
			__LINE__, #what);				\
		abort();						\
	}								\
} while (0)

int peer_memfd(uint64_t bytes, bool sealed)
{
	int fd = memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	require(fd >= 0);
	require(ftruncate(fd, bytes) == 0);
	if (sealed)
		require(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
			      F_SEAL_SEAL) == 0);
	return fd;
}

unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	require(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + PEER_PAGE - 1) & ~(uint64_t)(PEER_PAGE - 1);
}

static void answer_alloc(struct peer *peer, struct peer_answer *answer)
{
	const struct carve_wire_alloc *request = &peer->last.alloc;
	struct carve_wire_alloc_reply *reply = &answer->message.alloc;

	reply->count = request->count;
	for (uint32_t i = 0; i < request->count; i++) {
		reply->items[i].id = i + 1;
		reply->items[i].bytes = request->reservation ?
			peer->class_bytes[request->items[i].class] :
			whole_pages(request->items[i].bytes);
		answer->fds[i] = peer_memfd(reply->items[i].bytes, true);
	}
	answer->fd_count = request->count;
	answer->length = sizeof(*reply) + reply->count * sizeof(reply->items[0]);
}

/* A claim is one of a class, a change keeps the number. */
static void answer_reserve(struct peer *peer, struct peer_answer *answer)
{
	const struct carve_wire_reserve *request = &peer->last.reserve;
	struct carve_wire_reserve_reply *reply = &answer->message.reserve;

	reply->reservation = request->reservation ? request->reservation : 42;
	reply->count = request->count;
	for (uint32_t i = 0; i < request->count; i++) {
		reply->classes[i] = request->classes[i];
		reply->classes[i].bytes = whole_pages(request->classes[i].bytes);
	}
	if (request->flags & CARVE_WIRE_RESERVE_CLAIM) {
		reply->count = 1;
		reply->classes[0] = (struct carve_wire_class){
			.bytes = PEER_PAGE, .count = 3,
		};
	}
	for (uint32_t i = 0; i < reply->count; i++)
		peer->class_bytes[i] = reply->classes[i].bytes;
	answer->length = sizeof(*reply) + reply->count * sizeof(reply->classes[0]);
}

static void answer_reservations(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_reservations_reply *reply = &answer->message.reservations;
	uint64_t at = peer->last.reservations.cursor;

	for (; reply->count < CARVE_WIRE_LIST_MAX && at < peer->reservations; at++) {
		struct carve_wire_reservation *item = &reply->items[reply->count++];

		item->id = at + 1;
		item->bytes = 2 * PEER_PAGE;
		item->live_bytes = PEER_PAGE;
		item->flags = CARVE_RESERVATION_KNOWN;
		item->uid = 1000;
		item->pid = 4711;
		item->slots = 2;
		item->live = 1;
		strcpy(item->region, "region0");
		strcpy(item->name, "film");
	}
	reply->cursor = at < peer->reservations ? at : 0;
	answer->length = sizeof(*reply) + reply->count * sizeof(reply->items[0]);
}

static void answer_regions(struct peer_answer *answer)
{
	struct carve_wire_regions_reply *reply = &answer->message.regions;

	reply->count = 2;
	reply->clients = 3;
	for (uint32_t i = 0; i < reply->count; i++) {
		struct carve_wire_region *region = &reply->items[i];

		region->page_bytes = PEER_PAGE;
		region->flags = i ? 0 : CARVE_REGION_DEFAULT | CARVE_REGION_SIMULATED;
		snprintf(region->label, sizeof(region->label), "region%u", i);
		region->bytes = 64 << 20;
		region->free_bytes = 60 << 20;
		region->largest_bytes = 50 << 20;
		region->dirty_bytes = 1 << 20;
		region->live_bytes = 3 << 20;
		region->buffers = 7;
	}
	answer->length = sizeof(*reply) + reply->count * sizeof(reply->items[0]);
}

static void fill_buffer(struct carve_wire_buffer *buffer, uint64_t id)
{
	buffer->id = id;
	buffer->bytes = PEER_PAGE;
	buffer->offset = id * PEER_PAGE;
	buffer->flags = CARVE_BUFFER_OWNER_KNOWN | CARVE_BUFFER_OFFSET_KNOWN;
	buffer->uid = 1000;
	buffer->pid = 4711;
	strcpy(buffer->region, "region0");
	snprintf(buffer->name, sizeof(buffer->name), "frame %llu",
		 (unsigned long long)id);
}

static void answer_list(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_list_reply *reply = &answer->message.list;
	uint64_t at = peer->last.list.cursor;

	while (reply->count < CARVE_WIRE_LIST_MAX && at < peer->buffers)
		fill_buffer(&reply->items[reply->count++], ++at);
	reply->cursor = at < peer->buffers ? at : 0;
	answer->length = sizeof(*reply) + reply->count * sizeof(reply->items[0]);
}

static void answer_hello(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_hello_reply *reply = &answer->message.hello;

	reply->version = peer->last.hello.version_max;
	reply->epoch = peer->epoch;
	reply->client = PEER_CLIENT;
	memset(reply->secret, PEER_CLIENT, sizeof(reply->secret));
	answer->length = sizeof(*reply);
	peer->hellos++;
}

/* One that names another epoch was for another peer. */
static void answer_resume(struct peer *peer, struct peer_answer *answer)
{
	const struct carve_wire_resume *request = &peer->last.resume;
	struct carve_wire_resume_reply *reply = &answer->message.resume;

	for (size_t i = 0; i < sizeof(request->secret); i++)
		require(request->secret[i] == (request->client ? PEER_CLIENT : 0));
	require(request->client == 0 || request->client == PEER_CLIENT);
	answer->silent = request->epoch != peer->epoch;
	peer->resync &= answer->silent;
	reply->flags = peer->resume_flags;
	reply->client = request->client;
	memcpy(reply->secret, request->secret, sizeof(reply->secret));
	answer->length = sizeof(*reply);
	peer->resumes++;
}

static void make_answer(struct peer *peer, struct peer_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	switch (peer->last.header.type) {
	case CARVE_MSG_HELLO:
		answer_hello(peer, answer);
		break;
	case CARVE_MSG_RESUME:
		answer_resume(peer, answer);
		break;
	case CARVE_MSG_CANCEL:
		answer->silent = true;
		peer->cancels++;
		break;
	case CARVE_MSG_ALLOC:
		answer_alloc(peer, answer);
		break;
	case CARVE_MSG_REGIONS:
		answer_regions(answer);
		break;
	case CARVE_MSG_LIST:
		answer_list(peer, answer);
		break;
	case CARVE_MSG_RESERVE:
		answer_reserve(peer, answer);
		break;
	case CARVE_MSG_RESERVATIONS:
		answer_reservations(peer, answer);
		break;
	case CARVE_MSG_QUERY:
		fill_buffer(&answer->message.query.buffer, 1);
		answer->length = sizeof(answer->message.query);
		break;
	case CARVE_MSG_WATCH:
		peer->watches++;
		answer->length = sizeof(answer->message.header);
		break;
	default:
		require(!"a message that the library does not send");
	}
	answer->message.header.bytes = answer->length;
	answer->message.header.type = peer->last.header.type;
	answer->message.header.id = peer->last.header.id;
}

void peer_send(struct peer *peer, struct peer_answer *answer)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PEER_FDS)];
	} control = { 0 };
	struct iovec iov = { answer->message.raw, answer->length };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (answer->fd_count) {
		size_t bytes = answer->fd_count * sizeof(int);
		struct cmsghdr *cmsg;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(cmsg), answer->fds, bytes);
	}
	if (!answer->hang_up && !answer->silent)
		require(sendmsg(peer->socket, &msg, MSG_NOSIGNAL) >= 0 ||
			errno == EPIPE);
	for (size_t i = 0; i < answer->fd_count; i++)
		close(answer->fds[i]);
	answer->fd_count = 0;
}

void peer_epoch(struct peer *peer)
{
	struct carve_wire_epoch epoch = {
		.header.bytes = sizeof(epoch),
		.header.type = CARVE_MSG_EPOCH,
		.epoch = ++peer->epoch,
	};

	peer->resync = true;
	require(send(peer->socket, &epoch, sizeof(epoch), MSG_NOSIGNAL) > 0);
}

static bool is_counted_apart(uint16_t type)
{
	return type == CARVE_MSG_HELLO || type == CARVE_MSG_RESUME ||
	       type == CARVE_MSG_CANCEL || type == CARVE_MSG_WATCH;
}

/* Return: whether there was a request, of a proper header. */
static bool receive_request(struct peer *peer)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { peer->last.raw, sizeof(peer->last.raw) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t length;

	do
		length = recvmsg(peer->socket, &msg, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length <= 0)
		return false;
	require((size_t)length == peer->last.header.bytes);
	require(!peer->last.header.status);

	cmsg = CMSG_FIRSTHDR(&msg);
	require(!cmsg == (peer->last.header.type != CARVE_MSG_QUERY));
	if (cmsg) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		close(fd);
		peer->last_fds++;
	}
	return true;
}

static void serve(struct peer *peer)
{
	void (*spoil)(struct peer *peer, struct peer_answer *answer);
	struct peer_answer answer;

	while (receive_request(peer)) {
		bool hello = peer->last.header.type == CARVE_MSG_HELLO ||
			     peer->last.header.type == CARVE_MSG_RESUME;

		if (peer->resync && peer->last.header.type != CARVE_MSG_RESUME)
			continue;
		if (!is_counted_apart(peer->last.header.type))
			peer->requests++;
		make_answer(peer, &answer);
		/* Once: the test's thread may change it. */
		spoil = peer->spoil;
		if (spoil && (!hello || peer->spoil_hello))
			spoil(peer, &answer);
		peer_send(peer, &answer);
		peer->answers++;
		if (answer.hang_up)
			break;
	}
}

/* Its number may be anything's once it is closed: peer_kill() must not see it. */
static void hang_up(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	close(peer->socket);
	peer->socket = -1;
	pthread_mutex_unlock(&peer->lock);
}

static void *peer_run(void *data)
{
	struct peer *peer = data;

	for (;;) {
		int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EINTR)
			return NULL;
		if (fd < 0)
			continue;
		peer->resync = false;
		peer->socket = fd;
		serve(peer);
		hang_up(peer);
	}
}

static void listen_at(struct peer *peer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, peer->path);
	peer->epoch++;
	peer->socket = -1;
	peer->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	require(peer->listener >= 0);
	require(bind(peer->listener, (struct sockaddr *)&address,
		     sizeof(address)) == 0);
	require(listen(peer->listener, 8) == 0);
	require(pthread_create(&peer->thread, NULL, peer_run, peer) == 0);
}

void peer_start(struct peer *peer)
{
	snprintf(peer->dir, sizeof(peer->dir), "%s/carve-peer-XXXXXX",
		 scratch_folder());
	require(mkdtemp(peer->dir));
	snprintf(peer->path, sizeof(peer->path), "%s/socket", peer->dir);
	pthread_mutex_init(&peer->lock, NULL);
	listen_at(peer);
}

void peer_start_again(struct peer *peer)
{
	unlink(peer->path);
	listen_at(peer);
}

void peer_kill(struct peer *peer)
{
	shutdown(peer->listener, SHUT_RDWR);
	while (pthread_tryjoin_np(peer->thread, NULL) != 0) {
		pthread_mutex_lock(&peer->lock);
		if (peer->socket >= 0)
			shutdown(peer->socket, SHUT_RDWR);
		pthread_mutex_unlock(&peer->lock);
		usleep(200);
	}
	close(peer->listener);
}

void peer_stop(struct peer *peer)
{
	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->listener);
	unlink(peer->path);
	rmdir(peer->dir);
}

struct carve *peer_connect(struct peer *peer)
{
	struct carve *carve = NULL;

	peer_start(peer);
	assert_int_equal(carve_new(&carve, peer->path), 0);
	assert_non_null(carve);
	return carve;
}
