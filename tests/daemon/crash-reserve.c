// SPDX-License-Identifier: MIT
/* Clients with reservations. What was promised is never refused. */
#include "crash-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Somebody who was killed is gone by then; without a daemon it may take longer. */
#define CLAIM_MS	(PATIENCE * 1000)
#define CLAIM_OUTSIDE_MS	5000

/**
 * struct plan - a reservation as this process sees it
 * @live: of each class
 * @class_of: by place of held
 */
struct plan {
	struct carve_reservation *reservation;
	struct carve_class classes[CRASH_CLASSES];
	uint32_t live[CRASH_CLASSES];
	int class_of[CRASH_HELD];
	char name[32];
};

static struct plan plan;

static void note(struct crash_self *self)
{
	struct crash_reserved *reserved = &self->worker->reserved;

	reserved->slots = plan.classes[0].count + plan.classes[1].count;
	reserved->live = plan.live[0] + plan.live[1];
	snprintf(reserved->name, sizeof(reserved->name), "%s", plan.name);
	atomic_store(&reserved->there, plan.reservation != NULL);
}

void crash_reserve_empty(struct crash_self *self)
{
	memset(plan.live, 0, sizeof(plan.live));
	note(self);
}

static struct carve_class some_class(struct crash_self *self)
{
	struct carve_class class = CARVE_CLASS_INIT;

	class.bytes = PAGE * (1 + crash_below(self, 64));
	class.count = 1 + crash_below(self, 4);
	return class;
}

static struct carve_profile profile_of(const struct carve_class *classes)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.class_count = CRASH_CLASSES;
	profile.classes = classes;
	profile.name = plan.name;
	profile.timeout_nsec = 0;
	return profile;
}

static void forget(struct crash_self *self)
{
	plan.reservation = NULL;
	memset(plan.live, 0, sizeof(plan.live));
	crash_drop_all(self);
	note(self);
}

/* Refused, or lost where that is allowed. */
static void refused(struct crash_self *self, const char *what, int r)
{
	crash_fail(self, what, r);
	if (r == -ESTALE) {
		plan.reservation = carve_reservation_free(plan.reservation);
		forget(self);
	}
}

static void begin(struct crash_self *self)
{
	struct carve_profile profile;
	int r;

	plan.classes[0] = some_class(self);
	plan.classes[1] = some_class(self);
	crash_name(self, plan.name, sizeof(plan.name));
	profile = profile_of(plan.classes);
	r = CRASH_CALL(self, "reserve",
		       carve_reserve(self->carve, &profile, &plan.reservation, NULL));
	if (r < 0) {
		crash_fail(self, "reserve", r);
		plan.reservation = NULL;
	}
	note(self);
}

static void take(struct crash_self *self, size_t class)
{
	bool is_full = plan.live[class] == plan.classes[class].count;
	uint64_t timeout = crash_below(self, 2) ? 0 : 3 * MSEC;
	int place = crash_place(self), r;
	struct carve_buffer *buffer;
	char name[32];

	crash_name(self, name, sizeof(name));
	r = CRASH_CALL(self, "allocate inside",
		       carve_reservation_alloc(plan.reservation, class, name, timeout,
					       &buffer));
	if (is_full) {
		if (r == 0)
			carve_buffer_unref(buffer);
		/* Of buffers outside the books the daemon does not know. */
		if (r != (timeout ? -ETIMEDOUT : -ENOSPC) &&
		    !(r == 0 && self->world->outside))
			refused(self, "allocate more than was reserved", r);
		return;
	}
	if (r < 0) {
		refused(self, "allocate inside", r);
		return;
	}
	crash_keep(self, place, CRASH_ROOMY, buffer, name);
	if (!self->worker->held[place].id)
		return;
	plan.class_of[place] = (int)class;
	plan.live[class]++;
	note(self);
}

