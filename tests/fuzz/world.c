// SPDX-License-Identifier: MIT
#include "world.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "device.h"
#include "device-simulated.h"
#include "fuzz.h"
#include "guard.h"
#include "manager.h"
#include "process.h"
#include "region.h"
#include "reservation.h"
#include "service.h"
#include "state.h"

#define REGIONS		2

/* More than a client has to come back in. */
#define GRACE_USEC	40000000U
/* At which no process began that a state names. */
#define ANOTHER_TIME	(UINT64_MAX - 1)
#define BOOT		"12345678-1234-1234-1234-123456789abc"

/* Few enough to be reached. */
static const struct carve_limits limits = {
	.clients = 12,
	.unread = 2 * CARVE_WIRE_ALLOC_MAX,
};

static const char *const texts[WORLD_CONFIGS] = {
	"",
	"[rule film]\nuid=1000\npriority=40\nmax-bytes=1M\nmax-buffers=8\n"
	"max-reserved=512K\n"
	"[rule others]\nlimit=4G\nguard-after=4K\n",
	"[region main]\nkeep-for-priority=50:1M\n"
	"[rule film]\nuid=1001\npriority=60\nshow-addresses=yes\n"
	"[reservation film]\nuid=1000\nclass=4 x 64K align=64K\nclass=2 x 4K\n",
	"[region aux]\nkeep-for-priority=1:1M\n"
	"[reservation film]\nuid=1001\nclass=2 x 128K\n"
	"[reservation big]\nuid=0\nregion=aux\nclass=3 x 256K\n",
};

static int config_fds[WORLD_CONFIGS];
static struct carve_device *devices[REGIONS];
static struct carve_device_ops ops[REGIONS];
static int listener;
static struct sockaddr_un address;
static socklen_t address_bytes = sizeof(address);

/*
 * guard.c bounds closing what never ends closing, which none of the sockets here
 * are, by the very timer with which the fuzzer finds what hangs.
 */
int carve_guard_init(void)
{
	return 0;
}

void carve_guard_begin(void)
{
}

void carve_guard_end(void)
{
}

void carve_guard_close(int socket)
{
	close(socket);
}

/*
 * closer.c leaves a thread behind that does not end at once, for the sake of
 * descriptors that linger. Here none does, but the machine may be busy.
 */
int __wrap_pthread_timedjoin_np(pthread_t thread, void **ret,
				const struct timespec *end);

int __wrap_pthread_timedjoin_np(pthread_t thread, void **ret,
				const struct timespec *end)
{
	(void)end;
	return pthread_join(thread, ret);
}

/* The manager keeps to itself what it serves from, but a region knows. */
static struct carve_region *first_region;

int __real_carve_region_new(struct carve_region **ret, struct carve_device *device,
			    sd_event *event, struct carve_state *state,
			    uint16_t index);
int __wrap_carve_region_new(struct carve_region **ret, struct carve_device *device,
			    sd_event *event, struct carve_state *state,
			    uint16_t index);

int __wrap_carve_region_new(struct carve_region **ret, struct carve_device *device,
			    sd_event *event, struct carve_state *state,
			    uint16_t index)
{
	int r = __real_carve_region_new(ret, device, event, state, index);

	if (r == 0 && !first_region)
		first_region = *ret;
	return r;
}

static void keep_device(struct carve_device *device)
{
	(void)device;
}

/*
 * The devices stay from one input to the next, which begins with clean memory as
 * it ended: to close an inotify instance takes the kernel some 10 ms.
 */
static void make_device(struct carve_device **ret, struct carve_device_ops *ops,
			const char *label, uint64_t bytes)
{
	fuzz_require(carve_device_new_simulated(ret, label, bytes, NULL) == 0);
	*ops = *(*ret)->ops;
	ops->free = keep_device;
	(*ret)->ops = ops;
}

/* All clients are this process, which they could not outlive. */
static uint64_t start_time;

uint64_t __wrap_carve_process_start_time(pid_t pid);

uint64_t __wrap_carve_process_start_time(pid_t pid)
{
	return pid > 0 ? start_time : 0;
}

void world_prepare(void)
{
	static const sa_family_t family = AF_UNIX;

	for (unsigned int i = 0; i < WORLD_CONFIGS; i++) {
		config_fds[i] = memfd_create("carved.conf", MFD_CLOEXEC);
		fuzz_require(config_fds[i] >= 0);
		fuzz_require(write(config_fds[i], texts[i], strlen(texts[i])) ==
			     (ssize_t)strlen(texts[i]));
	}
	make_device(&devices[0], &ops[0], "main", 4 << 20);
	make_device(&devices[1], &ops[1], "aux", 1 << 20);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	fuzz_require(listener >= 0);
	/* A name of the kernel's choice, without a file. */
	fuzz_require(bind(listener, (const struct sockaddr *)&family,
			  sizeof(family)) == 0);
	fuzz_require(listen(listener, 64) == 0);
	fuzz_require(getsockname(listener, (struct sockaddr *)&address,
				 &address_bytes) == 0);
}

