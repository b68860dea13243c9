/* SPDX-License-Identifier: MIT */
/*
 * A daemon with rules, and children that are other users. Needs root, to become
 * several of them.
 */
#ifndef CARVE_TESTS_AS_USER_H
#define CARVE_TESTS_AS_USER_H

#include "fixture.h"

/* Users and a group that no machine has anybody in. */
#define OWNER		65533
#define STRANGER	65532
#define GROUP		65531

/**
 * struct scene - a daemon of 8 MiB with rules, and a child as some user
 * @told, @child: a socket between the two
 */
struct scene {
	struct daemon *daemon;
	uid_t uid;
	gid_t group;
	int (*body)(struct carve *carve, struct scene *scene);
	int told;
	int child;
};

/* Start the daemon with this configuration; leaves the test without root. */
void scene_start(struct scene *scene, const char *rules);

/* Nothing may be left in the region. */
void scene_end(struct scene *scene);

/* Start a child that connects as @uid, in @scene->group if that is not 0. */
pid_t start_as(struct scene *scene, uid_t uid,
	       int (*body)(struct carve *carve, struct scene *scene));

/* The same, and it has to end well. */
void do_as(struct scene *scene, uid_t uid,
	   int (*body)(struct carve *carve, struct scene *scene));

/* Why take() was refused. */
extern struct carve_refusal refusal;

/* Return: what the library returns; the buffer stays with the process. */
int take(struct carve *carve, uint64_t bytes, struct carve_buffer **ret);

/* A child's body: all of the region is to be had. */
int take_it_all(struct carve *carve, struct scene *scene);

#endif /* CARVE_TESTS_AS_USER_H */
