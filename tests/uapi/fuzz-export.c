// SPDX-License-Identifier: MIT
/*
 * The random tester: exports, and the first sight of what comes of them.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

static void pick_guards(struct fuzz_thread *t, struct carve_export *export)
{
	uint32_t odd[] = { 1, page / 2, page, CARVE_GUARD_MAX,
			   CARVE_GUARD_MAX + page, -page, 1u << 31 };

	if (fuzz_one_in(t, 4))
		export->guard_before = fuzz_below(t, 3) * page;
	if (fuzz_one_in(t, 4))
		export->guard_after = fuzz_below(t, 3) * page;
	if (fuzz_one_in(t, 32))
		export->guard_before = odd[fuzz_below(t, ARRAY_SIZE(odd))];
	if (fuzz_one_in(t, 32))
		export->guard_after = odd[fuzz_below(t, ARRAY_SIZE(odd))];
}

static void judge_export(const struct carve_export *export,
			 struct fuzz_verdict *verdict)
{
	uint64_t guards = (uint64_t)export->guard_before + export->guard_after;

	fuzz_judge_range(export->offset, export->bytes, verdict);
	if (strnlen(export->name, CARVE_NAME_LEN) == CARVE_NAME_LEN ||
	    (export->fd_flags & O_ACCMODE) == O_ACCMODE ||
	    export->guard_before % page || export->guard_after % page ||
	    export->guard_before > CARVE_GUARD_MAX ||
	    export->guard_after > CARVE_GUARD_MAX ||
	    (guards && guards >= export->bytes))
		fuzz_must(verdict, EINVAL);
	if (export->fd_flags & ~(O_ACCMODE | O_CLOEXEC))
		fuzz_must(verdict, EOPNOTSUPP);
}

static void fill_export(struct fuzz_thread *t, struct carve_export *export)
{
	static const uint32_t modes[] = { O_RDWR, O_RDWR, O_RDWR, O_RDWR,
					  O_RDONLY, O_WRONLY };
	unsigned int i, letters = fuzz_below(t, 24);

	fuzz_pick_range(t, &export->offset, &export->bytes, 12);
	export->owner[0] = atomic_fetch_add(&shared->next_id, 1);
	export->owner[1] = t->random;
	if (fuzz_one_in(t, 40))
		letters = CARVE_NAME_LEN - fuzz_below(t, 2);
	for (i = 0; i < letters; i++)
		export->name[i] = 1 + fuzz_below(t, 255);
	export->fd_flags = modes[fuzz_below(t, ARRAY_SIZE(modes))];
	if (fuzz_one_in(t, 2))
		export->fd_flags |= O_CLOEXEC;
	if (fuzz_one_in(t, 40))
		export->fd_flags ^= 1u << fuzz_below(t, 32);
	export->fd = -1;
	pick_guards(t, export);
}

/* A buffer came out of it: enter it, look at it, keep it where there is room. */
static void enter(struct fuzz_thread *t, const struct carve_export *export)
{
	struct fuzz_slot *slot = fuzz_slot_free(t);
	struct fuzz_object *object;
	int mode = export->fd_flags & O_ACCMODE;

	object = fuzz_object_new(export->offset / page, export->bytes / page);
	object->id = export->owner[0];
	object->before = export->guard_before / page;
	object->after = export->guard_after / page;
	if (export->fd < 0 || fcntl(export->fd, F_GETFD) !=
	    (export->fd_flags & O_CLOEXEC ? FD_CLOEXEC : 0))
		fuzz_fail("descriptor %d has the wrong flags", export->fd);
	fuzz_first_sight(t, export->fd, object, mode);
	if (slot) {
		fuzz_slot_set(slot, object, export->fd, mode);
		fuzz_slot_leave(slot);
	} else {
		fuzz_object_unref(object);
		close(export->fd);
	}
}

void fuzz_export(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { .may = OUTCOME(EBUSY) };
	union fuzz_args args = { 0 };
	struct carve_export asked;
	int ret, fd = fuzz_role(t, &verdict);

	fill_export(t, &args.export);
	fuzz_fill_header(t, &args, sizeof(args.export), 112, &verdict);
	judge_export(&args.export, &verdict);
	if (t->few)
		verdict.may |= OUTCOME(EMFILE);
	asked = args.export;
	ret = fuzz_call(t, fd, CARVE_IOC_EXPORT, &args, &verdict);
	fuzz_judge(FUZZ_EXPORT, ret, verdict, "export");
	if (!ret && !verdict.must) {
		asked.fd = args.export.fd;
		enter(t, &asked);
	}
	if (ret == -EBUSY && t->alone &&
	    !fuzz_is_taken(asked.offset, asked.bytes, 0))
		fuzz_fail("no export at %#llx+%#llx, where nothing is",
			  asked.offset, asked.bytes);
}
