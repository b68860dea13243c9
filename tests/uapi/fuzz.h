/* SPDX-License-Identifier: MIT */
/*
 * The random tester of the driver: what its parts share.
 *
 *   fuzz.c          rounds, threads, processes, the report
 *   fuzz-node.c     calls to the node, right and wrong
 *   fuzz-export.c   the one of them that makes buffers
 *   fuzz-args.c     what they pass to the kernel
 *   fuzz-buffer.c   calls to buffers: descriptors and mappings
 *   fuzz-model.c    what is known from outside, and must be so in the kernel
 *
 * Several threads and processes work on one region at the same time, so no
 * single outcome can be foretold. What is known is which errors a call may
 * give for its own faults and which for what others do, and that:
 *
 *   - no page is ever exported twice at a time;
 *   - a new buffer shows zeros, and what its holder writes stays there;
 *   - when all is quiet, the list is exactly what the holders hold, and for
 *     each buffer that ended one record was read.
 */
#ifndef CARVE_FUZZ_H
#define CARVE_FUZZ_H

#include <errno.h>
#include <stdatomic.h>

#include "check.h"

#define SLOTS	64
#define OBJECTS	1024
#define FUZZ_CHILDREN 2
#define WINDOW	384	/* pages at the region's start where most happens */

/* A set of errnos: those that may be documented; the others are in none. */
typedef uint64_t outcomes;
#define OUTCOME(error) (UINT64_C(1) << ((error) <= ERANGE ? (error) :	\
					(error) == EOVERFLOW ? 40 :	\
					(error) == EOPNOTSUPP ? 41 :	\
					(error) == ETOOMANYREFS ? 42 :	\
					63))

/**
 * struct fuzz_verdict - what may come of a call
 * @must: not empty when the call is wrong: one of these comes
 * @may: what may come besides, whatever the call
 */
struct fuzz_verdict {
	outcomes must, may;
};

/**
 * struct fuzz_object - one extent that somebody holds
 * @refs: descriptors and mappings that are registered, of all processes
 * @id: the first word of its owner
 * @first: first page of the extent in the region
 * @count: pages of the extent
 * @before: of them, pages in front of the buffer
 * @after: of them, pages behind it
 * @stamped: each page of the buffer begins with a word of its own, else with 0
 * @lent: somebody's arguments lie in it, behind the first word
 */
struct fuzz_object {
	_Atomic uint32_t refs;
	uint64_t id;
	uint32_t first, count, before, after;
	bool stamped;
	_Atomic bool lent;
};

/**
 * struct fuzz_slot - a descriptor or a mapping of an object, of one process
 * @busy: a thread is at it
 * @object: NULL when the slot is free
 * @fd: the descriptor, -1 for a mapping
 * @mode: access mode of the descriptor, or PROT_ of the mapping
 * @map: the mapping
 * @bytes: its length
 * @from: the buffer's page at which it starts
 */
struct fuzz_slot {
	_Atomic bool busy;
	struct fuzz_object *_Atomic object;
	_Atomic int fd;
	int mode;
	char *map;
	uint64_t bytes, from;
};

/* A structure on its way to the kernel, with a tail for kernels to come. */
union fuzz_args {
	uint32_t words[2];
	struct carve_info info;
	struct carve_export export;
	struct carve_list list;
	struct carve_scrub scrub;
	struct carve_identify identify;
	char bytes[256];
};

enum fuzz_operation {
	FUZZ_INFO, FUZZ_EXPORT, FUZZ_LIST, FUZZ_SCRUB, FUZZ_IDENTIFY,
	FUZZ_UNKNOWN, FUZZ_READ, FUZZ_POLL, FUZZ_OPEN, FUZZ_NODE,
	FUZZ_MMAP, FUZZ_MUNMAP, FUZZ_TOUCH, FUZZ_PROTECT, FUZZ_DUP, FUZZ_CLOSE,
	FUZZ_SYNC, FUZZ_NAME, FUZZ_SEEK, FUZZ_PASS, FUZZ_OPERATIONS,
};

/* What all processes share. */
struct fuzz_shared {
	_Atomic uint64_t next_id, calls;
	_Atomic uint64_t ended, records;	/* buffers, and what told of it */
	_Atomic uint64_t good[FUZZ_OPERATIONS], bad[FUZZ_OPERATIONS];
	_Atomic bool forgotten[FUZZ_CHILDREN];	/* a child holds nothing more */
	_Atomic bool failed;
	char why[300];
	struct fuzz_object objects[OBJECTS];
	_Atomic uint32_t owner[];	/* by page: number of the object + 1 */
};

/**
 * struct fuzz_thread - one thread at work
 * @random: state of its numbers
 * @alone: nobody else works on the region
 * @few: descriptors may run out
 * @memory: room for arguments, see fuzz_place(): one page that can be made
 *	read-only, two pages, and one that is not there
 * @array: ARRAY_PAGES pages and one that is not there
 * @borrowed: a mapping that arguments may lie in, taken; or NULL
 * @lender: the object that they lie in, lent; or NULL
 */
