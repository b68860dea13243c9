// SPDX-License-Identifier: MIT
/*
 * Reservations: what the daemon granted is kept here, so that the sizes of the
 * buffers that come out of one can be checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Sizes in the first version that had them: what every caller has. */
#define CLASS_FIRST	sizeof(struct carve_class)
#define PROFILE_FIRST	sizeof(struct carve_profile)

/**
 * struct carve_reservation - a granted one
 * @carve: borrowed
 * @generation: of @carve's link when it was granted: in another one it is lost
 * @classes: @count classes as granted; changed while @carve is held
 */
struct carve_reservation {
	struct carve *carve;
	uint64_t generation;
	uint64_t id;
	size_t count;
	struct carve_class classes[CARVE_CLASSES_MAX];
};

struct reserve_message {
	struct carve_wire_reserve reserve;
	struct carve_wire_class classes[CARVE_CLASSES_MAX];
};

_Static_assert(CARVE_CLASSES_MAX == CARVE_WIRE_CLASSES_MAX, "header and wire");
_Static_assert(CARVE_SLOTS_MAX == CARVE_WIRE_SLOTS_MAX, "header and wire");

/* ---- a profile --------------------------------------------------------- */

static int fill_class(const struct carve_class *class,
		      struct carve_wire_class *wire)
{
	if (!class->bytes || !class->count ||
	    class->alignment & (class->alignment - 1))
		return -EINVAL;
	*wire = (struct carve_wire_class){
		.bytes = class->bytes,
		.alignment = class->alignment,
		.limit = class->limit,
		.guard_before = class->guard_before,
		.guard_after = class->guard_after,
		.count = class->count,
	};
	return 0;
}

static int fill_classes(const struct carve_profile *profile,
			struct reserve_message *message)
{
	const uint8_t *at = (const uint8_t *)profile->classes;
	uint32_t stride, slots = 0;
	int r;

	if (!at || !profile->class_count ||
	    profile->class_count > CARVE_CLASSES_MAX)
		return -EINVAL;
	/* The caller's array has the stride of the caller's structure. */
	stride = profile->classes->struct_size;
	if (stride % _Alignof(struct carve_class))
		return -EINVAL;
	for (uint32_t i = 0; i < profile->class_count; i++, at += stride) {
		struct carve_class class;

		r = carve_struct_in(&class, sizeof(class), CLASS_FIRST, at);
		if (r == 0 && class.struct_size != stride)
			r = -EINVAL;
		if (r == 0)
			r = fill_class(&class, &message->classes[i]);
		if (r < 0)
			return r;
		if (class.count > CARVE_SLOTS_MAX - slots)
			return -EINVAL;
		slots += class.count;
	}
	message->reserve.count = profile->class_count;
	return 0;
}

static int fill_name(const char *name, char *to)
{
	if (name && strlen(name) >= CARVE_WIRE_LABEL)
		return -EINVAL;
	strcpy(to, name ? name : "");
	return 0;
}

/* @is_new: region and name count as well. */
static int fill_message(const struct carve_profile *caller, bool is_new,
			struct reserve_message *message)
{
	struct carve_profile profile;
	int r;

	r = carve_struct_in(&profile, sizeof(profile), PROFILE_FIRST, caller);
	if (r == 0)
		r = fill_classes(&profile, message);
	if (r == 0 && is_new)
		r = fill_name(profile.name, message->reserve.name);
	if (r == 0 && is_new && profile.region)
		r = carve_fill_region(profile.region, message->reserve.region);
	message->reserve.timeout_nsec = profile.timeout_nsec;
	return r;
}

/* ---- round trips ------------------------------------------------------- */

/* Has a restart of the daemon lost it? The connection is held. */
static bool is_lost(const struct carve_reservation *reservation)
{
	return reservation->generation != reservation->carve->link.generation;
}

static bool class_ok(const struct carve_wire_class *class)
{
	return class->bytes && class->count && !class->reserved &&
	       class->count <= CARVE_SLOTS_MAX;
}

