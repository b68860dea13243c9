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
	uint8_t raw[CARVE_WIRE_MAX + 256];
};

/**
 * message_make() - make one
 * @id: of the request
 * @cursor: that the last list said
 *
 * Return: its length, which may be 0 and more than CARVE_WIRE_MAX.
 */
size_t message_make(union message *message, struct fuzz_input *input,
		    uint64_t id, uint64_t cursor);

/* Overwrite and lengthen, or shorten. Return: the new length. */
size_t message_spoil(void *message, size_t bytes, size_t room,
		     struct fuzz_input *input);

#endif /* CARVE_TESTS_FUZZ_MESSAGE_H */
