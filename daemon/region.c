// SPDX-License-Identifier: MIT
#include "region.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "arena.h"
#include "crash-point.h"
#include "log.h"
#include "reservation.h"
#include "restore.h"
#include "roll.h"
#include "state.h"

#define RETRY_USEC	1000000U

/*
 * What is zeroed on the spot: to hand it to the scrubber and to hear of it again
 * takes longer than the zeroing. In one turn of the loop no more than that many,
 * a quarter of a MiB in all.
 */
#define QUICK_BYTES	(16U << 10)
#define QUICK_COUNT	16

static struct carve_record *of_extent(struct carve_extent *extent)
{
	return extent ? carve_container_of(extent, struct carve_record, extent) :
			NULL;
}

struct carve_record *carve_region_next(const struct carve_region *region,
				       uint64_t offset)
{
	return of_extent(carve_placement_next(&region->placement, offset));
}

int carve_region_identify(const struct carve_region *region, int fd,
			  struct carve_device_extent *ret, pid_t *ret_pid)
{
	const struct carve_record *record;
	int r = region->gone ? -ENODEV :
			       carve_device_identify(region->device, fd, ret);

	if (r < 0)
		return r;
	record = carve_region_next(region, ret->offset);
	*ret_pid = record && record->id == ret->id ? record->pid : 0;
	return 0;
}

/*
 * Requests that wait are told by whoever runs carve_region_serve() next. From
 * now on on_retry() looks out for the device.
 */
static void mark_gone(struct carve_region *region, int error)
{
	struct carve_log_about about = { .region = carve_region_label(region) };

	if (region->gone)
		return;
	region->gone = true;
	sd_event_source_set_enabled(region->on_release, SD_EVENT_OFF);
	sd_event_source_set_time_relative(region->on_retry, RETRY_USEC);
	sd_event_source_set_enabled(region->on_retry, SD_EVENT_ONESHOT);
	carve_log(LOG_ERR, &about, "region %s has gone (%s): its buffers live "
		  "on, new ones are refused until it is back", about.region,
		  strerror(-error));
}

/*
 * A region is taken over at start and then only; so this is the way to do it:
 * buffers of other regions outlive the daemon, and clients connect again.
 */
static void look_out(struct carve_region *region, sd_event_source *timer)
{
	struct carve_log_about about = { .region = carve_region_label(region) };

	if (!carve_device_is_back(region->device)) {
		sd_event_source_set_time_relative(timer, RETRY_USEC);
		sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
		return;
	}
	carve_log(LOG_NOTICE, &about, "region %s is back: ending, to be "
		  "started again with it", about.region);
	sd_event_exit(sd_event_source_get_event(timer), 0);
}

static struct carve_scrub_job *new_job(struct carve_region *region,
				       struct carve_record *record)
{
	const struct carve_reservation *owner = carve_reservation_of(record);
	struct carve_scrub_job *job = carve_record_job(record);

	job->offset = carve_extent_offset(&record->extent);
	job->bytes = carve_extent_bytes(&record->extent);
	/* Somebody may be waiting for it, and nobody else can use it. */
	job->owner = owner ? owner->id : 0;
	region->scrubbing++;
	return job;
}

void carve_region_scrub(struct carve_region *region,
			struct carve_record *record)
{
	carve_scrubber_put(region->scrubber, new_job(region, record));
}

struct carve_record *carve_region_find(const struct carve_region *region,
				       const struct carve_device_extent *extent)
{
	struct carve_record *record = carve_region_next(region, extent->offset);

	if (!record || record->id != extent->id ||
	    carve_extent_offset(&record->extent) != extent->offset ||
	    carve_extent_bytes(&record->extent) != extent->bytes)
		return NULL;
	return record;
}

/* A live record's buffer has died: nobody is charged with it any more. */
static void set_dirty(struct carve_region *region, struct carve_record *record)
{
	uint64_t bytes = carve_extent_bytes(&record->extent);
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.buffer = record->id,
	};

	carve_log(LOG_DEBUG, &about, "region %s: buffer %" PRIu64 " of uid %u "
		  "released, %" PRIu64 " bytes", about.region, record->id,
		  (unsigned int)record->uid, bytes);
	if (region->state)
		carve_state_drop(region->state, &record->kept);
	CARVE_CRASH_POINT("release-forgotten");
	if (carve_record_owner(record))
		carve_charge_leave_slot(record->charge, bytes);
	carve_charge_remove(record->charge, bytes);
	record->charge = NULL;
	if (carve_record_owner(record))
		carve_reservation_release(record);
	else
		carve_placement_release(&region->placement, &record->extent);
}