/* Does it grant what was asked for, or with a claim, anything that could be? */
static bool reply_ok(const struct carve_wire_reserve_reply *reply,
		     const struct reserve_message *message)
{
	bool claim = message->reserve.flags & CARVE_WIRE_RESERVE_CLAIM;

	if (reply->header.bytes < sizeof(*reply) || reply->reserved ||
	    !reply->reservation || reply->count > CARVE_CLASSES_MAX)
		return false;
	if (reply->header.bytes !=
	    sizeof(*reply) + reply->count * sizeof(reply->classes[0]))
		return false;
	if (claim ? !reply->count : reply->count != message->reserve.count)
		return false;
	if (message->reserve.reservation &&
	    reply->reservation != message->reserve.reservation)
		return false;
	for (uint32_t i = 0; i < reply->count; i++)
		if (!class_ok(&reply->classes[i]) ||
		    (!claim && (reply->classes[i].count !=
				message->classes[i].count ||
				reply->classes[i].bytes <
				message->classes[i].bytes)))
			return false;
	return true;
}

static void take_grant(struct carve_reservation *reservation,
		       const struct carve_wire_reserve_reply *reply)
{
	struct carve_link *link = &reservation->carve->link;

	if (!reservation->id) {
		reservation->generation = link->generation;
		link->reservations++;
	}
	reservation->id = reply->reservation;
	reservation->count = reply->count;
	for (uint32_t i = 0; i < reply->count; i++) {
		const struct carve_wire_class *wire = &reply->classes[i];

		reservation->classes[i] = (struct carve_class){
			.struct_size = sizeof(struct carve_class),
			.count = wire->count,
			.bytes = wire->bytes,
			.alignment = wire->alignment,
			.limit = wire->limit,
			.guard_before = wire->guard_before,
			.guard_after = wire->guard_after,
		};
	}
}

int carve_reservation_heard(struct carve_reservation *reservation,
			    const struct carve_wire_reserve_reply *reply)
{
	if (reply->reservation != reservation->id)
		return -EPROTO;
	for (uint32_t i = 0; i < reply->count; i++)
		if (!class_ok(&reply->classes[i]))
			return -EPROTO;
	take_grant(reservation, reply);
	return 0;
}

/* The connection is held. */
static int reserve_held(struct carve_reservation *reservation,
			struct reserve_message *message,
			struct carve_refusal *refusal)
{
	struct carve *carve = reservation->carve;
	size_t count = message->reserve.count;
	struct carve_reply reply;
	int r;

	if (reservation->id && is_lost(reservation))
		return -ESTALE;
	message->reserve.header.type = CARVE_MSG_RESERVE;
	message->reserve.header.bytes = sizeof(message->reserve) +
					count * sizeof(message->classes[0]);
	if (refusal)
		message->reserve.flags |= CARVE_WIRE_RESERVE_EXPLAIN;
	reply.header = (struct carve_wire_header){ 0 };
	r = carve_call_held(carve, &message->reserve.header, -1, 0, &reply);
	if (r == 0) {
		if (reply_ok(&reply.reserve, message))
			take_grant(reservation, &reply.reserve);
		else
			r = -EPROTO;
	} else if (r == reply.header.status &&
		   carve_refusal_is_one(&reply.header)) {
		/* A claim has no classes to be the first of. */
		r = carve_refusal_take(&reply, count ? count : 1, refusal);
	} else if (reservation->id &&
		   carve->link.unheard.id == message->reserve.header.id) {
		carve->link.unheard.changed = reservation;
	}
	if (r == -EPROTO)
		carve_link_break(carve);
	return r;
}

static int reserve(struct carve_reservation *reservation,
		   struct reserve_message *message,
		   struct carve_refusal *refusal)
{
	int state = carve_hold(reservation->carve);
	int r = reserve_held(reservation, message, refusal);

	carve_let_go(reservation->carve, state);
	return r;
}

static int reserve_new(struct carve *carve, struct reserve_message *message,
		       struct carve_reservation **ret,
		       struct carve_refusal *refusal)
{
	struct carve_reservation *reservation = calloc(1, sizeof(*reservation));
	int r;

	if (!reservation)
		return -ENOMEM;
	reservation->carve = carve;
	r = reserve(reservation, message, refusal);
	if (r < 0) {
		free(reservation);
		return r;
	}
	*ret = reservation;
	return 0;
}

/* ---- the public calls -------------------------------------------------- */

int carve_reserve(struct carve *carve, const struct carve_profile *profile,
		  struct carve_reservation **ret,
		  struct carve_refusal *ret_refusal)
{
	struct reserve_message message = { 0 };
	int r;

	if (!carve || !profile || !ret)
		return -EINVAL;
	r = ret_refusal ? carve_refusal_check(ret_refusal) : 0;
	if (r == 0)
		r = fill_message(profile, true, &message);
	return r < 0 ? r : reserve_new(carve, &message, ret, ret_refusal);
}

