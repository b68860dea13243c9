// SPDX-License-Identifier: MIT
/*
 * record SOCKET FOLDER: has libcarve talk to a real daemon, and writes down what
 * they say as inputs of the fuzzers: FOLDER/wire/NAME with what the library sent,
 * FOLDER/library/NAME with what the daemon answered. tests/fuzz/make-seeds starts
 * the daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <carve.h>
#include "protocol.h"

#define CONNECTIONS	2
#define PAGE		4096U

/* Actions of fuzz-wire.c. */
enum { WIRE_CONNECT = 0, WIRE_RAW = 4, WIRE_READ_ALL = 6, WIRE_DROP = 7,
       WIRE_TURN = 8 };

/* Calls of fuzz-library.c. */
enum { CALL_ALLOC, CALL_REGIONS, CALL_BUFFERS, CALL_RESERVATIONS, CALL_QUERY,
       CALL_RESERVE, CALL_CHANGE, CALL_RESERVATION_ALLOC, CALL_FREE, CALL_USE,
       CALL_DROP, CALL_RECONNECT, CALL_WATCH, CALL_DISPATCH };

/* Answers of hostile.c. */
enum { ANSWER_RECORDED = 230 };

/**
 * struct seed - an input in the making
 */
struct seed {
	uint8_t bytes[1U << 16];
	size_t count;
};

static struct seed wire, library;
static const char *socket_path;
static int connections[CONNECTIONS];

static void require(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "record: %s: %s\n", what, strerror(-result));
	exit(EXIT_FAILURE);
}

static void put(struct seed *seed, const void *data, size_t bytes)
{
	require(seed->count + bytes <= sizeof(seed->bytes) ? 0 : -ENOSPC, "seed");
	memcpy(seed->bytes + seed->count, data, bytes);
	seed->count += bytes;
}

static void put_u8(struct seed *seed, uint8_t value)
{
	put(seed, &value, sizeof(value));
}

static void put_message(struct seed *seed, const void *data, size_t bytes)
{
	uint16_t length = (uint16_t)bytes;

	put(seed, &length, sizeof(length));
	put(seed, data, bytes);
}

/* Which connection is it? New ones are counted up. */
static int number_of(int fd)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i] == fd)
			return i;
		if (connections[i] < 0) {
			connections[i] = fd;
			/* As the superuser, without a hello of the fuzzer's. */
			put_u8(&wire, WIRE_CONNECT);
			put_u8(&wire, (uint8_t)i);
			put_u8(&wire, 4);
			return i;
		}
	}
	require(-EMFILE, "connections");
	return 0;
}

ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	uint8_t peer = (uint8_t)number_of(fd);

	put_u8(&wire, WIRE_RAW);
	put_u8(&wire, peer);
	put_message(&wire, msg->msg_iov->iov_base, msg->msg_iov->iov_len);
	/* The descriptors that belong to it. */
	put_u8(&wire, 0);
	put_u8(&wire, WIRE_TURN);
	put_u8(&wire, 32);
	put_u8(&wire, WIRE_READ_ALL);
	put_u8(&wire, peer);
	return __real_sendmsg(fd, msg, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t bytes = __real_recvmsg(fd, msg, flags);

	if (bytes > 0 && number_of(fd) == 0) {
		put_u8(&library, ANSWER_RECORDED);
		put_message(&library, msg->msg_iov->iov_base, (size_t)bytes);
		/* Not spoiled; with the descriptors that belong to it. */
		put_u8(&library, 0);
		put_u8(&library, 0);
	}
	return bytes;
}

/* ---- calls, with what makes the fuzzer do the same ----------------------- */

static struct carve *connect_recorded(void)
{
	struct carve *carve;

	put_u8(&library, CALL_RECONNECT);
	require(carve_new(&carve, socket_path), "carve_new");
	return carve;
}

/* So many buffers of 4 pages, at most 6. Return: as carve_alloc_many(). */
static int alloc(struct carve *carve, struct carve_buffer **ret, size_t count)
{
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_request requests[6];

	put_u8(&library, CALL_ALLOC);
	/* With a refusal; count % 6 + 1. */
	put_u8(&library, (uint8_t)(16 + (count + 1) % 6));
	for (size_t i = 0; i < count; i++) {
		requests[i] = (struct carve_request)CARVE_REQUEST_INIT;
		requests[i].bytes = 4 * PAGE;
		requests[i].name = "frame";
		put_u8(&library, 3 * PAGE / 64);
	}
	return carve_alloc_many(carve, requests, count, ret, &refusal);
}

static void drop(struct carve_buffer *buffer)
{
	put_u8(&library, CALL_USE);
	put_u8(&library, 0);
	put_u8(&library, CALL_DROP);
	put_u8(&library, 0);
	put_u8(&wire, WIRE_DROP);
	put_u8(&wire, 0);
	carve_buffer_unref(buffer);
}

static struct carve_class frames(uint32_t count)
{
	struct carve_class class = CARVE_CLASS_INIT;

	class.count = count;
	class.bytes = 8192;
	/* A profile of one class of 2^13 bytes; see fuzz_number(). */
	put_u8(&library, 1);
	put_u8(&library, (uint8_t)(count - 1));
	put_u8(&library, 0x80 | 13);
	return class;
}

static struct carve_reservation *reserve(struct carve *carve, uint32_t count)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	struct carve_class class;

	put_u8(&library, CALL_RESERVE);
	class = frames(count);
	put_u8(&library, 0);
	profile.classes = &class;
	profile.class_count = 1;
	require(carve_reserve(carve, &profile, &reservation, NULL), "reserve");
	return reservation;
}

