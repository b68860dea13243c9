/* SPDX-License-Identifier: MIT */
/*
 * The commands of /dev/carve/NAME as a table: how long their structures were
 * and are, who may use them, and arguments with which each succeeds.
 */
#ifndef CARVE_COMMAND_H
#define CARVE_COMMAND_H

#include "check.h"

/* The first version's size is a number: it stays when the structure grows. */
struct command {
	const char *name;
	unsigned int cmd;
	uint32_t first;
	uint32_t bytes;
	bool manager;
};

#define COMMANDS 5
extern const struct command commands[COMMANDS];

/* The place of export in the table. */
#define COMMAND_EXPORT 1

/* A structure, and room behind it for versions to come. */
union command_args {
	uint32_t size;
	struct carve_info info;
	struct carve_export export;
	struct carve_list list;
	struct carve_scrub scrub;
	struct carve_identify identify;
	uint32_t words[2];
	unsigned char bytes[256];
};

/**
 * command_good() - arguments with which a command succeeds
 * @command: of the table
 * @buf: a buffer of the region, for IDENTIFY; page 0 is clean
 */
union command_args command_good(const struct command *command, int buf);

/* Runs a command; returns 0 or a negative errno. */
int command_run(int fd, unsigned int cmd, void *args);

/* What a successful export left behind goes: its page is clean again. */
void command_tidy(int fd, const struct command *command,
		  const union command_args *args);

/* Like command_run(), then tidies up. */
int command_try(int fd, const struct command *command, union command_args *args);

/* The lowest descriptor that is free: the next one that anybody gets. */
int lowest_fd(void);

#endif /* CARVE_COMMAND_H */
