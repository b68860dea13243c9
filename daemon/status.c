// SPDX-License-Identifier: MIT
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "service.h"

#define STATUS_USEC	1000000U

/**
 * struct carve_status - what was told, and whom
 * @fd: connected to $NOTIFY_SOCKET
 * @on_change: runs after anything happened, until @on_status is set
 * @on_status: runs when @text may be out of date
 * @text: what was told last
 */
struct carve_status {
	const struct carve_service *service;
	int fd;
	sd_event_source *on_change;
	sd_event_source *on_status;
	char text[256];
};

static void describe(const struct carve_service *service, char *text,
		     size_t size)
{
	uint64_t bytes = 0, live = 0, buffers = 0;
	bool simulated = false, gone = false;

	for (size_t i = 0; i < service->region_count; i++) {
		const struct carve_region *region = service->regions[i];
		struct carve_figures figures =
			carve_placement_figures(&region->placement);

		bytes += figures.bytes;
		live += figures.live;
		buffers += figures.live_count;
		simulated |= region->device->info.simulated;
		gone |= region->gone;
	}
	snprintf(text, size, "%zu region%s, %u client%s, %" PRIu64 " buffer%s, "
		 "%" PRIu64 " MiB of %" PRIu64 " MiB live%s%s",
		 service->region_count, service->region_count == 1 ? "" : "s",
		 service->client_count, service->client_count == 1 ? "" : "s",
		 buffers, buffers == 1 ? "" : "s", live >> 20, bytes >> 20,
		 simulated ? " (simulated: not physically contiguous)" : "",
		 gone ? ", a region has gone" : "");
}

static int tell(const struct carve_status *status, const char *text)
{
	return send(status->fd, text, strlen(text),
		    MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void start_clock(struct carve_status *status)
{
	sd_event_source_set_enabled(status->on_change, SD_EVENT_OFF);
	sd_event_source_set_time_relative(status->on_status, STATUS_USEC);
	sd_event_source_set_enabled(status->on_status, SD_EVENT_ONESHOT);
}

static void tell_text(struct carve_status *status)
{
	char text[sizeof(status->text)];
	char message[sizeof(text) + sizeof("STATUS=")];

	describe(status->service, text, sizeof(text));
	snprintf(message, sizeof(message), "STATUS=%s", text);
	if (strcmp(text, status->text) && tell(status, message) < 0) {
		start_clock(status);
		return;
	}
	strcpy(status->text, text);
	/* Whatever comes next starts the clock again, this does not. */
	sd_event_source_set_enabled(status->on_change, SD_EVENT_ON);
}

static int on_status(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	tell_text(data);
	return 0;
}

/* Something happened, whatever it was: look again after a while. */
static int on_change(sd_event_source *source, void *data)
{
	(void)source;
	start_clock(data);
	return 0;
}

/* sd_notify(3): a path, or with '@' an abstract name. */
static int connect_manager(struct carve_status *status, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t bytes = strlen(name);
	socklen_t size;

	if (!bytes || bytes >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, name, bytes);
	if (name[0] == '@')
		address.sun_path[0] = 0;
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
	status->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (status->fd < 0)
		return -errno;
	return connect(status->fd, (struct sockaddr *)&address, size) < 0 ?
		-errno : 0;
}

int carve_status_new(struct carve_status **ret, sd_event *event,
		     const struct carve_service *service)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct carve_status *status;
	int r;

	if (!name)
		return 0;
	status = calloc(1, sizeof(*status));
	if (!status)
		return -ENOMEM;
	status->service = service;
	status->fd = -1;
	r = sd_event_add_time_relative(event, &status->on_status,
				       CLOCK_MONOTONIC, STATUS_USEC, 0,
				       on_status, status);
	if (r >= 0)
		r = sd_event_add_post(event, &status->on_change, on_change,
				      status);
	if (r >= 0 && connect_manager(status, name) < 0) {
		/* Nobody there to be told: that is no reason not to serve. */
		carve_status_free(status);
		return 0;
	}
	if (r < 0) {
		carve_status_free(status);
		return r;
	}
	tell_text(status);
	*ret = status;
	return 0;
}

struct carve_status *carve_status_free(struct carve_status *status)
{
	if (!status)
		return NULL;
	sd_event_source_disable_unref(status->on_change);
	sd_event_source_disable_unref(status->on_status);
	if (status->fd >= 0) {
		tell(status, "STOPPING=1");
		close(status->fd);
	}
	free(status);
	return NULL;
}