struct fuzz_thread {
	uint64_t random;
	bool alone, few;
	char *memory, *array;
	struct fuzz_slot *borrowed;
	struct fuzz_object *lender;
};

#define ARRAY_PAGES 8

extern struct fuzz_shared *shared;
extern struct fuzz_slot slots[SLOTS];
extern int manager, reader;

/* fuzz.c */
uint64_t fuzz_below(struct fuzz_thread *t, uint64_t bound);
bool fuzz_one_in(struct fuzz_thread *t, unsigned int n);
/* The first to find something wrong says what; all then stop. */
void fuzz_fail(const char *why, ...) __attribute__((format(printf, 1, 2)));
/* Counts a call and judges its outcome: 0 or a negative errno. */
void fuzz_judge(enum fuzz_operation operation, int ret,
		struct fuzz_verdict verdict, const char *what);

/* fuzz-model.c */
struct fuzz_object *fuzz_object_new(uint32_t first, uint32_t count);
void fuzz_object_ref(struct fuzz_object *object);
void fuzz_object_unref(struct fuzz_object *object);
uint64_t fuzz_object_bytes(const struct fuzz_object *object);
uint64_t fuzz_stamp(const struct fuzz_object *object, uint64_t n);
/* A slot that is free, taken; or NULL. */
struct fuzz_slot *fuzz_slot_free(struct fuzz_thread *t);
/* A slot with a descriptor or a mapping, taken; or NULL. */
struct fuzz_slot *fuzz_slot_pick(struct fuzz_thread *t, bool mapping);
void fuzz_slot_leave(struct fuzz_slot *slot);
/* Fills a taken slot; takes over the reference. */
void fuzz_slot_set(struct fuzz_slot *slot, struct fuzz_object *object, int fd,
		   int mode);
/* Ends what a taken slot holds, the model first; leaves it. */
void fuzz_slot_end(struct fuzz_slot *slot);
void fuzz_slots_end(void);
void fuzz_first_sight(struct fuzz_thread *t, int fd, struct fuzz_object *object,
		      int mode);
void fuzz_check_pages(const struct fuzz_slot *slot);
void fuzz_check_extents(const struct carve_extent_info *infos, uint32_t count,
			uint64_t cursor);
/* When all is quiet: the kernel knows what we know. */
void fuzz_compare(void);
/* Everything is given back, read and scrubbed; all is zero. */
void fuzz_settle(void);

/* fuzz-args.c */
/* Enters that the call is wrong and may be refused with this. */
void fuzz_must(struct fuzz_verdict *verdict, int error);
/*
 * Size and flags of a structure of @bytes, @first in its first version. What a
 * short one leaves out is zero for the kernel, and is made so: look at members
 * afterwards.
 */
void fuzz_fill_header(struct fuzz_thread *t, union fuzz_args *args,
		      uint32_t bytes, uint32_t first,
		      struct fuzz_verdict *verdict);
/* The command; on success @args is what came back. */
int fuzz_call(struct fuzz_thread *t, int fd, unsigned int cmd,
	      union fuzz_args *args, struct fuzz_verdict *verdict);
/* The manager's descriptor, or one that may do less: EPERM with a verdict. */
int fuzz_role(struct fuzz_thread *t, struct fuzz_verdict *verdict);
void fuzz_pick_range(struct fuzz_thread *t, __u64 *offset, __u64 *bytes,
		     unsigned int most);
void fuzz_judge_range(uint64_t offset, uint64_t bytes,
		      struct fuzz_verdict *verdict);
/* Whether an extent lies there, of @state when that is not 0. */
bool fuzz_is_taken(uint64_t offset, uint64_t bytes, uint32_t state);

/* fuzz-export.c */
void fuzz_export(struct fuzz_thread *t);

/* fuzz-node.c */
void fuzz_info(struct fuzz_thread *t);
void fuzz_list(struct fuzz_thread *t);
void fuzz_scrub(struct fuzz_thread *t);
void fuzz_identify(struct fuzz_thread *t);
void fuzz_unknown(struct fuzz_thread *t);
void fuzz_read(struct fuzz_thread *t);
void fuzz_poll(struct fuzz_thread *t);
void fuzz_open(struct fuzz_thread *t);
void fuzz_node(struct fuzz_thread *t);

/* fuzz-buffer.c */
void fuzz_mmap(struct fuzz_thread *t);
void fuzz_munmap(struct fuzz_thread *t);
void fuzz_touch(struct fuzz_thread *t);
void fuzz_protect(struct fuzz_thread *t);
void fuzz_dup(struct fuzz_thread *t);
void fuzz_close(struct fuzz_thread *t);
void fuzz_sync(struct fuzz_thread *t);
void fuzz_name(struct fuzz_thread *t);
void fuzz_seek(struct fuzz_thread *t);
void fuzz_pass(struct fuzz_thread *t);

#endif /* CARVE_FUZZ_H */
