/* SPDX-License-Identifier: MIT */
/*
 * The other end of a libcarve connection, under the test's control: it answers
 * correctly unless told to spoil an answer. It is how a hostile or broken
 * daemon is made; tests of the real one are in tests/daemon.
 */
#ifndef CARVE_TESTS_PEER_H
#define CARVE_TESTS_PEER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>

#include <carve.h>
#include "protocol.h"

/* The library's own: how long a call goes on without a connection. */
extern uint64_t carve_patience_nsec;

#define PEER_MSEC	1000000ULL

#define PEER_FDS	253
#define PEER_PAGE	4096

/**
 * struct peer_answer - what is about to be sent
 * @message: its bytes, of which @length are sent
 * @fds: sent with it and closed afterwards
 * @hang_up: close the connection instead
 * @silent: say nothing
 */
struct peer_answer {
	union {
		uint8_t raw[2 * CARVE_WIRE_MAX];
		struct carve_wire_header header;
		struct carve_wire_hello_reply hello;
		struct carve_wire_alloc_reply alloc;
		struct carve_wire_refusal refusal;
		struct carve_wire_regions_reply regions;
		struct carve_wire_list_reply list;
		struct carve_wire_query_reply query;
		struct carve_wire_reserve_reply reserve;
		struct carve_wire_reservations_reply reservations;
		struct carve_wire_resume_reply resume;
	} message;
	size_t length;
	int fds[PEER_FDS];
	size_t fd_count;
	bool hang_up;
	bool silent;
};

/**
 * struct peer - the other end
 * @path: of its socket
 * @spoil: NULL, or changes an answer before it is sent; runs on the peer's
 *	thread
 * @spoil_hello: spoil the answers to HELLO and RESUME too
 * @buffers: how many CARVE_MSG_LIST tells of
 * @reservations: how many CARVE_MSG_RESERVATIONS tells of
 * @class_bytes: of what was reserved last
 * @epoch: what it says to be; peer_epoch()
 * @resync: whatever is read is dropped, until CARVE_MSG_RESUME names @epoch
 * @resume_flags: of its answers to CARVE_MSG_RESUME
 * @hellos, @resumes, @cancels, @watches: received so far, by type
 * @requests: all others
 * @answers: how many messages it is done with
 * @last: the last request received
 * @last_fds: descriptors received in all
 */
struct peer {
	char dir[32];
	char path[64];
	int listener;
	_Atomic int socket;
	pthread_mutex_t lock;
	pthread_t thread;
	void (*_Atomic spoil)(struct peer *peer, struct peer_answer *answer);
	bool spoil_hello;
	uint64_t buffers;
	uint64_t epoch;
	_Atomic bool resync;
	_Atomic uint32_t resume_flags;
	_Atomic unsigned int hellos;
	_Atomic unsigned int resumes;
	_Atomic unsigned int cancels;
	_Atomic unsigned int watches;
	_Atomic unsigned int requests;
	_Atomic unsigned int answers;
	union {
		uint8_t raw[CARVE_WIRE_MAX];
		struct carve_wire_header header;
		struct carve_wire_hello hello;
		struct carve_wire_resume resume;
		struct carve_wire_cancel cancel;
		struct carve_wire_alloc alloc;
		struct carve_wire_list list;
		struct carve_wire_reserve reserve;
		struct carve_wire_reservations reservations;
	} last;
	uint64_t class_bytes[CARVE_WIRE_CLASSES_MAX];
	uint64_t reservations;
	unsigned int last_fds;
};

/* Start the peer; set its members before. Serves connections one by one. */
void peer_start(struct peer *peer);

/* Wait until its connection is closed and stop it. */
void peer_stop(struct peer *peer);

/* It dies, and its connection with it; the file of its socket stays. */
void peer_kill(struct peer *peer);

/* Another one at the same path, a later epoch; its members may be set before. */
void peer_start_again(struct peer *peer);

/* Send an answer, and close its descriptors. */
void peer_send(struct peer *peer, struct peer_answer *answer);

/* Become the next epoch and tell so on the connection that is there. */
void peer_epoch(struct peer *peer);

/* Who it says the client is: number and every byte of the secret. */
#define PEER_CLIENT	77

/* Start it and connect to it. */
struct carve *peer_connect(struct peer *peer);

/* A memfd as a simulated region makes it, or one without seals. */
int peer_memfd(uint64_t bytes, bool sealed);

/* Open descriptors of this process. */
unsigned int count_fds(void);

#endif /* CARVE_TESTS_PEER_H */
