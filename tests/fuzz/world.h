/* SPDX-License-Identifier: MIT */
/*
 * A whole daemon inside the fuzzer: manager, clients, simulated regions and their
 * threads are the real ones, and its loop is turned by hand.
 */
#ifndef CARVE_TESTS_FUZZ_WORLD_H
#define CARVE_TESTS_FUZZ_WORLD_H

#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define WORLD_CONFIGS	4

struct carve_manager;
struct carve_service;
struct carve_state;

/**
 * struct world - the daemon
 * @service: what its clients are served from; read only
 */
struct world {
	sd_event *event;
	struct carve_manager *manager;
	const struct carve_service *service;
};

/* Once in the process. */
void world_prepare(void);

/* A file for the state of daemons that follow each other. Return: its descriptor. */
int world_state_fd(void);

/* Take up what is in such a file, which stays the caller's. */
struct carve_state *world_state_open(int fd);

/*
 * A daemon that takes up @state: regions main (4 MiB, the default one) and aux (1
 * MiB), as the daemon before left them.
 */
void world_start(struct world *world, struct carve_state *state);

/* Memory that was a buffer when another daemon ended. Return: its descriptor. */
int world_export(unsigned int region, uint64_t offset, uint64_t bytes, uint64_t id,
		 uid_t uid);

/* Connect as @uid, if this process may. Return: the socket, non-blocking. */
int world_connect(uid_t uid);

/* Turn the loop as long as there is something to do, at most @turns times. */
void world_turn(struct world *world, unsigned int turns);

/* Load one of WORLD_CONFIGS configurations. */
void world_configure(struct world *world, unsigned int number);

/* Are all invariants of all regions and reservations true? */
void world_check(const struct world *world);

/*
 * When nobody holds a descriptor any more and all clients have died: everything has
 * to come back, but for the configured reservations.
 */
void world_settle(struct world *world);

/* Buffers live on, and so does what is in the state's file. */
void world_stop(struct world *world);

#endif /* CARVE_TESTS_FUZZ_WORLD_H */
