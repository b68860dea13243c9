/* SPDX-License-Identifier: MIT */
/*
 * What tests of reservations do again and again. Everything here fails the test
 * at hand when it does not work.
 */
#ifndef CARVE_TESTS_RESERVING_H
#define CARVE_TESTS_RESERVING_H

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "waiter.h"

#define CLASS(bytes_, alignment_, count_) {				\
	.struct_size = sizeof(struct carve_class), .bytes = (bytes_),	\
	.alignment = (alignment_), .count = (count_),			\
}

struct carve_reservation *reserve(struct carve *carve,
				  const struct carve_class *classes,
				  size_t count);

/* Without waiting. Return: the result. */
int change(struct carve_reservation *reservation,
	   const struct carve_class *classes, size_t count);

/* A buffer of a class, at once. */
void take_slot(struct carve_reservation *reservation, size_t index,
	  struct carve_buffer **ret);

/* All buffers of a class that is not used yet. */
void take_slots(struct carve_reservation *reservation, size_t index,
	      struct carve_buffer **ret, size_t count);
void drop_all(struct carve_buffer **buffers, size_t count);

/* An ordinary buffer of so many bytes does not fit. */
void assert_refused(struct carve *carve, uint64_t bytes);

/* The list, which has to have so many entries; to be freed. */
struct carve_reservations *reservations(struct carve *carve, size_t count);

/* Wait until so many bytes are reserved and without a buffer. */
void assert_reserved_becomes(struct carve *carve, uint64_t bytes);

/* Write into every page of a buffer; look whether all of it is zero. */
void dirty(struct carve_buffer *buffer);
void assert_zero(struct carve_buffer *buffer);

#endif /* CARVE_TESTS_RESERVING_H */