static void give_back(struct crash_self *self)
{
	int place = crash_any(self);

	if (place < 0)
		return;
	crash_drop(self, place);
	plan.live[plan.class_of[place]]--;
	note(self);
}

/* The first class stays as it is, and its buffers with it. */
static void change(struct crash_self *self)
{
	struct carve_class classes[CRASH_CLASSES];
	struct carve_profile profile;
	int r;

	for (int i = 0; i < CRASH_HELD; i++)
		if (self->worker->held[i].id && plan.class_of[i] == 1)
			crash_drop(self, i);
	plan.live[1] = 0;
	note(self);
	classes[0] = plan.classes[0];
	classes[0].count = plan.live[0] + 1 + crash_below(self, 3);
	classes[1] = some_class(self);
	/* Not to be taken for the first one's. */
	classes[1].alignment = 2 * PAGE;
	profile = profile_of(classes);
	r = CRASH_CALL(self, "change",
		       carve_reservation_change(plan.reservation, &profile, NULL));
	if (r < 0) {
		refused(self, "change", r);
		return;
	}
	memcpy(plan.classes, classes, sizeof(classes));
	note(self);
}

static void end(struct crash_self *self)
{
	plan.reservation = CRASH_CALL(self, "give back",
				      carve_reservation_free(plan.reservation));
	forget(self);
}

static void look_at_some(struct crash_self *self)
{
	for (int i = 0; i < CRASH_HELD; i++)
		if (self->worker->held[i].id && crash_below(self, 4) == 0)
			crash_look(self, i);
}

/* The one before in this place may not be known to be dead yet. */
static void claim(struct crash_self *self)
{
	int64_t until = patient_ms() + (self->world->outside ? CLAIM_OUTSIDE_MS : CLAIM_MS);
	int r;

	snprintf(plan.name, sizeof(plan.name), "film");
	while ((r = CRASH_CALL(self, "claim",
			       carve_reservation_claim(self->carve, plan.name,
						       CARVE_FOREVER,
						       &plan.reservation))) == -EBUSY &&
	       patient_ms() < until)
		sleep_ms(1);
	if (r < 0) {
		/* Of who died without a daemon it is known after half a minute. */
		if (r != -EBUSY || !self->world->outside)
			crash_fail(self, "claim", r);
		plan.reservation = NULL;
		return;
	}
	for (size_t i = 0; i < CRASH_CLASSES; i++)
		plan.classes[i] = *carve_reservation_get(plan.reservation, i);
	note(self);
}

void crash_claim(struct crash_self *self)
{
	unsigned int what = crash_below(self, 32);

	if (!plan.reservation)
		claim(self);
	else if (what == 0)
		end(self);
	else if (what < 16)
		take(self, what % CRASH_CLASSES);
	else
		give_back(self);
	look_at_some(self);
}

void crash_reserve(struct crash_self *self)
{
	unsigned int what = crash_below(self, 32);

	if (!plan.reservation)
		begin(self);
	else if (what == 0)
		end(self);
	else if (what < 4)
		change(self);
	else if (what < 20)
		take(self, what % CRASH_CLASSES);
	else
		give_back(self);
	look_at_some(self);
}

/*
 * Calls nothing from one stand to the next, and has what it had all the same; the
 * test looks. Once in a while it uses what it was promised.
 */
void crash_idle(struct crash_self *self)
{
	unsigned int deaths = self->world->deaths;

	if (!plan.reservation) {
		begin(self);
		if (!plan.reservation)
			return;
		take(self, 0);
	}
	while (self->world->deaths < deaths + 5 && !self->world->stop &&
	       !self->world->pause)
		sleep_ms(2);
	if (self->world->stop || self->world->pause)
		return;
	while (plan.reservation && plan.live[1] < plan.classes[1].count)
		take(self, 1);
	for (int i = 0; i < CRASH_HELD; i++)
		if (self->worker->held[i].id && plan.class_of[i] == 1) {
			crash_drop(self, i);
			plan.live[1]--;
			note(self);
		}
}
