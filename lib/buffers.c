// SPDX-License-Identifier: MIT
/* What buffers there are, and which one a descriptor is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "list.h"

/* Size in version 0 of the library: what every caller has. */
#define INFO_FIRST	sizeof(struct carve_buffer_info)

struct carve_buffers {
	struct carve_list list;
};

static bool buffer_ok(const void *data)
{
	const struct carve_wire_buffer *wire = data;

	return carve_wire_string_ok(wire->region, sizeof(wire->region)) &&
	       carve_wire_string_ok(wire->name, sizeof(wire->name)) &&
	       wire->region[0] && wire->bytes && !wire->reserved;
}

static void buffer_from_wire(const void *data, void *ret)
{
	const struct carve_wire_buffer *wire = data;
	struct carve_buffer_info *info = ret;

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

static const struct carve_list_kind kind = {
	.type = CARVE_MSG_LIST,
	/* Between two regions. */
	.may_be_empty = true,
	.wire_bytes = sizeof(struct carve_wire_buffer),
	.info_bytes = sizeof(struct carve_buffer_info),
	.ok = buffer_ok,
	.take = buffer_from_wire,
};

int carve_buffers_new(struct carve *carve, struct carve_buffers **ret)
{
	struct carve_buffers *buffers;
	int r;

	if (!carve || !ret)
		return -EINVAL;
	buffers = calloc(1, sizeof(*buffers));
	if (!buffers)
		return -ENOMEM;

	r = carve_list_walk(carve, &kind, &buffers->list);
	if (r < 0) {
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
	free(buffers->list.items);
	free(buffers);
	return NULL;
}

size_t carve_buffers_count(const struct carve_buffers *buffers)
{
	return buffers->list.count;
}

const struct carve_buffer_info *
carve_buffers_get(const struct carve_buffers *buffers, size_t index)
{
	const struct carve_buffer_info *items = buffers->list.items;

	return index < buffers->list.count ? &items[index] : NULL;
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
