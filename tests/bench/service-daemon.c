// SPDX-License-Identifier: MIT
/*
 * A daemon to measure, and its clients.
 */
#include "service.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_MSEC	10000

static void open_notify(struct service *service)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
		 service->dir);
	service->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (service->notify < 0 ||
	    bind(service->notify, (struct sockaddr *)&address,
		 sizeof(address)) < 0)
		die("no notify socket");
}

static noreturn void run(const struct service *service, const char *size,
			 unsigned int clients)
{
	const char *carved = getenv("CARVED");
	char notify[48], number[16], config[48];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(notify, sizeof(notify), "%s/notify", service->dir);
	snprintf(config, sizeof(config), "%s/carved.conf", service->dir);
	snprintf(number, sizeof(number), "%u", clients);
	setenv("NOTIFY_SOCKET", notify, 1);
	dup2(null, STDERR_FILENO);
	dup2(null, STDOUT_FILENO);
	execl(carved ? carved : "build/host/daemon/carved", "carved",
	      "--config", config, "--socket", service->socket, "--simulate",
	      size, "--max-clients", number, NULL);
	_exit(99);
}

static void wait_ready(const struct service *service)
{
	struct pollfd pollfd = { .fd = service->notify, .events = POLLIN };
	char text[1024] = "";

	do {
		ssize_t n;

		if (poll(&pollfd, 1, READY_MSEC) != 1)
			die("carved does not get ready: run it by hand to see "
			    "why");
		n = recv(service->notify, text, sizeof(text) - 1, 0);
		text[n < 0 ? 0 : n] = '\0';
	} while (!strstr(text, "READY=1"));
}

void service_start(struct service *service, const char *size,
		   unsigned int clients)
{
	char config[64];
	double start;
	int fd;

	strcpy(service->dir, "/tmp/carve-bench.XXXXXX");
	if (!mkdtemp(service->dir))
		die("no folder in /tmp");
	snprintf(service->socket, sizeof(service->socket), "%s/socket",
		 service->dir);
	snprintf(config, sizeof(config), "%s/carved.conf", service->dir);
	fd = open(config, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	close(fd);
	open_notify(service);
	fflush(NULL);
	start = now_nsec();
	service->pid = fork();
	if (service->pid < 0)
		die("no process");
	if (!service->pid)
		run(service, size, clients);
	wait_ready(service);
	service->ready_nsec = now_nsec() - start;
}

void service_stop(struct service *service)
{
	static const char *const names[] = {
		"socket", "socket.lock", "socket.state", "notify", "carved.conf",
	};
	char path[64];

	kill(service->pid, SIGTERM);
	waitpid(service->pid, NULL, 0);
	close(service->notify);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", service->dir, names[i]);
		unlink(path);
	}
	rmdir(service->dir);
}

unsigned long long service_status(const struct service *service,
				  const char *name)
{
	unsigned long long value = 0;
	bool found = false;
	char line[256], path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)service->pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, name, strlen(name)) &&
			line[strlen(name)] == ':' &&
			sscanf(line + strlen(name) + 1, "%llu", &value) == 1;
	if (file)
		fclose(file);
	if (!found)
		die("%s does not tell %s", path, name);
	return value;
}

double service_cpu_nsec(const struct service *service)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(service->pid, &clock) ||
	    clock_gettime(clock, &used) < 0)
		die("the daemon's processor time cannot be read");
	return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

struct carve *connect_to(const struct service *service)
{
	struct carve *carve;
	int r = carve_new(&carve, service->socket);

	if (r < 0)
		die("no connection: %s", strerror(-r));
	return carve;
}

struct carve_buffer *allocate(struct carve *carve)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	int r;

	request.bytes = (uint64_t)getpagesize();
	r = carve_alloc(carve, &request, &buffer);
	if (r < 0)
		die("no buffer: %s", strerror(-r));
	return buffer;
}

void cycle(struct carve *carve, size_t count, struct samples *samples)
{
	while (count--) {
		double start = now_nsec();

		carve_buffer_unref(allocate(carve));
		if (samples)
			samples_add(samples, now_nsec() - start);
	}
}
