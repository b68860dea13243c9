// SPDX-License-Identifier: MIT
/* What buffers there are, and which one a descriptor is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * Bounds for a daemon gone mad: more buffers than any region can have
 * descriptors for, and as many replies as one buffer each would take.
 */
#define LIST_MAX	(1U << 20)
#define ROUNDS_MAX	(LIST_MAX + CARVE_WIRE_REGIONS_MAX)

/* Size in version 0 of the library: what every caller has. */
#define INFO_FIRST	sizeof(struct carve_buffer_info)

struct carve_buffers {
	size_t count;
	size_t room;
	struct carve_buffer_info *items;
};

static bool buffer_ok(const struct carve_wire_buffer *wire)
{
	return carve_wire_string_ok(wire->region, sizeof(wire->region)) &&
	       carve_wire_string_ok(wire->name, sizeof(wire->name)) &&
	       wire->region[0] && wire->bytes && !wire->reserved;
}

static void buffer_from_wire(const struct carve_wire_buffer *wire,
			     struct carve_buffer_info *info)
{
	*info = (struct carve_buffer_info) {
		.struct_size = sizeof(*info),
		.flags = wire->flags,
		.id = wire->id,
		.bytes = wire->bytes,
		.offset = wire->offset,
		.uid = wire->uid,
		.pid = wire->pid,
	};
	strcpy(info->region, wire->region);
	strcpy(info->name, wire->name);
}

/* Is it a page of the list that leads on from @cursor, or ends there? */
static bool page_ok(const struct carve_wire_list_reply *page, uint64_t cursor)
{
	if (page->header.bytes < sizeof(*page) || page->reserved)
		return false;
	if (page->count > CARVE_WIRE_LIST_MAX)
		return false;
	if (page->header.bytes !=
	    sizeof(*page) + page->count * sizeof(page->items[0]))
		return false;
	if (page->cursor && page->cursor <= cursor)
		return false;
	for (uint32_t i = 0; i < page->count; i++)
		if (!buffer_ok(&page->items[i]))
			return false;
	return true;
}

static int append(struct carve_buffers *buffers,
		  const struct carve_wire_list_reply *page)
{
	size_t need = buffers->count + page->count;

	if (need > LIST_MAX)
		return -EPROTO;
	if (need > buffers->room) {
		size_t room = need + buffers->room;
		void *items = realloc(buffers->items,
				      room * sizeof(buffers->items[0]));

		if (!items)
			return -ENOMEM;
		buffers->items = items;
		buffers->room = room;
	}
	for (uint32_t i = 0; i < page->count; i++)
		buffer_from_wire(&page->items[i],
				 &buffers->items[buffers->count++]);
	return 0;
}

/* The connection is held: the daemon keeps one place in a list for each. */
static int list_held(struct carve *carve, struct carve_buffers *buffers)
{
	struct carve_wire_list request = {
		.header.bytes = sizeof(request),
		.header.type = CARVE_MSG_LIST,
	};
	struct carve_reply reply;
	int r;

	for (uint32_t rounds = 0; rounds < ROUNDS_MAX; rounds++) {
		r = carve_call_held(carve, &request.header, -1, 0, &reply);
		if (r < 0)
			return r;
		if (!page_ok(&reply.list, request.cursor))
			return -EPROTO;
		r = append(buffers, &reply.list);
		if (r < 0)
			return r;
		request.cursor = reply.list.cursor;
		if (!request.cursor)
			return 0;
	}
	return -EPROTO;
}

int carve_buffers_new(struct carve *carve, struct carve_buffers **ret)
{
	struct carve_buffers *buffers;
	int r, state;

	if (!carve || !ret)
		return -EINVAL;
	buffers = calloc(1, sizeof(*buffers));
	if (!buffers)
		return -ENOMEM;

	state = carve_hold(carve);
	r = list_held(carve, buffers);
	carve_let_go(carve, state);
	if (r < 0) {
		if (r == -EPROTO)
			carve_connection_fail(carve);
		carve_buffers_free(buffers);
		return r;
	}
	*ret = buffers;
	return 0;
}

struct carve_buffers *carve_buffers_free(struct carve_buffers *buffers)
{
	if (!buffers)
		return NULL;
	free(buffers->items);
	free(buffers);
	return NULL;
}

size_t carve_buffers_count(const struct carve_buffers *buffers)
{
	return buffers->count;
}

const struct carve_buffer_info *
carve_buffers_get(const struct carve_buffers *buffers, size_t index)
{
	return index < buffers->count ? &buffers->items[index] : NULL;
}

int carve_query(struct carve *carve, int fd, struct carve_buffer_info *ret)
{
	struct carve_wire_header request = {
		.bytes = sizeof(request),
		.type = CARVE_MSG_QUERY,
	};
	struct carve_buffer_info info;
	struct carve_reply reply;
	int r;

	if (!carve || !ret)
		return -EINVAL;
	r = carve_struct_check(ret->struct_size, INFO_FIRST);
	if (r < 0)
		return r;
	/* Asked here, so that the socket's own EBADF cannot be taken for it. */
	if (fcntl(fd, F_GETFD) < 0)
		return -errno;

	r = carve_call(carve, &request, fd, 0, &reply);
	if (r < 0)
		return r;
	if (reply.header.bytes != sizeof(reply.query) ||
	    !buffer_ok(&reply.query.buffer))
		return carve_connection_fail(carve);

	buffer_from_wire(&reply.query.buffer, &info);
	carve_struct_out(ret, &info, sizeof(info));
	return 0;
}
