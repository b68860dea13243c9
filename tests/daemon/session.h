/* SPDX-License-Identifier: MIT */
/*
 * A client without the library that lives through restarts of the daemon, and does
 * so in every order. Everything here fails the test at hand when it does not work.
 */
#ifndef CARVE_TESTS_SESSION_H
#define CARVE_TESTS_SESSION_H

#include "raw.h"

/**
 * struct session - a connection that was greeted
 * @epoch, @client, @secret: as the daemon said
 * @id: of the last request
 * @buffer: descriptor of the buffer that came last, -1 for none; the test's to close
 */
struct session {
	int fd;
	uint64_t epoch;
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
	uint64_t id;
	int buffer;
};

/* Connect and say HELLO. */
struct session session_new(const struct daemon *daemon);

/* The same for who has lost its connection, and is to session_resume() next. */
void session_connect_again(struct session *session, const struct daemon *daemon);
void session_free(struct session *session);

/*
 * Send a message of this type with the next id, or with one that was used before.
 * The header is filled in.
 */
void session_ask(struct session *session, uint16_t type, void *message, size_t bytes);
void session_ask_again(struct session *session, uint16_t type, void *message,
		       size_t bytes, uint64_t id);

/* The next message, which has to be of this type. Return: its status. */
int session_receive(struct session *session, uint16_t type, void *message,
		    size_t bytes);

/* Nothing comes within a tenth of a second. */
void session_expect_silence(struct session *session);

/* EPOCH, which has to be the next message and above the one before. */
void session_expect_epoch(struct session *session);

/* RESUME, as whoever the session says it is. Return: the flags. */
uint32_t session_resume(struct session *session);

/* session_expect_epoch() and session_resume(), which has to lose nothing. */
void session_go_on(struct session *session);

/* Does it answer? */
void session_expect_served(struct session *session);

/* ---- requests ------------------------------------------------------------ */

/* RESERVE one class of one buffer. Return: number of the reservation. */
uint64_t session_reserve(struct session *session, uint64_t bytes);

/* The same with an id that was used. */
uint64_t session_reserve_again(struct session *session, uint64_t bytes, uint64_t id);

/* How many reservations there are, of anybody. */
unsigned int session_count_reservations(struct session *session);

/* Ask for a buffer; the answer is not waited for. */
void session_ask_buffer(struct session *session, uint64_t bytes,
			uint64_t timeout_nsec);
void session_ask_buffer_again(struct session *session, uint64_t bytes,
			      uint64_t timeout_nsec, uint64_t id);

/* The answer. Return: its status. */
int session_receive_buffer(struct session *session);

/* Figures of the first region. */
struct carve_wire_region session_region(struct session *session);

#endif /* CARVE_TESTS_SESSION_H */