void carve_region_release(struct carve_region *region,
			  struct carve_record *record)
{
	set_dirty(region, record);
	carve_region_scrub(region, record);
}

/* Return: the record, dirty now, or NULL. */
static struct carve_record *take_in(struct carve_region *region,
				    const struct carve_device_extent *dead)
{
	static struct carve_log_limit limit;
	struct carve_record *record = carve_region_find(region, dead);
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.buffer = dead->id,
	};

	CARVE_CRASH_POINT("release-taken");
	carve_overrun_report(region, dead, record);
	if (record && record->extent.state == CARVE_EXTENT_LIVE) {
		set_dirty(region, record);
		return record;
	}
	carve_log_limited(&limit, LOG_WARNING, &about, "region %s: buffer %"
			  PRIu64 " (%" PRIu64 " bytes at %#" PRIx64 ") was "
			  "released, which is not in the books", about.region,
			  dead->id, dead->bytes, dead->offset);
	return NULL;
}

void carve_region_collect(struct carve_region *region)
{
	struct carve_device_extent dead;
	struct carve_record *record;
	int r = 0;

	while (!region->gone &&
	       (r = carve_device_release(region->device, &dead)) > 0) {
		record = take_in(region, &dead);
		if (record)
			carve_region_scrub(region, record);
	}
	if (r < 0)
		mark_gone(region, r);
}

static void scrubbed(struct carve_region *region, struct carve_scrub_job *job)
{
	static struct carve_log_limit limit;
	struct carve_log_about about = { .region = carve_region_label(region) };
	struct carve_record *record = carve_record_of_job(job);
	int r = job->result;

	region->scrubbing--;
	CARVE_CRASH_POINT("scrub-done");
	if (r == 0) {
		carve_roll_remove(region, record);
		if (carve_record_owner(record)) {
			carve_reservation_clean(record);
			carve_roll_add(region, record);
			return;
		}
		carve_placement_clean(&region->placement, &record->extent);
		carve_record_free(record);
		return;
	}
	TAILQ_INSERT_TAIL(&region->failed, job, link);
	if (r == -ENODEV) {
		mark_gone(region, r);
		return;
	}
	carve_log_limited(&limit, LOG_ERR, &about, "region %s: zeroing %" PRIu64
			  " bytes at %#" PRIx64 " failed (%s) and will be tried "
			  "again; until then they cannot be used", about.region,
			  carve_extent_bytes(&record->extent),
			  carve_extent_offset(&record->extent), strerror(-r));
	sd_event_source_set_time_relative(region->on_retry, RETRY_USEC);
	sd_event_source_set_enabled(region->on_retry, SD_EVENT_ONESHOT);
}

static bool is_quick(const struct carve_record *record)
{
	return carve_extent_bytes(&record->extent) <= QUICK_BYTES;
}

static void scrub_quickly(struct carve_region *region,
			  struct carve_record *record)
{
	struct carve_scrub_job *job = new_job(region, record);

	job->result = carve_device_scrub(region->device, job->offset,
					 job->bytes);
	scrubbed(region, job);
}

/*
 * A turn ends where the descriptor will say what is left. A backend that knows
 * what it holds need not be asked once more only to say that there is nothing.
 */
static bool turn_goes_on(const struct carve_region *region, int quick)
{
	bool known, more = carve_device_has_more(region->device, &known);

	return known ? more : quick < QUICK_COUNT;
}

static int on_release(sd_event_source *source, int fd, uint32_t revents,
		      void *data)
{
	struct carve_region *region = data;
	struct carve_device_extent dead;
	struct carve_record *record;
	int quick = 0, r;

	(void)source;
	(void)fd;
	do {
		r = carve_device_release(region->device, &dead);
		record = r > 0 ? take_in(region, &dead) : NULL;
		if (record && is_quick(record)) {
			scrub_quickly(region, record);
			quick++;
		} else if (record) {
			carve_region_scrub(region, record);
		}
	} while (r > 0 && !region->gone && turn_goes_on(region, quick));
	if (r < 0 || revents & (EPOLLHUP | EPOLLERR))
		mark_gone(region, r < 0 ? r : -ENODEV);
	if (quick || region->gone)
		carve_region_serve(region);
	return 0;
}

