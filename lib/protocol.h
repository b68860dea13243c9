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
 * A client has one request at a time under way, with ids that rise. Three
 * messages are outside of that order and have no reply: CARVE_MSG_CANCEL, which a
 * client sends while its request waits; CARVE_MSG_PRESSURE, which the daemon sends
 * at any time, with an id of 0, to a client that has asked for it; and
 * CARVE_MSG_EPOCH.
 *
 * There is no message that frees a buffer: dropping its last reference does.
 *
 * The daemon may be killed and started again at any instant. Each start is an
 * epoch, with a number above all before, as far as these are known; with another one
 * in any case. A connection that was kept (the service
 * manager had a copy of the socket) gets CARVE_MSG_EPOCH, with an id of 0, before
 * anything else of the new daemon; behind replies, that is, which the old one had
 * sent. From then on the daemon drops whatever it reads until CARVE_MSG_RESUME
 * names this epoch: what was asked before, and read or not, was not answered. The
 * client sends CARVE_MSG_RESUME, gets its reply, and sends its unanswered request
 * again, with its id and what is left of its timeout; then what it had said about
 * it (CARVE_MSG_CANCEL). Nothing is done twice: buffers of a reply that was never
 * sent died with the daemon, and a reservation knows by which request it was made.
 *
 * Where no socket is kept, the client connects anew, says HELLO, and then
 * CARVE_MSG_RESUME with what the HELLO of its old connection was answered.
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
#define CARVE_WIRE_CLASSES_MAX	16	/* classes of one reservation */
#define CARVE_WIRE_SLOTS_MAX	1024	/* buffers of one reservation, all classes */
#define CARVE_WIRE_HOLDERS_MAX	16	/* holders in one refusal */
#define CARVE_WIRE_UNIT		64	/* name of a systemd unit, cut, with the NUL */
#define CARVE_WIRE_FOREVER	UINT64_MAX	/* as a timeout */

enum carve_msg_type {
	CARVE_MSG_HELLO = 1,
	CARVE_MSG_ALLOC = 2,
	CARVE_MSG_REGIONS = 3,
	CARVE_MSG_LIST = 4,
	CARVE_MSG_QUERY = 5,
	CARVE_MSG_RESERVE = 6,
	CARVE_MSG_RESERVATIONS = 7,
	CARVE_MSG_WATCH = 8,
	CARVE_MSG_CANCEL = 9,
	CARVE_MSG_PRESSURE = 10,
	CARVE_MSG_EPOCH = 11,
	CARVE_MSG_RESUME = 12,
};

/**
 * struct carve_wire_header - start of every message
 * @bytes: of the whole message, header included
 * @type: enum carve_msg_type, the same in request and reply
 * @status: request: 0; reply: 0 or a negative errno
 * @id: chosen by the client, returned in the reply
 *
 * A reply with a negative status is the header alone, with one exception:
 * CARVE_MSG_ALLOC and CARVE_MSG_RESERVE with -ENOSPC, -EDQUOT or -ETIMEDOUT carry
 * struct carve_wire_refusal.
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

#define CARVE_WIRE_SECRET	16

/**
 * struct carve_wire_hello_reply - welcome
 * @epoch: of this daemon
 * @client, @secret: what CARVE_MSG_RESUME has to say to be taken for this client
 *	again; @client is not 0
 */
struct carve_wire_hello_reply {
	struct carve_wire_header header;
	uint32_t version;
	uint32_t reserved;
	uint64_t epoch;
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
};

/* EPOCH: another daemon serves this connection; see above. */
struct carve_wire_epoch {
	struct carve_wire_header header;
	uint64_t epoch;
};

/**
 * struct carve_wire_resume - CARVE_MSG_RESUME: go on where the last daemon ended
 * @epoch: the last one that was announced
 * @client, @secret: from the HELLO's answer; zeros on a kept connection whose
 *	HELLO was not answered, which then follows
 */
struct carve_wire_resume {
	struct carve_wire_header header;
	uint64_t epoch;
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
};

