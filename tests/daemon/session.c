// SPDX-License-Identifier: MIT
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_message(struct session *session, uint16_t type, void *message,
			 size_t bytes, uint64_t id)
{
	struct carve_wire_header *header = message;

	*header = (struct carve_wire_header){
		.bytes = (uint32_t)bytes, .type = type, .id = id,
	};
	assert_int_equal(raw_send(session->fd, message, bytes, -1, 0), 0);
}

void session_ask_again(struct session *session, uint16_t type, void *message,
		       size_t bytes, uint64_t id)
{
	send_message(session, type, message, bytes, id);
}

void session_ask(struct session *session, uint16_t type, void *message, size_t bytes)
{
	send_message(session, type, message, bytes, ++session->id);
}

/* Of descriptors the first is kept. */
static void take_descriptors(struct session *session, struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	size_t count;
	int fd;

	if (!part)
		return;
	count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
		if (i == 0)
			session->buffer = fd;
		else
			close(fd);
	}
}

int session_receive(struct session *session, uint16_t type, void *message,
		    size_t bytes)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(CARVE_WIRE_ALLOC_MAX * sizeof(int))];
	} control;
	struct pollfd pollfd = { .fd = session->fd, .events = POLLIN };
	struct iovec part = { message, bytes };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	const struct carve_wire_header *header = message;
	ssize_t n;

	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	n = recvmsg(session->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < (ssize_t)sizeof(*header))
		fail_msg("hung up on, or an error: %zd", n);
	take_descriptors(session, &msg);
	assert_int_equal(header->type, type);
	return header->status;
}

void session_expect_silence(struct session *session)
{
	struct pollfd pollfd = { .fd = session->fd, .events = POLLIN };

	assert_int_equal(poll(&pollfd, 1, 100), 0);
}

struct session session_new(const struct daemon *daemon)
{
	struct session session = { .fd = raw_connect(daemon), .buffer = -1 };
	struct carve_wire_hello hello = {
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};
	struct carve_wire_hello_reply reply;

	session_ask(&session, CARVE_MSG_HELLO, &hello, sizeof(hello));
	assert_int_equal(session_receive(&session, CARVE_MSG_HELLO, &reply,
					 sizeof(reply)), 0);
	assert_int_not_equal(reply.client, 0);
	session.epoch = reply.epoch;
	session.client = reply.client;
	memcpy(session.secret, reply.secret, sizeof(reply.secret));
	return session;
}

void session_connect_again(struct session *session, const struct daemon *daemon)
{
	struct session other = session_new(daemon);

	close(session->fd);
	session->fd = other.fd;
	session->epoch = other.epoch;
	session->id = other.id > session->id ? other.id : session->id;
}

void session_free(struct session *session)
{
	close(session->fd);
	if (session->buffer >= 0)
		close(session->buffer);
}

void session_expect_epoch(struct session *session)
{
	struct carve_wire_epoch epoch;

	assert_int_equal(session_receive(session, CARVE_MSG_EPOCH, &epoch,
					 sizeof(epoch)), 0);
	assert_int_equal(epoch.header.bytes, sizeof(epoch));
	assert_int_equal(epoch.header.id, 0);
	assert_true(epoch.epoch > session->epoch);
	session->epoch = epoch.epoch;
}

uint32_t session_resume(struct session *session)
{
	struct carve_wire_resume resume = {
		.epoch = session->epoch, .client = session->client,
	};
	struct carve_wire_resume_reply reply;

	memcpy(resume.secret, session->secret, sizeof(resume.secret));
	session_ask(session, CARVE_MSG_RESUME, &resume, sizeof(resume));
	assert_int_equal(session_receive(session, CARVE_MSG_RESUME, &reply,
					 sizeof(reply)), 0);
	assert_int_equal(reply.header.bytes, sizeof(reply));
	assert_int_equal(reply.header.id, session->id);
	session->client = reply.client;
	memcpy(session->secret, reply.secret, sizeof(reply.secret));
	return reply.flags;
}

void session_go_on(struct session *session)
{
	uint64_t client = session->client;

	session_expect_epoch(session);
	assert_int_equal(session_resume(session), 0);
	assert_int_equal(session->client, client);
}

struct carve_wire_region session_region(struct session *session)
{
	struct {
		struct carve_wire_regions_reply reply;
		struct carve_wire_region item;
	} answer;
	struct carve_wire_header regions;

	session_ask(session, CARVE_MSG_REGIONS, &regions, sizeof(regions));
	assert_int_equal(session_receive(session, CARVE_MSG_REGIONS, &answer,
					 sizeof(answer)), 0);
	assert_int_equal(answer.reply.header.id, session->id);
	return answer.item;
}

void session_expect_served(struct session *session)
{
	session_region(session);
}

/* ---- requests ------------------------------------------------------------ */

uint64_t session_reserve_again(struct session *session, uint64_t bytes, uint64_t id)
{
	struct {
		struct carve_wire_reserve reserve;
		struct carve_wire_class class;
	} request = {
		.reserve.count = 1,
		.class = { .bytes = bytes, .count = 1 },
	};
	struct {
		struct carve_wire_reserve_reply reply;
		struct carve_wire_class class;
	} answer;

	session_ask_again(session, CARVE_MSG_RESERVE, &request, sizeof(request), id);
	assert_int_equal(session_receive(session, CARVE_MSG_RESERVE, &answer,
					 sizeof(answer)), 0);
	assert_int_equal(answer.reply.header.id, id);
	assert_int_equal(answer.reply.count, 1);
	assert_int_equal(answer.class.bytes, bytes);
	return answer.reply.reservation;
}

uint64_t session_reserve(struct session *session, uint64_t bytes)
{
	return session_reserve_again(session, bytes, ++session->id);
}

unsigned int session_count_reservations(struct session *session)
{
	struct {
		struct carve_wire_reservations_reply reply;
		struct carve_wire_reservation items[CARVE_WIRE_LIST_MAX];
	} answer;
	struct carve_wire_reservations request = { .cursor = 0 };

	session_ask(session, CARVE_MSG_RESERVATIONS, &request, sizeof(request));
	assert_int_equal(session_receive(session, CARVE_MSG_RESERVATIONS, &answer,
					 sizeof(answer)), 0);
	assert_int_equal(answer.reply.cursor, 0);
	return answer.reply.count;
}

void session_ask_buffer_again(struct session *session, uint64_t bytes,
			      uint64_t timeout_nsec, uint64_t id)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item item;
	} request = {
		.alloc = { .count = 1, .timeout_nsec = timeout_nsec },
		.item = { .bytes = bytes },
	};

	session_ask_again(session, CARVE_MSG_ALLOC, &request, sizeof(request), id);
}

void session_ask_buffer(struct session *session, uint64_t bytes,
			uint64_t timeout_nsec)
{
	session_ask_buffer_again(session, bytes, timeout_nsec, ++session->id);
}

int session_receive_buffer(struct session *session)
{
	char reply[CARVE_WIRE_MAX];

	return session_receive(session, CARVE_MSG_ALLOC, reply, sizeof(reply));
}
