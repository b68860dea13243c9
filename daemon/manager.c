// SPDX-License-Identifier: MIT
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "closer.h"
#include "config.h"
#include "crash-point.h"
#include "guard.h"
#include "log.h"
#include "resume.h"
#include "standing.h"
#include "status.h"
#include "watch.h"

/* Of all places, at most this many are kept for the superuser and the own user. */
#define KEPT_PLACES	8

/* How long to leave connections in the queue when the machine has no room. */
#define PAUSE_USEC	100000U

/**
 * struct carve_manager - the daemon
 * @on_resume: runs when connections may be accepted again
 * @status: keeps the service manager informed
 * @config: what service.config is
 */
struct carve_manager {
	sd_event *event;
	struct carve_service service;
	unsigned int max_clients;
	sd_event_source *on_connection;
	sd_event_source *on_resume;
	struct carve_status *status;
	struct carve_config *config;
};

static bool is_privileged(const struct carve_manager *manager, uid_t uid)
{
	return uid == 0 || uid == manager->service.own_uid;
}

/*
 * One user may have half of the places, all others together all but a few,
 * which are kept for whoever has to look into it. Return: is there one?
 */
static bool has_place(const struct carve_manager *manager, uid_t uid)
{
	unsigned int max = manager->max_clients;
	unsigned int kept = max / 4 < KEPT_PLACES ? max / 4 : KEPT_PLACES;
	unsigned int of_user = 0, of_others = 0;
	const struct carve_client *client;

	if (manager->service.client_count >= max)
		return false;
	if (is_privileged(manager, uid))
		return true;
	TAILQ_FOREACH(client, &manager->service.clients, link) {
		of_user += client->who.uid == uid;
		of_others += !is_privileged(manager, client->who.uid);
	}
	return of_others < max - kept && of_user < (max - kept + 1) / 2;
}

static void refuse(const struct carve_manager *manager, int fd,
		   const struct carve_identity *who)
{
	static struct carve_log_limit limit;
	struct carve_log_about about = { .pid = who->pid, .uid = who->uid };

	carve_log_limited(&limit, LOG_WARNING, &about, "a connection of uid %u "
			  "pid %d was refused: of %u there may be, this user "
			  "has its share, or others have all",
			  (unsigned int)who->uid, (int)who->pid,
			  manager->max_clients);
	carve_guard_close(fd);
}

static void welcome(struct carve_manager *manager, int fd)
{
	static struct carve_log_limit limit;
	struct carve_client *client;
	struct carve_identity who;
	int r = carve_identity_init(&who, fd);

	if (r == 0)
		who.terms = carve_config_terms(manager->config, &who);
	if (r == 0 && !has_place(manager, who.uid)) {
		refuse(manager, fd, &who);
		carve_identity_done(&who);
		return;
	}
	if (r == 0)
		r = carve_client_new(&client, &manager->service,
				     manager->event, fd, &who);
	if (r < 0) {
		carve_identity_done(&who);
		carve_log_limited(&limit, LOG_WARNING, NULL, "a connection was "
				  "refused: %s", strerror(-r));
		carve_guard_close(fd);
		return;
	}
	CARVE_CRASH_POINT("accept-welcomed");
}

static int on_resume(sd_event_source *source, uint64_t usec, void *data)
{
	struct carve_manager *manager = data;

	(void)source;
	(void)usec;
	sd_event_source_set_enabled(manager->on_connection, SD_EVENT_ON);
	return 0;
}

/* The queue stays readable: without a pause the loop would spin. */
static void pause_accepting(struct carve_manager *manager, int error)
{
	static struct carve_log_limit limit;

	carve_log_limited(&limit, LOG_WARNING, NULL, "connections have to wait: "
			  "%s", strerror(-error));
	sd_event_source_set_enabled(manager->on_connection, SD_EVENT_OFF);
	sd_event_source_set_time_relative(manager->on_resume, PAUSE_USEC);
	sd_event_source_set_enabled(manager->on_resume, SD_EVENT_ONESHOT);
}

/*
 * One in a turn of the loop: to find out who it is takes longer than most
 * requests, and those of others come in between.
 */