int world_state_fd(void)
{
	int fd = memfd_create("state", MFD_CLOEXEC);

	fuzz_require(fd >= 0);
	return fd;
}

struct carve_state *world_state_open(int fd)
{
	struct carve_state *state;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	fuzz_require(copy >= 0);
	fuzz_require(carve_state_new(&state, copy, BOOT) == 0);
	return state;
}

int world_export(unsigned int region, uint64_t offset, uint64_t bytes, uint64_t id,
		 uid_t uid)
{
	const struct carve_device_extent extent = {
		.offset = offset, .bytes = bytes, .id = id, .uid = uid,
		.name = "left over",
	};

	return carve_device_export(devices[region % REGIONS], &extent);
}

void world_start(struct world *world, struct carve_state *state)
{
	first_region = NULL;
	start_time = 1;
	fuzz_require(sd_event_new(&world->event) >= 0);
	fuzz_require(carve_manager_new(&world->manager, world->event) == 0);
	carve_manager_keep(world->manager, state, NULL);
	for (unsigned int i = 0; i < REGIONS; i++)
		fuzz_require(carve_manager_add_region(world->manager,
						      devices[i]) == 0);
	world->service = first_region->appeal.data;
	world_configure(world, 0);
	fuzz_require(carve_manager_start(world->manager, listener,
					 &limits) == 0);
}

/* Of this thread alone. */
static void become(uid_t uid)
{
	syscall(SYS_setresuid, -1, uid, -1);
	prctl(PR_SET_DUMPABLE, 1);
}

int world_connect(uid_t uid)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);
	uid_t own = geteuid();
	int r;

	fuzz_require(fd >= 0);
	become(uid);
	r = connect(fd, (const struct sockaddr *)&address, address_bytes);
	become(own);
	if (r == 0)
		return fd;
	close(fd);
	return -1;
}

void world_turn(struct world *world, unsigned int turns)
{
	while (turns--) {
		int r = sd_event_run(world->event, 0);

		fuzz_require(r >= 0);
		if (r == 0)
			break;
	}
}

void world_configure(struct world *world, unsigned int number)
{
	char path[64], mistake[CARVE_CONFIG_MISTAKE];
	struct carve_config *config;

	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 config_fds[number % WORLD_CONFIGS]);
	if (carve_config_load(&config, path, mistake) < 0)
		fuzz_fail(path, (int)number, mistake);
	carve_manager_configure(world->manager, config);
}

static void check_region(const struct carve_region *region)
{
	const struct carve_reservation *reservation;
	const char *wrong = carve_placement_check(&region->placement);

	if (wrong)
		fuzz_fail(carve_region_label(region), 0, wrong);
	TAILQ_FOREACH(reservation, &region->reservations, of_region) {
		wrong = carve_slots_check(&reservation->slots);
		if (wrong)
			fuzz_fail(reservation->name, (int)reservation->id, wrong);
	}
}

void world_check(const struct world *world)
{
	for (size_t i = 0; i < world->service->region_count; i++)
		check_region(world->service->regions[i]);
}

/* Nothing but configured reservations that nobody has claimed. */
static bool is_quiet(const struct carve_region *region)
{
	struct carve_figures figures = carve_placement_figures(&region->placement);
	const struct carve_reservation *reservation;

	if (figures.live || figures.dirty || figures.live_count ||
	    figures.dirty_count || region->scrubbing)
		return false;
	TAILQ_FOREACH(reservation, &region->reservations, of_region)
		if (reservation->pid)
			return false;
	return true;
}

static bool all_quiet(const struct world *world)
{
	if (world->service->client_count)
		return false;
	for (size_t i = 0; i < world->service->region_count; i++)
		if (!is_quiet(world->service->regions[i]))
			return false;
	return true;
}

void world_settle(struct world *world)
{
	uint64_t end = fuzz_deadline();

	start_time = ANOTHER_TIME;
	for (int i = 0; i < 3; i++) {
		fuzz_clock_advance(GRACE_USEC);
		world_turn(world, 32);
	}
	while (!all_quiet(world)) {
		fuzz_require(!fuzz_is_over(end));
		fuzz_require(sd_event_run(world->event, 1000) >= 0);
	}
	world_check(world);
}

void world_stop(struct world *world)
{
	int fd;

	carve_manager_free(world->manager);
	sd_event_unref(world->event);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
}
