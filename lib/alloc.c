// SPDX-License-Identifier: MIT
/*
 * Allocation: requests are checked here as the header says, so that a mistake
 * is told without a round trip, and the daemon checks them again.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define ALIGNMENT_MAX		(1ULL << 30)
#define GUARD_MAX		(1U << 20)

/* Size in version 0 of the library: what every caller has. */
#define REQUEST_FIRST		offsetof(struct carve_request, timeout_nsec)

_Static_assert(CARVE_ALLOC_MAX == CARVE_WIRE_ALLOC_MAX, "header and wire");

static int check_guard(uint32_t guard)
{
	if (guard & ((uint64_t)sysconf(_SC_PAGESIZE) - 1))
		return -EINVAL;
	return guard > GUARD_MAX ? -ERANGE : 0;
}

static int fill_item(const struct carve_request *request,
		     struct carve_wire_alloc_item *item)
{
	const char *name = request->name ? request->name : "";
	uint64_t alignment = request->alignment;
	int r;

	if (request->flags || !request->bytes || alignment & (alignment - 1))
		return -EINVAL;
	if (strlen(name) >= sizeof(item->name))
		return -EINVAL;
	if (request->bytes > UINT64_MAX - (uint64_t)sysconf(_SC_PAGESIZE) + 1)
		return -EOVERFLOW;
	if (alignment > ALIGNMENT_MAX)
		return -ERANGE;
	r = check_guard(request->guard_before);
	if (r == 0)
		r = check_guard(request->guard_after);
	if (r < 0)
		return r;

	item->bytes = request->bytes;
	item->alignment = alignment;
	item->limit = request->limit;
	item->guard_before = request->guard_before;
	item->guard_after = request->guard_after;
	strcpy(item->name, name);
	return 0;
}

int carve_fill_region(const char *region, char *to)
{
	/* No region can have such a label. */
	if (strlen(region) >= CARVE_WIRE_LABEL)
		return -ENOENT;
	strcpy(to, region);
	return 0;
}

static int fill_message(const struct carve_request *requests, size_t count,
			struct carve_alloc_message *message)
{
	const uint8_t *at = (const uint8_t *)requests;
	/* The caller's array has the stride of the caller's structure. */
	uint32_t stride = requests->struct_size;
	const char *region = "";
	int r;

	if (stride % _Alignof(struct carve_request))
		return -EINVAL;

	for (size_t i = 0; i < count; i++, at += stride) {
		struct carve_request request;
		const char *its;

		r = carve_struct_in(&request, sizeof(request), REQUEST_FIRST, at);
		if (r < 0)
			return r;
		its = request.region ? request.region : "";
		if (i == 0)
			region = its;
		if (request.struct_size != stride || strcmp(its, region) != 0)
			return -EINVAL;
		if (i == 0)
			message->alloc.timeout_nsec = request.timeout_nsec;
		r = fill_item(&request, &message->items[i]);
		if (r < 0)
			return r;
	}

	message->alloc.count = count;
	return carve_fill_region(region, message->alloc.region);
}

/*
 * Give every descriptor of the reply to its buffer. What was sent is not
 * believed but looked at: it must be a buffer of exactly the size that the
 * request comes to.
 */
static int adopt(struct carve_reply *reply, size_t count, const uint64_t *sizes,
		 struct carve_buffer **buffers)
{
	const struct carve_wire_alloc_reply *alloc = &reply->alloc;

	if (alloc->header.bytes != sizeof(*alloc) + count * sizeof(alloc->items[0]))
		return -EPROTO;
	if (alloc->count != count)
		return -EPROTO;

	for (size_t i = 0; i < count; i++) {
		if (alloc->items[i].bytes != sizes[i] ||
		    carve_buffer_adopt(buffers[i], reply->fds[i]) < 0)
			return -EPROTO;
		/* The buffer closes it from now on. */
		reply->fds[i] = -1;
		if (carve_buffer_get_bytes(buffers[i]) != sizes[i])
			return -EPROTO;
	}
	reply->fd_count = 0;
	return 0;
}

static int alloc_into(struct carve *carve, struct carve_alloc_message *message,
		      const uint64_t *sizes, struct carve_buffer **buffers,
		      struct carve_refusal *refusal)
{
	size_t count = message->alloc.count;
	struct carve_reply reply;
	int r;

	/* First what can fail here: afterwards memory would be at stake. */
	for (size_t i = 0; i < count; i++) {
		r = carve_buffer_new(&buffers[i]);
		if (r < 0)
			return r;
	}

	reply.header = (struct carve_wire_header){ 0 };
	r = carve_call_held(carve, &message->alloc.header, -1, count, &reply);
	if (r == 0) {
		r = adopt(&reply, count, sizes, buffers);
		carve_reply_done(&reply);
	} else if (r == reply.header.status &&
		   carve_refusal_is_one(&reply.header)) {
		r = carve_refusal_take(&reply, count, refusal);
	}
	if (r == -EPROTO)
		carve_link_break(carve);
	return r;
}

int carve_alloc_held(struct carve *carve, struct carve_alloc_message *message,
		     const uint64_t *sizes, struct carve_buffer **ret,
		     struct carve_refusal *refusal)
{
	struct carve_buffer *buffers[CARVE_ALLOC_MAX] = { 0 };
	size_t count = message->alloc.count;
	int r;

	message->alloc.header.type = CARVE_MSG_ALLOC;
	message->alloc.header.bytes = sizeof(message->alloc) +
				      count * sizeof(message->items[0]);
	if (refusal)
		message->alloc.flags |= CARVE_WIRE_ALLOC_EXPLAIN;
	r = alloc_into(carve, message, sizes, buffers, refusal);
	if (r < 0) {
		for (size_t i = 0; i < count; i++)
			carve_buffer_unref(buffers[i]);
		return r;
	}
	memcpy(ret, buffers, count * sizeof(*ret));
	return 0;
}

int carve_alloc_many(struct carve *carve, const struct carve_request *requests,
		     size_t count, struct carve_buffer **ret,
		     struct carve_refusal *ret_refusal)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	struct carve_alloc_message message = { 0 };
	uint64_t sizes[CARVE_ALLOC_MAX];
	int r, state;

	if (!carve || !requests || !ret || !count || count > CARVE_ALLOC_MAX)
		return -EINVAL;
	if (ret_refusal) {
		r = carve_refusal_check(ret_refusal);
		if (r < 0)
			return r;
	}
	r = fill_message(requests, count, &message);
	if (r < 0)
		return r;

	for (size_t i = 0; i < count; i++)
		sizes[i] = (message.items[i].bytes + page - 1) & ~(page - 1);

	state = carve_hold(carve);
	r = carve_alloc_held(carve, &message, sizes, ret, ret_refusal);
	carve_let_go(carve, state);
	return r;
}

int carve_alloc(struct carve *carve, const struct carve_request *request,
		struct carve_buffer **ret)
{
	return carve_alloc_many(carve, request, 1, ret, NULL);
}