static int on_connection(sd_event_source *source, int listen_fd,
			 uint32_t revents, void *data)
{
	struct carve_manager *manager = data;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	if (fd >= 0) {
		CARVE_CRASH_POINT("accept-taken");
		welcome(manager, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		   errno == ENOBUFS) {
		pause_accepting(manager, -errno);
	}
	return 0;
}

int carve_manager_new(struct carve_manager **ret, sd_event *event)
{
	struct carve_manager *manager = calloc(1, sizeof(*manager));
	int r;

	if (!manager)
		return -ENOMEM;
	r = carve_closer_new(&manager->service.closer);
	if (r == 0)
		r = carve_desk_new(&manager->service.desk);
	if (r == 0)
		r = carve_later_init(&manager->service, event);
	if (r < 0) {
		carve_later_done(&manager->service);
		carve_desk_free(manager->service.desk);
		carve_closer_free(manager->service.closer);
		free(manager);
		return r;
	}
	manager->event = sd_event_ref(event);
	manager->service.own_uid = geteuid();
	TAILQ_INIT(&manager->service.clients);
	*ret = manager;
	return 0;
}

static uint64_t real_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void carve_manager_keep(struct carve_manager *manager, struct carve_state *state,
			struct carve_store *store)
{
	struct carve_service *service = &manager->service;

	service->state = state;
	service->store = store;
	/* The count may have been lost, and the clock may have been set back. */
	service->epoch = real_usec();
	if (!state)
		return;
	if (carve_state_numbers(state)->epoch < service->epoch)
		carve_state_numbers(state)->epoch = service->epoch;
	service->epoch = carve_state_numbers(state)->epoch;
}

struct carve_manager *carve_manager_free(struct carve_manager *manager)
{
	struct carve_client *client;

	if (!manager)
		return NULL;
	manager->service.ending = true;
	carve_hold_for_ever(&manager->service);
	sd_event_source_disable_unref(manager->on_connection);
	sd_event_source_disable_unref(manager->on_resume);
	carve_status_free(manager->status);
	while ((client = TAILQ_FIRST(&manager->service.clients)))
		carve_client_free(client);
	carve_later_done(&manager->service);
	carve_desk_free(manager->service.desk);
	carve_closer_free(manager->service.closer);
	for (size_t i = 0; i < manager->service.region_count; i++)
		carve_region_free(manager->service.regions[i]);
	carve_orphans_done(&manager->service);
	carve_state_free(manager->service.state);
	carve_config_free(manager->config);
	sd_event_unref(manager->event);
	free(manager);
	return NULL;
}

int carve_manager_add_region(struct carve_manager *manager,
			     struct carve_device *device)
{
	struct carve_service *service = &manager->service;
	int index = 0;
	int r;

	if (service->region_count == CARVE_WIRE_REGIONS_MAX)
		return -ENOSPC;
	if (service->state)
		index = carve_state_region(service->state, device->info.label);
	if (index < 0)
		return index;
	r = carve_region_new(&service->regions[service->region_count], device,
			     manager->event, service->state, (uint16_t)index);
	if (r < 0)
		return r;
	service->regions[service->region_count]->appeal.tell = carve_watch_tell;
	service->regions[service->region_count]->appeal.data = service;
	service->region_count++;
	return r;
}

void carve_manager_set_default(struct carve_manager *manager, size_t index)
{
	manager->service.default_region = index;
}

/* A section nobody uses may be a slip of the pen, or for another machine. */
static void warn_unserved(const struct carve_service *service,
			  const struct carve_config_place *place,
			  const char *label)
{
	if (!carve_service_region(service, label))
		carve_log(LOG_WARNING, NULL, "%s:%u: no region %s is served here",
			  place->file, place->line, label);
}

static void warn_all_unserved(const struct carve_manager *manager)
{
	const struct carve_config *config = manager->config;

	for (size_t i = 0; i < config->region_count; i++)
		warn_unserved(&manager->service, &config->regions[i].place,
			      config->regions[i].label);
	for (size_t i = 0; i < config->reservation_count; i++)
		warn_unserved(&manager->service, &config->reservations[i].place,
			      config->reservations[i].region);
}

static void set_keep(struct carve_region *region,
		     const struct carve_config *config)
{
	const struct carve_config_region *section =
		carve_config_find_region(config, carve_region_label(region));
	struct carve_keep keep = { 0 };

	if (section)
		keep = (struct carve_keep){
			.bytes = section->keep_bytes,
			.priority = section->keep_priority,
		};
	if (keep.bytes >= region->placement.used.bytes)
		carve_log(LOG_WARNING, NULL, "%s:%u: region %s has no more than %"
			  PRIu64 " bytes: all of it is kept for requests of "
			  "priority %d and above", section->place.file,
			  section->place.line, carve_region_label(region),
			  region->placement.used.bytes, keep.priority);
	carve_region_set_keep(region, keep);
}

void carve_manager_configure(struct carve_manager *manager,
			     struct carve_config *config)
{
	struct carve_config *before = manager->config;
	struct carve_client *client;

	manager->config = config;
	manager->service.config = config;
	TAILQ_FOREACH(client, &manager->service.clients, link)
		client->who.terms = carve_config_terms(config, &client->who);
	for (size_t i = 0; i < manager->service.region_count; i++)
		set_keep(manager->service.regions[i], config);
	warn_all_unserved(manager);
	carve_standing_configure(&manager->service);
	carve_config_free(before);
}

int carve_manager_start(struct carve_manager *manager, int fd,
			const struct carve_limits *limits)
{
	int r;

	manager->max_clients = limits->clients;
	manager->service.unread.max = limits->unread;
	r = carve_resume_clients(&manager->service, manager->event);
	if (r >= 0)
		r = sd_event_add_time_relative(manager->event,
					       &manager->on_resume,
					       CLOCK_MONOTONIC, PAUSE_USEC, 0,
					       on_resume, manager);
	if (r >= 0)
		r = sd_event_source_set_enabled(manager->on_resume,
						SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(manager->event, &manager->on_connection, fd,
				    EPOLLIN, on_connection, manager);
	if (r >= 0)
		r = carve_status_new(&manager->status, manager->event,
				     &manager->service);
	return r < 0 ? r : 0;
}
