/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers share: reading an input from its front, a clock that the input
 * turns, and the way to say that something is wrong.
 *
 * An input that ends early reads as zeros: every sequence of bytes means
 * something, and a small change of it means something similar.
 */
#ifndef CARVE_TESTS_FUZZ_H
#define CARVE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A violated promise is a crash, which the fuzzer keeps the input of. */
#define fuzz_require(what) do {						\
	if (!(what))							\
		fuzz_fail(__FILE__, __LINE__, #what);			\
} while (0)

_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/**
 * struct fuzz_input - what is left of an input
 */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline void fuzz_take(struct fuzz_input *input, void *to, size_t bytes)
{
	size_t there = bytes < input->left ? bytes : input->left;

	if (there)
		memcpy(to, input->at, there);
	memset((uint8_t *)to + there, 0, bytes - there);
	input->at += there;
	input->left -= there;
}

static inline uint8_t fuzz_u8(struct fuzz_input *input)
{
	uint8_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

static inline uint16_t fuzz_u16(struct fuzz_input *input)
{
	uint16_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

static inline uint64_t fuzz_u64(struct fuzz_input *input)
{
	uint64_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

/* The nearer to limits, the more interesting: of one byte a size or a time. */
uint64_t fuzz_number(struct fuzz_input *input);

/* CLOCK_MONOTONIC of this process, and all its libraries. */
void fuzz_clock_reset(void);
void fuzz_clock_advance(uint64_t usec);

/*
 * What other threads do has so long in real time; the machine may be busy, and
 * the fuzzer of the lowest priority.
 */
uint64_t fuzz_deadline(void);
bool fuzz_is_over(uint64_t deadline);

/* Descriptors that are open. */
unsigned int fuzz_count_fds(void);

/**
 * fuzz_send() - send a packet, whatever it is
 * @fds: @fd_count of them, at most 253; they stay open
 */
void fuzz_send(int socket, const void *data, size_t bytes, const int *fds,
	       size_t fd_count);

/* What libFuzzer, AFL++ and main.c call. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif /* CARVE_TESTS_FUZZ_H */