/* What the daemon knew of this client is gone: its reservations. */
#define CARVE_WIRE_RESUME_LOST	(1U << 0)

/* RESUME's reply; @client and @secret as in HELLO's from now on, or 0 before it. */
struct carve_wire_resume_reply {
	struct carve_wire_header header;
	uint32_t flags;
	uint32_t reserved;
	uint64_t client;
	uint8_t secret[CARVE_WIRE_SECRET];
};

/* Look who is in the way, should there be no room: that takes a while. */
#define CARVE_WIRE_ALLOC_EXPLAIN	(1U << 0)

/**
 * struct carve_wire_alloc_item - one buffer
 * @bytes: without guards; 0 inside a reservation, whose class says it all
 * @alignment, @limit, @guard_before, @guard_after: as in struct carve_request; 0
 *	inside a reservation
 * @class: index of the reservation's class; 0 outside of one
 */
struct carve_wire_alloc_item {
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
	uint32_t class;
	uint32_t reserved;
	char name[CARVE_WIRE_NAME];
};

/**
 * struct carve_wire_alloc - CARVE_MSG_ALLOC: @count buffers, all or none
 * @region: label, or all zeros for the default region and inside a reservation
 * @reservation: number of one of this connection's, 0 for none
 * @timeout_nsec: how long to wait for others to give memory back; 0: not at all;
 *	CARVE_WIRE_FOREVER
 * @count: 1 to CARVE_WIRE_ALLOC_MAX; the message ends after items[count - 1]
 * @flags: CARVE_WIRE_ALLOC_EXPLAIN
 */
