/* SPDX-License-Identifier: MIT */
/*
 * What the daemon costs: what the files of the service benchmark share. All
 * figures are of one run on one machine. What is compared is measured in short
 * turns, and the figure is the median of what the turns say, so that the
 * machine's moods meet both and a bad moment spoils one turn.
 */
#ifndef CARVE_BENCH_SERVICE_H
#define CARVE_BENCH_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include <carve.h>

#define KIB	1024ULL
#define MIB	(1024 * KIB)

/**
 * struct samples - durations
 * @nsec: @count of them
 */
struct samples {
	double *nsec;
	size_t count;
	size_t room;
};

/* Ends the program: a measurement that did not happen is no figure. */
noreturn void die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Nanoseconds of a clock that only goes forward. */
double now_nsec(void);

void samples_add(struct samples *samples, double nsec);
void samples_free(struct samples *samples);

/* The one below which @share (0 to 1) of them are; sorts them. */
double samples_at(struct samples *samples, double share);

/**
 * struct turns - two things measured in turns
 * @p50, @p99: of each turn, of the first and the second
 */
struct turns {
	struct samples p50[2];
	struct samples p99[2];
};

/* The end of a turn: takes what it says out of @samples, which are emptied. */
void turns_add(struct turns *turns, int which, struct samples *samples);
/* The medians of all turns. */
double turns_p50(struct turns *turns, int which);
double turns_p99(struct turns *turns, int which);
void turns_free(struct turns *turns);

#define NO_LIMIT	(-1.0)

/**
 * report() - one line of JSON
 * @ratio: what @limit is for, whichever way round
 * @limit: or NO_LIMIT, which is written as null
 * @details: more members, with a comma in front, or ""
 */
void report(const char *name, double ratio, double limit, const char *format,
	    ...) __attribute__((format(printf, 4, 5)));

/**
 * struct service - a daemon on a simulated region
 * @ready_nsec: from fork() until it said that it is ready
 */
struct service {
	pid_t pid;
	char dir[32];
	char socket[48];
	int notify;
	double ready_nsec;
};

/* Start carved with a region of @size ("64M") and room for @clients. */
void service_start(struct service *service, const char *size,
		   unsigned int clients);
void service_stop(struct service *service);

/* A number out of /proc/PID/status, in its own unit. */
unsigned long long service_status(const struct service *service,
				  const char *name);

/* Nanoseconds of processor time that all its threads have used. */
double service_cpu_nsec(const struct service *service);

/**
 * struct place - where the two ends of a connection run
 * @client, @server: processors
 */
struct place {
	const char *name;
	int client;
	int server;
};

/* Return: 2; 1 (the machine has but one processor, and there is but one place). */
size_t places_get(struct place places[2]);
/* Keep all threads of a process on a processor; -1: let them go, after places_get(). */
void place_process(pid_t pid, int cpu);

struct carve *connect_to(const struct service *service);

/* One buffer of one page, or the end. */
struct carve_buffer *allocate(struct carve *carve);

/* Allocate one and close it, @count times, into @samples if not NULL. */
void cycle(struct carve *carve, size_t count, struct samples *samples);

/* service-floor.c: the least that a service with descriptors can cost. */
struct floor;
struct floor *floor_new(void);
void floor_free(struct floor *floor);
pid_t floor_server(const struct floor *floor);
void floor_cycle(struct floor *floor, size_t count, struct samples *samples);

/* The measurements. */
void measure_floor(void);
void measure_many_in_one(void);
void measure_clients(void);
void measure_throughput(void);
void measure_live(void);
void measure_memory(void);
void measure_idle(void);
void measure_start(void);
void measure_hostile(void);

#endif /* CARVE_BENCH_SERVICE_H */
