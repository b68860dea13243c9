/* SPDX-License-Identifier: MIT */
/*
 * A client without the library, for what the library would never do.
 */
#ifndef CARVE_TESTS_RAW_H
#define CARVE_TESTS_RAW_H

#include "fixture.h"
#include "protocol.h"

/* More descriptors than any message may carry. */
#define RAW_FDS_MAX 253

/* A connection; nothing said yet. It blocks, but for no longer than 2 * PATIENCE. */
int raw_connect(const struct daemon *daemon);

/* A connection that was greeted. */
int raw_client(const struct daemon *daemon);

/*
 * Send one packet with @count times the descriptor @fd.
 *
 * Return: 0 or a negative errno; never waits.
 */
int raw_send(int socket, const void *packet, size_t bytes, int fd, size_t count);

/* An ALLOC for one buffer of @bytes. Return: as raw_send(). */
int raw_request_buffer(int socket, uint64_t bytes, uint64_t alignment);

/*
 * The next packet of the daemon, its descriptors closed.
 *
 * Return: its length; 0: it hung up; -EAGAIN: nothing within @timeout_ms.
 */
ssize_t raw_receive(int socket, void *packet, size_t bytes, int timeout_ms);

/* The daemon ends this connection, and says nothing else before. */
void raw_expect_hangup(int socket);

#endif /* CARVE_TESTS_RAW_H */