struct carve_wire_alloc {
	struct carve_wire_header header;
	char region[CARVE_WIRE_LABEL];
	uint64_t reservation;
	uint64_t timeout_nsec;
	uint32_t count;
	uint32_t flags;
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

/**
 * struct carve_wire_holder - who has memory, by user and unit
 * @flags: CARVE_HOLDER_* of carve.h
 * @uid, @unit: zero without CARVE_HOLDER_KNOWN; no unit: all zeros
 * @bytes, @buffers: what is charged, reserved slots included
 */
struct carve_wire_holder {
	uint32_t flags;
	uint32_t uid;
	uint64_t bytes;
	uint32_t buffers;
	uint32_t reserved;
	char unit[CARVE_WIRE_UNIT];
};

/**
 * struct carve_wire_refusal - why not; see struct carve_refusal
 * @index: item, or class of a reservation
 * @holder_count: entries that follow; 0 without CARVE_WIRE_ALLOC_EXPLAIN
 */
struct carve_wire_refusal {
	struct carve_wire_header header;
	uint32_t index;
	uint32_t reason;	/* CARVE_REFUSED_* of carve.h */
	uint64_t wanted_bytes;
	uint64_t region_bytes;
	uint64_t free_bytes;
	uint64_t largest_bytes;
	uint64_t dirty_bytes;
	uint64_t live_bytes;
	uint64_t reserved_bytes;
	uint64_t kept_bytes;
	uint64_t own_bytes;
	uint64_t own_limit;
	uint32_t holder_count;
	uint32_t reserved;
	struct carve_wire_holder holders[];
};

/**
 * struct carve_wire_class - buffers of one kind in a reservation
 * @count: how many, 1 or more
 */
struct carve_wire_class {
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
	uint32_t count;
	uint32_t reserved;
};

/* Take over the configured reservation called @name; no classes. */
#define CARVE_WIRE_RESERVE_CLAIM	(1U << 0)
/* As CARVE_WIRE_ALLOC_EXPLAIN. */
#define CARVE_WIRE_RESERVE_EXPLAIN	(1U << 1)

/**
 * struct carve_wire_reserve - CARVE_MSG_RESERVE
 * @region: label, or all zeros for the default one; zeros but for a new one
 * @name: of a configured reservation, with CARVE_WIRE_RESERVE_CLAIM; else shown
 *	in lists
 * @reservation: 0 for a new one; else one of this connection's, to be changed to
 *	these classes, or with none, to be given back
 * @timeout_nsec: as in struct carve_wire_alloc
 * @count: classes that follow
 *
 * The first one behind CARVE_MSG_RESUME, giving back and CARVE_MSG_WATCH aside, is
 * answered with what a request of its id was granted by the daemon before, if it
 * was. A new one without classes thus only asks for that: it fails otherwise.
 */
struct carve_wire_reserve {
	struct carve_wire_header header;
	char region[CARVE_WIRE_LABEL];
	char name[CARVE_WIRE_LABEL];
	uint64_t reservation;
	uint64_t timeout_nsec;
	uint32_t count;
	uint32_t flags;
	struct carve_wire_class classes[];
};

/**
 * struct carve_wire_reserve_reply - what was granted
 * @bytes: of the region it takes, guards and rounding included
 * @count: classes that follow, as granted: sizes in whole pages; none when it
 *	was given back
 */
struct carve_wire_reserve_reply {
	struct carve_wire_header header;
	uint64_t reservation;
	uint64_t bytes;
	uint32_t count;
	uint32_t reserved;
	struct carve_wire_class classes[];
};

/**
 * struct carve_wire_reservations - CARVE_MSG_RESERVATIONS: all there are
 * @cursor: 0 to start, then what the last reply said
 */
struct carve_wire_reservations {
	struct carve_wire_header header;
	uint64_t cursor;
};

struct carve_wire_reservation {
	uint64_t id;
	uint64_t bytes;
	uint64_t live_bytes;	/* of these, in buffers that are alive */
	uint32_t flags;		/* CARVE_RESERVATION_* of carve.h */
	uint32_t uid;
	int32_t pid;
	uint32_t slots;
	uint32_t live;
	uint32_t reserved;
	char region[CARVE_WIRE_LABEL];
	char name[CARVE_WIRE_LABEL];
};

/* Up to CARVE_WIRE_LIST_MAX entries; @cursor as in struct carve_wire_list_reply. */
struct carve_wire_reservations_reply {
	struct carve_wire_header header;
	uint64_t cursor;
	uint32_t count;
	uint32_t reserved;
	struct carve_wire_reservation items[];
};

/* WATCH: from now on tell this client of pressure, or no longer. */
#define CARVE_WIRE_WATCH_PRESSURE	(1U << 0)

struct carve_wire_watch {
	struct carve_wire_header header;
	uint32_t flags;
	uint32_t reserved;
};

/**
 * struct carve_wire_cancel - CARVE_MSG_CANCEL: forget the request that waits
 * @request: its id; when it was answered already, nothing happens
 *
 * The request is answered with -ECANCELED, the message itself is not.
 */
struct carve_wire_cancel {
	struct carve_wire_header header;
	uint64_t request;
};

/**
 * struct carve_wire_pressure - CARVE_MSG_PRESSURE: somebody waits for memory
 * @wanted_bytes: what the first in the queue lacks whom others could help
 */
struct carve_wire_pressure {
	struct carve_wire_header header;
	char region[CARVE_WIRE_LABEL];
	uint64_t wanted_bytes;
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
	uint64_t reserved_bytes;	/* in slots of reservations without a buffer */
	uint64_t kept_bytes;	/* free, but for high priority alone */
	uint32_t buffers;
	uint32_t waiting;	/* requests */
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

/* The largest messages fit. */
_Static_assert(sizeof(struct carve_wire_alloc) + CARVE_WIRE_ALLOC_MAX *
	       sizeof(struct carve_wire_alloc_item) <= CARVE_WIRE_MAX, "wire");
_Static_assert(sizeof(struct carve_wire_list_reply) + CARVE_WIRE_LIST_MAX *
	       sizeof(struct carve_wire_buffer) <= CARVE_WIRE_MAX, "wire");
_Static_assert(sizeof(struct carve_wire_regions_reply) + CARVE_WIRE_REGIONS_MAX *
	       sizeof(struct carve_wire_region) <= CARVE_WIRE_MAX, "wire");

#endif /* CARVE_PROTOCOL_H */