static int on_scrubbed(sd_event_source *source, int fd, uint32_t revents,
		       void *data)
{
	struct carve_region *region = data;
	struct carve_scrub_job *job;
	eventfd_t count;

	(void)source;
	(void)revents;
	eventfd_read(fd, &count);
	while ((job = carve_scrubber_take(region->scrubber)))
		scrubbed(region, job);
	carve_region_serve(region);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
	struct carve_region *region = data;
	struct carve_scrub_job *job;

	(void)usec;
	if (region->gone) {
		look_out(region, source);
		return 0;
	}
	while ((job = TAILQ_FIRST(&region->failed))) {
		TAILQ_REMOVE(&region->failed, job, link);
		carve_region_scrub(region, carve_record_of_job(job));
	}
	return 0;
}

/* Room comes before requests: a busy client must not keep memory from others. */
static int attach(struct carve_region *region, sd_event *event)
{
	int r;

	r = sd_event_add_io(event, &region->on_release,
			    carve_device_get_fd(region->device), EPOLLIN,
			    on_release, region);
	if (r >= 0)
		r = sd_event_source_set_priority(region->on_release,
						 SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_add_io(event, &region->on_scrubbed,
				    carve_scrubber_get_fd(region->scrubber),
				    EPOLLIN, on_scrubbed, region);
	if (r >= 0)
		r = sd_event_source_set_priority(region->on_scrubbed,
						 SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &region->on_retry,
					       CLOCK_MONOTONIC, RETRY_USEC, 0,
					       on_retry, region);
	if (r >= 0)
		r = sd_event_source_set_enabled(region->on_retry, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void carve_region_set_keep(struct carve_region *region, struct carve_keep keep)
{
	region->keep = keep;
	carve_region_serve(region);
}

uint64_t carve_region_kept(const struct carve_region *region)
{
	uint64_t clean = carve_placement_figures(&region->placement).clean;

	return clean < region->keep.bytes ? clean : region->keep.bytes;
}

static void serve_queue(struct carve_queue *queue)
{
	carve_region_serve(carve_container_of(queue, struct carve_region, queue));
}

int carve_region_new(struct carve_region **ret, struct carve_device *device,
		     sd_event *event, struct carve_state *state,
		     uint16_t state_index)
{
	const struct carve_device_info *info = &device->info;
	struct carve_region *region;
	int r;

	if (!info->page_bytes || info->page_bytes & (info->page_bytes - 1) ||
	    !info->bytes || info->bytes & (info->page_bytes - 1) ||
	    info->bytes / info->page_bytes >= UINT32_MAX)
		return -EINVAL;
	region = carve_arena_new(sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->device = device;
	region->event = event;
	region->state = state;
	region->state_index = state_index;
	region->next_id = 1;
	TAILQ_INIT(&region->reservations);
	TAILQ_INIT(&region->failed);
	LIST_INIT(&region->charges);
	LIST_INIT(&region->lost);
	carve_placement_init(&region->placement, info->bytes, info->page_bytes,
			     info->phys);

	region->window.region = region;
	r = carve_queue_init(&region->queue, event);
	region->queue.serve = serve_queue;
	region->queue.window = &region->window;
	region->appeal.region = region;
	region->queue.appeal = &region->appeal;
	if (r == 0)
		r = carve_scrubber_new(&region->scrubber, device);
	if (r == 0)
		r = attach(region, event);
	if (r == 0)
		r = carve_region_recover(region);
	if (r < 0) {
		region->device = NULL;
		carve_region_free(region);
		return r;
	}
	*ret = region;
	return 0;
}

struct carve_region *carve_region_free(struct carve_region *region)
{
	struct carve_reservation *reservation;
	struct carve_record *record;

	if (!region)
		return NULL;
	/* What ends now ends for this daemon only. */
	region->state = NULL;
	carve_restore_done(region);
	while ((reservation = TAILQ_FIRST(&region->reservations)))
		carve_reservation_free(reservation);
	carve_queue_done(&region->queue);
	sd_event_source_disable_unref(region->on_release);
	sd_event_source_disable_unref(region->on_scrubbed);
	sd_event_source_disable_unref(region->on_retry);
	carve_scrubber_free(region->scrubber);
	while ((record = carve_region_next(region, 0))) {
		if (record->extent.state == CARVE_EXTENT_LIVE) {
			carve_charge_remove(record->charge,
				carve_extent_bytes(&record->extent));
			carve_placement_release(&region->placement,
						&record->extent);
		}
		carve_placement_clean(&region->placement, &record->extent);
		carve_record_free(record);
	}
	carve_device_free(region->device);
	carve_arena_free(region, sizeof(*region));
	return NULL;
}
