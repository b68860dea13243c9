// SPDX-License-Identifier: MIT
/*
 * What the daemon does under load, what it takes, and what it does not do when
 * nobody asks for anything.
 */
#include "service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSY		8
#define ROUNDS		7
#define SPAN_NSEC	1e9
#define CLIENTS		1000
#define MORE_CLIENTS	1000
#define BUFFERS		10000
#define IDLE_SECONDS	10
#define STARTS		31

/* Cycles in a second of its own, written to @fd. */
static noreturn void be_busy(const struct service *service, int go, int fd)
{
	struct carve *carve = connect_to(service);
	uint64_t count = 0;
	double end;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cycle(carve, 100, NULL);
	if (read(go, &byte, 1) != 0)
		_exit(1);
	end = now_nsec() + SPAN_NSEC;
	while (now_nsec() < end) {
		cycle(carve, 20, NULL);
		count += 20;
	}
	if (write(fd, &count, sizeof(count)) != sizeof(count))
		_exit(1);
	carve_free(carve);
	_exit(0);
}

/* Return: cycles of all of them together in one second. */
static double run_busy(const struct service *service, int clients)
{
	int go[2], results[2], status;
	uint64_t count, sum = 0;

	if (pipe(go) < 0 || pipe(results) < 0)
		die("no pipes");
	fflush(NULL);
	for (int i = 0; i < clients; i++)
		if (fork() == 0) {
			close(go[1]);
			be_busy(service, go[0], results[1]);
		}
	close(go[0]);
	usleep(100000);
	/* All at once: the end of the pipe is the sign. */
	close(go[1]);
	for (int i = 0; i < clients; i++) {
		if (read(results[0], &count, sizeof(count)) != sizeof(count))
			die("a busy client ended early");
		sum += count;
	}
	while (wait(&status) > 0 && clients-- > 1)
		;
	close(results[0]);
	close(results[1]);
	return (double)sum;
}

/* All clients on one processor, the daemon on another, if there are two. */
void measure_throughput(void)
{
	struct samples one = { 0 }, many = { 0 };
	struct place places[2];
	size_t count = places_get(places);
	struct service service;

	service_start(&service, "64M", BUSY + 8);
	place_process(getpid(), places[count - 1].client);
	place_process(service.pid, places[count - 1].server);
	for (int i = 0; i < ROUNDS; i++) {
		samples_add(&one, run_busy(&service, 1));
		samples_add(&many, run_busy(&service, BUSY));
	}
	/* At least, not at most. */
	report("throughput of 8 clients", samples_at(&many, 0.5) /
	       samples_at(&one, 0.5), 0.9,
	       ",\"one_per_s\":%.0f,\"eight_per_s\":%.0f,\"at_least\":true",
	       samples_at(&one, 0.5), samples_at(&many, 0.5));
	place_process(getpid(), -1);
	service_stop(&service);
	samples_free(&one);
	samples_free(&many);
}

void measure_memory(void)
{
	static struct carve *clients[CLIENTS], *more[MORE_CLIENTS];
	static struct carve_buffer *buffers[BUFFERS];
	unsigned long long empty, connected, full, fuller;
	struct service service;

	service_start(&service, "64M", CLIENTS + MORE_CLIENTS + 8);
	empty = service_status(&service, "RssAnon");
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = connect_to(&service);
	connected = service_status(&service, "RssAnon");
	for (int i = 0; i < BUFFERS; i++)
		buffers[i] = allocate(clients[i % CLIENTS]);
	full = service_status(&service, "RssAnon");
	report("RssAnon in MiB, 1000 clients, 10000 buffers", (double)full / 1024,
	       4, ",\"empty_kib\":%llu,\"clients_kib\":%llu,\"full_kib\":%llu,"
	       "\"bytes_per_client\":%.0f,\"bytes_per_buffer\":%.0f", empty,
	       connected, full, (double)(connected - empty) * 1024 / CLIENTS,
	       (double)(full - connected) * 1024 / BUFFERS);
	/* Only now that nothing is left of what was prepared at the start. */
	for (int i = 0; i < MORE_CLIENTS; i++)
		more[i] = connect_to(&service);
	fuller = service_status(&service, "RssAnon");
	report("bytes of RssAnon for one more idle client",
	       (double)(fuller - full) * 1024 / MORE_CLIENTS, 1536, "%s", "");
	for (int i = 0; i < MORE_CLIENTS; i++)
		carve_free(more[i]);
	for (int i = 0; i < BUFFERS; i++)
		carve_buffer_unref(buffers[i]);
	for (int i = 0; i < CLIENTS; i++)
		carve_free(clients[i]);
	service_stop(&service);
}

/* Both, since who wakes up and who is woken differ. */
static unsigned long long switches(const struct service *service)
{
	return service_status(service, "voluntary_ctxt_switches") +
	       service_status(service, "nonvoluntary_ctxt_switches");
}

void measure_idle(void)
{
	unsigned long long before, after;
	struct carve_buffer *buffer;
	struct service service;
	struct carve *carve;

	service_start(&service, "64M", 16);
	carve = connect_to(&service);
	buffer = allocate(carve);
	/* What the greeting and the first scrubbing leave to be done. */
	sleep(7);
	before = switches(&service);
	sleep(IDLE_SECONDS);
	after = switches(&service);
	report("wake-ups in 10 idle seconds", (double)(after - before), 0, "%s",
	       "");
	carve_buffer_unref(buffer);
	carve_free(carve);
	service_stop(&service);
}

void measure_start(void)
{
	struct samples starts = { 0 };
	struct service service;

	for (int i = 0; i < STARTS; i++) {
		service_start(&service, "64M", 16);
		samples_add(&starts, service.ready_nsec);
		service_stop(&service);
	}
	report("ready in ms after the start", samples_at(&starts, 0.5) / 1e6,
	       20, ",\"p90_ms\":%.2f", samples_at(&starts, 0.9) / 1e6);
	samples_free(&starts);
}