static void change(struct carve_reservation *reservation, uint32_t count)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_class class;

	put_u8(&library, CALL_CHANGE);
	put_u8(&library, 0);
	class = frames(count);
	profile.classes = &class;
	profile.class_count = 1;
	require(carve_reservation_change(reservation, &profile, NULL), "change");
}

static struct carve_buffer *reserved(struct carve_reservation *reservation)
{
	struct carve_buffer *buffer;

	put_u8(&library, CALL_RESERVATION_ALLOC);
	put_u8(&library, 0);
	put_u8(&library, 0);
	put_u8(&library, 0);
	require(carve_reservation_alloc(reservation, 0, NULL, 0, &buffer),
		"reservation_alloc");
	return buffer;
}

static void list(struct carve *carve)
{
	struct carve_regions *regions;
	struct carve_buffers *buffers;
	struct carve_reservations *reservations;

	put_u8(&library, CALL_REGIONS);
	require(carve_regions_new(carve, &regions), "regions");
	carve_regions_free(regions);
	put_u8(&library, CALL_BUFFERS);
	require(carve_buffers_new(carve, &buffers), "buffers");
	carve_buffers_free(buffers);
	put_u8(&library, CALL_RESERVATIONS);
	require(carve_reservations_new(carve, &reservations), "reservations");
	carve_reservations_free(reservations);
}

/* ---- scenes ------------------------------------------------------------ */

static void scene_one_buffer(void)
{
	struct carve *carve = connect_recorded();
	struct carve_buffer *buffer;

	require(alloc(carve, &buffer, 1), "alloc");
	drop(buffer);
	carve_free(carve);
}

static void scene_many_buffers(void)
{
	struct carve *carve = connect_recorded();
	struct carve_buffer *buffers[4];

	require(alloc(carve, buffers, 4), "alloc");
	list(carve);
	for (int i = 0; i < 4; i++)
		drop(buffers[i]);
	carve_free(carve);
}

static void scene_refused(void)
{
	struct carve *carve = connect_recorded();
	struct carve_buffer *buffers[6];

	require(alloc(carve, buffers, 5), "alloc");
	if (alloc(carve, buffers + 5, 1) != -ENOSPC)
		require(-EPROTO, "a refusal");
	for (int i = 0; i < 5; i++)
		drop(buffers[i]);
	carve_free(carve);
}

static void scene_query(void)
{
	struct carve *carve = connect_recorded();
	struct carve_buffer_info info = { .struct_size = sizeof(info) };
	struct carve_buffer *buffer;

	require(alloc(carve, &buffer, 1), "alloc");
	put_u8(&library, CALL_QUERY);
	require(carve_query(carve, carve_buffer_get_fd(buffer), &info), "query");
	drop(buffer);
	carve_free(carve);
}

static void scene_reservation(void)
{
	struct carve *carve = connect_recorded();
	struct carve_reservation *reservation = reserve(carve, 3);
	struct carve_buffer *buffer = reserved(reservation);

	list(carve);
	change(reservation, 2);
	drop(buffer);
	put_u8(&library, CALL_FREE);
	carve_reservation_free(reservation);
	carve_free(carve);
}

static void scene_claim(void)
{
	struct carve *carve = connect_recorded();
	struct carve_reservation *reservation;
	struct carve_buffer *buffer;

	put_u8(&library, CALL_RESERVE);
	put_u8(&library, 0);
	put_u8(&library, 1);
	require(carve_reservation_claim(carve, "film", 0, &reservation), "claim");
	buffer = reserved(reservation);
	drop(buffer);
	put_u8(&library, CALL_FREE);
	carve_reservation_free(reservation);
	carve_free(carve);
}

static void on_pressure(const struct carve_pressure *pressure, void *data)
{
	(void)pressure;
	(void)data;
}

static void scene_pressure(void)
{
	struct carve *carve = connect_recorded(), *other;
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffers[5], *more;

	put_u8(&library, CALL_WATCH);
	put_u8(&library, 1);
	require(carve_watch_pressure(carve, on_pressure, NULL), "watch");
	require(alloc(carve, buffers, 5), "alloc");
	require(carve_new(&other, socket_path), "carve_new");
	request.bytes = 4 * PAGE;
	request.timeout_nsec = 100000000;
	if (carve_alloc(other, &request, &more) != -ETIMEDOUT)
		require(-EPROTO, "a wait");
	put_u8(&library, CALL_DISPATCH);
	if (carve_dispatch(carve) != 1)
		require(-EPROTO, "pressure");
	for (int i = 0; i < 5; i++)
		drop(buffers[i]);
	carve_free(other);
	carve_free(carve);
}

/* ---- all ---------------------------------------------------------------- */

static void write_seed(const char *folder, const char *kind, const char *name,
		       const struct seed *seed)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
	file = fopen(path, "we");
	if (!file || fwrite(seed->bytes, 1, seed->count, file) != seed->count ||
	    fclose(file) != 0)
		require(-errno, path);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenes[] = {
	{ "one-buffer", scene_one_buffer },
	{ "many-buffers", scene_many_buffers },
	{ "refused", scene_refused },
	{ "query", scene_query },
	{ "reservation", scene_reservation },
	{ "claim", scene_claim },
	{ "pressure", scene_pressure },
};

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: record SOCKET FOLDER\n");
		return EXIT_FAILURE;
	}
	socket_path = argv[1];
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		memset(connections, -1, sizeof(connections));
		wire.count = library.count = 0;
		scenes[i].run();
		write_seed(argv[2], "wire", scenes[i].name, &wire);
		write_seed(argv[2], "library", scenes[i].name, &library);
		/* What is dropped comes back when it has been zeroed. */
		usleep(200000);
	}
	return EXIT_SUCCESS;
}
