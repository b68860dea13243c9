// SPDX-License-Identifier: MIT
/*
 * The random tester: the arguments of a command, right and wrong, and where in
 * memory they lie. What is wrong with them is entered in the verdict.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"

void fuzz_must(struct fuzz_verdict *verdict, int error)
{
	verdict->must |= OUTCOME(error);
}

/*
 * Size and flags. What a short structure leaves out is zero for the kernel, so
 * it is for us: this comes before all that depends on the members.
 */
void fuzz_fill_header(struct fuzz_thread *t, union fuzz_args *args,
		      uint32_t bytes, uint32_t first,
		      struct fuzz_verdict *verdict)
{
	const uint32_t sizes[] = { 0, 4, 8, first - 1, first - 8, first, bytes - 4,
				   bytes + 4, bytes + 16, sizeof(*args), page,
				   page + 1, UINT32_MAX };
	uint32_t size = bytes, known;

	if (fuzz_one_in(t, 16))
		size = sizes[fuzz_below(t, ARRAY_SIZE(sizes))];
	args->words[0] = size;
	if (fuzz_one_in(t, 40))
		args->words[1] = 1u << fuzz_below(t, 32);
	if (size < sizeof(*args))
		memset(args->bytes + size, 0, sizeof(*args) - size);
	if (size > bytes && fuzz_one_in(t, 2)) {
		known = size < sizeof(*args) ? size : sizeof(*args);
		args->bytes[bytes + fuzz_below(t, known - bytes)] = 1;
		fuzz_must(verdict, E2BIG);
	}
	if (size < first)
		fuzz_must(verdict, EINVAL);
	if (size > page)
		fuzz_must(verdict, E2BIG);
	if (args->words[1])
		fuzz_must(verdict, EOPNOTSUPP);
}

/* Puts the structure somewhere: mostly where it belongs. */
static void *place(struct fuzz_thread *t, union fuzz_args *args,
		   struct fuzz_verdict *verdict)
{
	uint32_t size = args->words[0];
	char *to = t->memory + page, *end = t->memory + 3 * page;

	/* What is read of a long structure besides is zero. */
	if (size > sizeof(*args))
		memset(to, 0, 2 * page);
	switch (fuzz_below(t, 40)) {
	case 0:
		fuzz_must(verdict, EFAULT);
		return NULL;
	case 1:
		fuzz_must(verdict, EFAULT);
		return (void *)(uintptr_t)(UINTPTR_MAX - fuzz_below(t, page) * page);
	case 2:			/* part of it is not there */
		fuzz_must(verdict, EFAULT);
		size = size < sizeof(*args) ? size : sizeof(*args);
		to = end - fuzz_below(t, size ? size : 1);
		memcpy(to, args, end - to);
		return to;
	case 3:			/* it can be read, but no answer written */
		fuzz_must(verdict, EFAULT);
		if (mprotect(t->memory, page, PROT_READ | PROT_WRITE))
			die("mprotect: %m");
		memcpy(t->memory, args, sizeof(*args));
		if (mprotect(t->memory, page, PROT_READ))
			die("mprotect: %m");
		return t->memory;
	case 4:			/* it ends where memory does */
		if (size < 8 || size > sizeof(*args))
			break;
		to = end - size;
		memcpy(to, args, size);
		return to;
	case 5:
		to += fuzz_below(t, 8);
		break;
	case 6:			/* in a buffer of the region itself */
		t->borrowed = fuzz_slot_pick(t, true);
		/* Not where others, with another mapping of it, put theirs. */
		if (t->borrowed && (t->borrowed->mode & PROT_WRITE) &&
		    size <= sizeof(*args) &&
		    !atomic_exchange(&t->borrowed->object->lent, true)) {
			t->lender = t->borrowed->object;
			to = t->borrowed->map + 8;
		}
		break;
	}
	memcpy(to, args, sizeof(*args));
	return to;
}

/* The call itself. What comes back in the structure is put back into @args. */
int fuzz_call(struct fuzz_thread *t, int fd, unsigned int cmd,
	      union fuzz_args *args, struct fuzz_verdict *verdict)
{
	uint32_t size = args->words[0] < sizeof(*args) ? args->words[0] :
							 sizeof(*args);
	void *at = place(t, args, verdict);
	int ret = ioctl(fd, cmd, at) ? -errno : 0;

	if (!ret && !verdict->must)
		memcpy(args, at, size);
	if (t->lender)
		atomic_store(&t->lender->lent, false);
	t->lender = NULL;
	if (t->borrowed)
		fuzz_slot_leave(t->borrowed);
	t->borrowed = NULL;
	return ret;
}

/* The manager's descriptor, or one that may do less. */
int fuzz_role(struct fuzz_thread *t, struct fuzz_verdict *verdict)
{
	if (!fuzz_one_in(t, 24))
		return manager;
	if (verdict)
		fuzz_must(verdict, EPERM);
	return reader;
}

/* A range: mostly a good one, of the window. */
void fuzz_pick_range(struct fuzz_thread *t, __u64 *offset, __u64 *bytes,
		     unsigned int most)
{
	const uint64_t all = region.bytes / page;

	*offset = fuzz_below(t, WINDOW) * page;
	*bytes = (1 + fuzz_below(t, most)) * page;
	switch (fuzz_below(t, 48)) {
	case 0: *offset = fuzz_below(t, all + 2) * page; break;
	case 1: *bytes = fuzz_below(t, fuzz_one_in(t, 8) ? all + 2 : 64) * page; break;
	case 2: *offset += fuzz_below(t, page); break;
	case 3: *bytes -= fuzz_below(t, page); break;
	case 4: *offset = -*offset; break;
	case 5: *bytes = -*bytes; break;
	case 6: *offset = region.bytes - *bytes + fuzz_below(t, 2) * page; break;
	case 7: *offset ^= UINT64_C(1) << fuzz_below(t, 64); break;
	case 8: *bytes ^= UINT64_C(1) << fuzz_below(t, 64); break;
	case 9: *bytes = 0; break;
	}
}

void fuzz_judge_range(uint64_t offset, uint64_t bytes,
		      struct fuzz_verdict *verdict)
{
	uint64_t end;
	bool wraps = __builtin_add_overflow(offset, bytes, &end);

	if (!bytes || offset % page || bytes % page || wraps)
		fuzz_must(verdict, EINVAL);
	if (end > region.bytes || wraps)
		fuzz_must(verdict, ERANGE);
}

bool fuzz_is_taken(uint64_t offset, uint64_t bytes, uint32_t state)
{
	struct carve_extent_info infos[WINDOW];
	struct carve_list list = {
		.size = sizeof(list), .cursor = offset,
		.entries = (uintptr_t)infos, .entry_size = sizeof(infos[0]),
	};
	uint32_t i;

	for (;;) {
		list.count = WINDOW;
		if (ioctl(manager, CARVE_IOC_LIST, &list))
			fuzz_fail("no list: %s", strerrorname_np(errno));
		for (i = 0; i < list.count; i++) {
			if (infos[i].offset >= offset + bytes)
				return false;
			if (!state || infos[i].state == state)
				return true;
		}
		if (!list.count || shared->failed)
			return false;
	}
}