int carve_reservation_claim(struct carve *carve, const char *name,
			    uint64_t timeout_nsec,
			    struct carve_reservation **ret)
{
	struct reserve_message message = {
		.reserve.flags = CARVE_WIRE_RESERVE_CLAIM,
		.reserve.timeout_nsec = timeout_nsec,
	};

	if (!carve || !name || !*name || !ret)
		return -EINVAL;
	if (fill_name(name, message.reserve.name) < 0)
		return -ENOENT;
	return reserve_new(carve, &message, ret, NULL);
}

int carve_reservation_change(struct carve_reservation *reservation,
			     const struct carve_profile *profile,
			     struct carve_refusal *ret_refusal)
{
	struct reserve_message message = { 0 };
	int r;

	if (!profile)
		return -EINVAL;
	r = ret_refusal ? carve_refusal_check(ret_refusal) : 0;
	if (r == 0)
		r = fill_message(profile, false, &message);
	if (r < 0)
		return r;
	message.reserve.reservation = reservation->id;
	return reserve(reservation, &message, ret_refusal);
}

/* The connection is held. */
static void give_back(struct carve_reservation *reservation)
{
	struct carve_link *link = &reservation->carve->link;
	struct reserve_message message = {
		.reserve.reservation = reservation->id,
	};
	int r = reserve_held(reservation, &message, NULL);

	/* Whatever it was changed to. */
	if (link->unheard.changed == reservation)
		link->unheard = (struct carve_unheard){ 0 };
	if (is_lost(reservation))
		return;
	link->reservations--;
	/* Whatever it was, but that there is none, the daemon has not said it. */
	if (r == 0 || r == -ENOENT || link->owed_count == CARVE_OWED_MAX)
		return;
	link->owed[link->owed_count++] = reservation->id;
	carve_link_owe(reservation->carve);
}

struct carve_reservation *
carve_reservation_free(struct carve_reservation *reservation)
{
	int state;

	if (!reservation)
		return NULL;
	state = carve_hold(reservation->carve);
	give_back(reservation);
	carve_let_go(reservation->carve, state);
	free(reservation);
	return NULL;
}

size_t carve_reservation_count(const struct carve_reservation *reservation)
{
	return reservation->count;
}

const struct carve_class *
carve_reservation_get(const struct carve_reservation *reservation, size_t index)
{
	return index < reservation->count ? &reservation->classes[index] : NULL;
}

/* The connection is held: what a class is may change. */
static int alloc_held(struct carve_reservation *reservation,
		      struct carve_alloc_message *message,
		      const size_t *indexes, struct carve_buffer **ret,
		      struct carve_refusal *refusal)
{
	uint64_t sizes[CARVE_ALLOC_MAX];
	int r = carve_settle(reservation->carve);

	if (r < 0)
		return r;
	if (is_lost(reservation))
		return -ESTALE;
	for (uint32_t i = 0; i < message->alloc.count; i++) {
		if (indexes[i] >= reservation->count)
			return -EINVAL;
		message->items[i].class = (uint32_t)indexes[i];
		sizes[i] = reservation->classes[indexes[i]].bytes;
	}
	return carve_alloc_held(reservation->carve, message, sizes, ret,
				refusal);
}

int carve_reservation_alloc_many(struct carve_reservation *reservation,
				 const size_t *indexes, const char *const *names,
				 size_t count, uint64_t timeout_nsec,
				 struct carve_buffer **ret,
				 struct carve_refusal *ret_refusal)
{
	struct carve_alloc_message message = {
		.alloc.reservation = reservation->id,
		.alloc.timeout_nsec = timeout_nsec,
		.alloc.count = (uint32_t)count,
	};
	int r, state;

	if (!indexes || !ret || !count || count > CARVE_ALLOC_MAX)
		return -EINVAL;
	r = ret_refusal ? carve_refusal_check(ret_refusal) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; names && i < count; i++) {
		const char *name = names[i] ? names[i] : "";

		if (strlen(name) >= sizeof(message.items[i].name))
			return -EINVAL;
		strcpy(message.items[i].name, name);
	}
	state = carve_hold(reservation->carve);
	r = alloc_held(reservation, &message, indexes, ret, ret_refusal);
	carve_let_go(reservation->carve, state);
	return r;
}

int carve_reservation_alloc(struct carve_reservation *reservation, size_t index,
			    const char *name, uint64_t timeout_nsec,
			    struct carve_buffer **ret)
{
	return carve_reservation_alloc_many(reservation, &index, &name, 1,
					    timeout_nsec, ret, NULL);
}
