/* SPDX-License-Identifier: MIT */
/*
 * The wire between libcarve and carved, declared once.
 *
 * A Unix SOCK_SEQPACKET socket; one message is one packet of at most
 * CARVE_WIRE_MAX bytes in the machine's own byte order. Every message starts
 * with a header; a reply carries the type and id of its request. The first
 * request is CARVE_MSG_HELLO, and nothing else is answered before it.
 *
 * Rules for whoever receives: a message shorter or longer than its type says,
 * an unknown type, a string without end, truncated ancillary data
 * (MSG_CTRUNC), or more or other descriptors than the type carries is a
 * protocol error; the daemon ends the connection, the library gives -EPROTO.
 * Members called reserved are zero, and checked.
 *
 * Descriptors travel with exactly two messages: CARVE_MSG_QUERY (request, one)
 * and CARVE_MSG_ALLOC (reply, one for each buffer, in order).
 *
 * There is no message that frees a buffer: dropping its last reference does.
 */
#ifndef CARVE_PROTOCOL_H
#define CARVE_PROTOCOL_H

#include <stdint.h>

#define CARVE_WIRE_VERSION	1
#define CARVE_WIRE_MAX		8192
#define CARVE_WIRE_LABEL	32	/* with the NUL */
#define CARVE_WIRE_NAME		64	/* with the NUL */
#define CARVE_WIRE_ALLOC_MAX	64	/* buffers in one request */
#define CARVE_WIRE_REGIONS_MAX	16	/* regions of one daemon */
#define CARVE_WIRE_LIST_MAX	32	/* entries in one list reply */

enum carve_msg_type {
	CARVE_MSG_HELLO = 1,
	CARVE_MSG_ALLOC = 2,
	CARVE_MSG_REGIONS = 3,
	CARVE_MSG_LIST = 4,
	CARVE_MSG_QUERY = 5,
};

/**
 * struct carve_wire_header - start of every message
 * @bytes: of the whole message, header included
 * @type: enum carve_msg_type, the same in request and reply
 * @status: request: 0; reply: 0 or a negative errno
 * @id: chosen by the client, returned in the reply
 *
 * A reply with a negative status is the header alone, with one exception:
 * CARVE_MSG_ALLOC with -ENOSPC carries struct carve_wire_refusal.
 */
struct carve_wire_header {
	uint32_t bytes;
	uint16_t type;
	int16_t status;
	uint64_t id;
};

/* HELLO: the client names the versions it speaks, the daemon picks one. */
struct carve_wire_hello {
	struct carve_wire_header header;
	uint32_t version_min;
	uint32_t version_max;
};

struct carve_wire_hello_reply {
	struct carve_wire_header header;
	uint32_t version;
	uint32_t reserved;
};

/**
 * struct carve_wire_alloc - CARVE_MSG_ALLOC: @count buffers, all or none
 * @region: label, or all zeros for the default region
 * @count: 1 to CARVE_WIRE_ALLOC_MAX; the message ends after items[count - 1]
 */
struct carve_wire_alloc_item {
	uint64_t bytes;
	uint64_t alignment;
	char name[CARVE_WIRE_NAME];
};

struct carve_wire_alloc {
	struct carve_wire_header header;
	char region[CARVE_WIRE_LABEL];
	uint32_t count;
	uint32_t reserved;
	struct carve_wire_alloc_item items[];
};

struct carve_wire_alloc_result {
	uint64_t id;
	uint64_t bytes;
};

struct carve_wire_alloc_reply {
	struct carve_wire_header header;
	uint32_t count;
	uint32_t region_flags;	/* CARVE_REGION_* of carve.h */
	struct carve_wire_alloc_result items[];
};

struct carve_wire_refusal {
	struct carve_wire_header header;
	uint32_t index;
	uint32_t reserved;
	uint64_t wanted_bytes;
	uint64_t region_bytes;
	uint64_t free_bytes;
	uint64_t largest_bytes;
	uint64_t dirty_bytes;
	uint64_t live_bytes;
	uint64_t own_bytes;
};

/* REGIONS: the request is a header alone. */
struct carve_wire_region {
	uint32_t flags;		/* CARVE_REGION_* of carve.h */
	uint32_t page_bytes;
	char label[CARVE_WIRE_LABEL];
	uint64_t bytes;
	uint64_t free_bytes;
	uint64_t largest_bytes;
	uint64_t dirty_bytes;
	uint64_t live_bytes;
	uint32_t buffers;
	uint32_t reserved;
};

struct carve_wire_regions_reply {
	struct carve_wire_header header;
	uint32_t count;
	uint32_t clients;
	struct carve_wire_region items[];
};

/**
 * struct carve_wire_list - CARVE_MSG_LIST: buffers by region; see carve_buffers_new()
 * @cursor: 0 to start, then what the last reply said
 */
struct carve_wire_list {
	struct carve_wire_header header;
	uint64_t cursor;
};

struct carve_wire_buffer {
	uint64_t id;
	uint64_t bytes;
	uint64_t offset;
	uint32_t flags;		/* CARVE_BUFFER_* of carve.h */
	uint32_t uid;
	int32_t pid;
	uint32_t reserved;
	char region[CARVE_WIRE_LABEL];
	char name[CARVE_WIRE_NAME];
};

/**
 * struct carve_wire_list_reply - up to CARVE_WIRE_LIST_MAX entries
 * @cursor: where to go on, larger than the request's; 0 when this was the end
 * @count: entries; 0 at the end or between two regions
 */
struct carve_wire_list_reply {
	struct carve_wire_header header;
	uint64_t cursor;
	uint32_t count;
	uint32_t reserved;
	struct carve_wire_buffer items[];
};

/* QUERY: a header with one descriptor. */
struct carve_wire_query_reply {
	struct carve_wire_header header;
	struct carve_wire_buffer buffer;
};

/* No padding anywhere: what is compared and copied is exactly what is declared. */
_Static_assert(sizeof(struct carve_wire_header) == 16, "wire");
_Static_assert(sizeof(struct carve_wire_hello) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_hello_reply) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_alloc_item) == 80, "wire");
_Static_assert(sizeof(struct carve_wire_alloc) == 56, "wire");
_Static_assert(sizeof(struct carve_wire_alloc_result) == 16, "wire");
_Static_assert(sizeof(struct carve_wire_alloc_reply) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_refusal) == 80, "wire");
_Static_assert(sizeof(struct carve_wire_region) == 88, "wire");
_Static_assert(sizeof(struct carve_wire_regions_reply) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_list) == 24, "wire");
_Static_assert(sizeof(struct carve_wire_buffer) == 136, "wire");
_Static_assert(sizeof(struct carve_wire_list_reply) == 32, "wire");
_Static_assert(sizeof(struct carve_wire_query_reply) == 152, "wire");

/* The largest messages fit. */
_Static_assert(sizeof(struct carve_wire_alloc) + CARVE_WIRE_ALLOC_MAX *
	       sizeof(struct carve_wire_alloc_item) <= CARVE_WIRE_MAX, "wire");
_Static_assert(sizeof(struct carve_wire_list_reply) + CARVE_WIRE_LIST_MAX *
	       sizeof(struct carve_wire_buffer) <= CARVE_WIRE_MAX, "wire");
_Static_assert(sizeof(struct carve_wire_regions_reply) + CARVE_WIRE_REGIONS_MAX *
	       sizeof(struct carve_wire_region) <= CARVE_WIRE_MAX, "wire");

#endif /* CARVE_PROTOCOL_H */
