/* SPDX-License-Identifier: MIT */
/*
 * A message out of a few bytes of an input: sound at first, then spoiled in as many
 * places as the input says.
 */
#ifndef CARVE_TESTS_FUZZ_MESSAGE_H
#define CARVE_TESTS_FUZZ_MESSAGE_H

#include "fuzz.h"
#include "protocol.h"

/**
 * union message - any of them, and room for one that is too long
 */
union message {
	struct carve_wire_header header;
	struct carve_wire_hello hello;
	struct carve_wire_alloc alloc;
	struct carve_wire_list list;
	struct carve_wire_reserve reserve;
	struct carve_wire_reservations reservations;
	struct carve_wire_watch watch;
	struct carve_wire_cancel cancel;
	struct carve_wire_resume resume;
	uint8_t raw[CARVE_WIRE_MAX + 256];
};

/**
 * struct message_facts - what a client has been told
 * @id: of the request
 * @cursor: that the last list said
 * @epoch: of the daemon
 * @client, @secret: to resume with
 */
struct message_facts {
	uint64_t id;
	uint64_t cursor;
	uint64_t epoch;
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
};

/**
 * message_make() - make one
 *
 * Return: its length, which may be 0 and more than CARVE_WIRE_MAX.
 */
size_t message_make(union message *message, struct fuzz_input *input,
		    const struct message_facts *facts);

/* Overwrite and lengthen, or shorten. Return: the new length. */
size_t message_spoil(void *message, size_t bytes, size_t room,
		     struct fuzz_input *input);

#endif /* CARVE_TESTS_FUZZ_MESSAGE_H */
