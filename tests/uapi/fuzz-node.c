// SPDX-License-Identifier: MIT
/*
 * The random tester: the other calls to the node. Most are right, so that much
 * happens; each wrong one knows what it may be refused with.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "fuzz.h"

void fuzz_info(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { 0 };
	union fuzz_args args = { 0 };
	int fd = fuzz_role(t, NULL), ret;

	fuzz_fill_header(t, &args, sizeof(args.info), 88, &verdict);
	ret = fuzz_call(t, fd, CARVE_IOC_INFO, &args, &verdict);
	fuzz_judge(FUZZ_INFO, ret, verdict, "info");
	if (ret)
		return;
	if (args.info.bytes != region.bytes || args.info.page_bytes != page ||
	    args.info.live_bytes + args.info.dirty_bytes > region.bytes ||
	    args.info.memory != region.memory ||
	    args.info.phys != (fd == manager ? region.phys : 0) ||
	    strcmp(args.info.label, region.label))
		fuzz_fail("info is wrong: %llu live, %llu dirty, phys %#llx",
			  args.info.live_bytes, args.info.dirty_bytes,
			  args.info.phys);
}

/* Entries of any size, often right in front of a page that is not there. */
static char *fill_list(struct fuzz_thread *t, struct carve_list *list,
		       struct fuzz_verdict *verdict)
{
	static const uint32_t sizes[] = { 0, 8, 103, 104, 108, 112, 113, 128,
					  256, 4096, 65537, UINT32_MAX };
	const uint64_t room = ARRAY_PAGES * page;
	char *array = t->array;

	list->entry_size = fuzz_one_in(t, 12) ?
			   sizes[fuzz_below(t, ARRAY_SIZE(sizes))] :
			   sizeof(struct carve_extent_info);
	list->count = fuzz_one_in(t, 24) ? t->random >> 32 : fuzz_below(t, 64);
	list->cursor = fuzz_below(t, WINDOW) * page;
	if (fuzz_one_in(t, 4))
		list->cursor = fuzz_one_in(t, 4) ? t->random : 0;
	if (fuzz_one_in(t, 8))
		array += room - fuzz_below(t, room / 8) * 8;
	if (fuzz_one_in(t, 40))
		array = NULL;
	list->entries = (uintptr_t)array;
	if (!list->count || list->entry_size < 104)
		fuzz_must(verdict, EINVAL);
	if (list->entry_size > page)
		fuzz_must(verdict, E2BIG);
	if (!array || (uint64_t)list->entry_size * list->count >
		      (uint64_t)(t->array + room - array))
		verdict->may |= OUTCOME(EFAULT);
	return array;
}

void fuzz_list(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { 0 };
	union fuzz_args args = { 0 };
	struct carve_list asked;
	char *array = fill_list(t, &args.list, &verdict);
	int ret, fd = fuzz_role(t, NULL);

	fuzz_fill_header(t, &args, sizeof(args.list), 32, &verdict);
	asked = args.list;
	ret = fuzz_call(t, fd, CARVE_IOC_LIST, &args, &verdict);
	fuzz_judge(FUZZ_LIST, ret, verdict, "list");
	if (ret || verdict.must)
		return;
	if (args.list.count > asked.count)
		fuzz_fail("%u entries of %u", args.list.count, asked.count);
	if (asked.entry_size == sizeof(struct carve_extent_info))
		fuzz_check_extents((void *)array, args.list.count, asked.cursor);
}

void fuzz_scrub(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { .may = OUTCOME(EBUSY) };
	union fuzz_args args = { 0 };
	struct carve_scrub asked;
	int ret, fd = fuzz_role(t, &verdict);

	fuzz_pick_range(t, &args.scrub.offset, &args.scrub.bytes, 32);
	fuzz_fill_header(t, &args, sizeof(args.scrub), 32, &verdict);
	fuzz_judge_range(args.scrub.offset, args.scrub.bytes, &verdict);
	asked = args.scrub;
	ret = fuzz_call(t, fd, CARVE_IOC_SCRUB, &args, &verdict);
	fuzz_judge(FUZZ_SCRUB, ret, verdict, "scrub");
	if (!ret && (args.scrub.scrubbed > asked.bytes || args.scrub.scrubbed % page))
		fuzz_fail("%llu bytes of %llu were scrubbed", args.scrub.scrubbed,
			  asked.bytes);
	if (t->alone && ret == -EBUSY &&
	    !fuzz_is_taken(asked.offset, asked.bytes, CARVE_STATE_LIVE))
		fuzz_fail("no scrub of %#llx+%#llx, where nothing is live",
			  asked.offset, asked.bytes);
	if (t->alone && !ret && fuzz_is_taken(asked.offset, asked.bytes, 0))
		fuzz_fail("something was left of %#llx+%#llx by a scrub",
			  asked.offset, asked.bytes);
}

void fuzz_identify(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { 0 };
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	const struct fuzz_object *object = slot ? slot->object : NULL;
	struct carve_extent_info *info;
	union fuzz_args args = { 0 };
	int ret, fd = fuzz_role(t, &verdict);

	args.identify.fd = object ? slot->fd : -1;
	if (fuzz_one_in(t, 12)) {
		args.identify.fd = fuzz_one_in(t, 2) ? manager : (int)t->random;
		object = NULL;
	}
	if (fuzz_one_in(t, 32))
		args.identify.reserved = 1u << fuzz_below(t, 32);
	fuzz_fill_header(t, &args, sizeof(args.identify), 120, &verdict);
	if (args.identify.reserved)
		fuzz_must(&verdict, EOPNOTSUPP);
	if (!object)
		verdict.must |= OUTCOME(EBADF) | OUTCOME(EINVAL);
	ret = fuzz_call(t, fd, CARVE_IOC_IDENTIFY, &args, &verdict);
	fuzz_judge(FUZZ_IDENTIFY, ret, verdict, "identify");
	info = &args.identify.extent;
	if (!ret && object && (info->owner[0] != object->id ||
			       info->offset != object->first * page ||
			       info->bytes != object->count * page ||
			       info->state != CARVE_STATE_LIVE))
		fuzz_fail("identify says %#llx+%#llx of %llu", info->offset,
			  info->bytes, info->owner[0]);
	if (slot)
		fuzz_slot_leave(slot);
}

void fuzz_unknown(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { 0 };
	unsigned int cmd = t->random >> 32;
	union fuzz_args args = { 0 };

	if (fuzz_one_in(t, 2))
		cmd = _IO(CARVE_IOC_TYPE, fuzz_below(t, 256));
	if (cmd >= CARVE_IOC_INFO && cmd <= CARVE_IOC_IDENTIFY)
		return;
	/* Types with commands that the kernel knows for every file. */
	if (!_IOC_TYPE(cmd) || strchr("TXf\x94\x15", _IOC_TYPE(cmd)))
		return;
	fuzz_fill_header(t, &args, sizeof(args.info), 88, &verdict);
	verdict.must = OUTCOME(ENOTTY);
	fuzz_judge(FUZZ_UNKNOWN, fuzz_call(t, fuzz_role(t, NULL), cmd, &args, &verdict),
		   verdict, "an unknown command");
}

/* The manager's descriptor does not block. */
void fuzz_read(struct fuzz_thread *t)
{
	const size_t record = sizeof(struct carve_release);
	size_t size = fuzz_below(t, 20) * record + fuzz_below(t, 2) * 9;
	struct fuzz_verdict verdict = { .may = OUTCOME(EAGAIN) };
	struct carve_release first = { .bytes = page };
	char *to = t->array + fuzz_below(t, page);
	int fd = fuzz_role(t, &verdict);
	ssize_t got;

	if (fuzz_one_in(t, 24)) {
		to = fuzz_one_in(t, 2) ? t->memory :
		     t->array + ARRAY_PAGES * page - fuzz_below(t, size + 1);
		verdict.may |= OUTCOME(EFAULT);
	}
	if (size < record)
		fuzz_must(&verdict, EINVAL);
	got = read(fd, to, size);
	fuzz_judge(FUZZ_READ, got < 0 ? -errno : 0, verdict, "read");
	if (got < 0)
		return;
	atomic_fetch_add(&shared->records, got / record);
	if (!got || got % record || (size_t)got > size)
		fuzz_fail("read gave %zd bytes of %zu", got, size);
	memcpy(&first, to, sizeof(first));
	if (first.offset % page || first.bytes % page || !first.bytes ||
	    first.offset + first.bytes > region.bytes || first.flags ||
	    first.guard_damaged)
		fuzz_fail("a record says %#llx+%#llx, flags %#x", first.offset,
			  first.bytes, first.flags);
}

void fuzz_poll(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	struct pollfd fds[] = {
		{ .fd = manager, .events = t->random >> 48 },
		{ .fd = reader, .events = POLLIN },
		{ .fd = slot ? slot->fd : -1, .events = POLLIN | POLLOUT },
	};
	int ready = poll(fds, ARRAY_SIZE(fds), 0);

	fuzz_judge(FUZZ_POLL, ready < 0 ? -errno : 0, (struct fuzz_verdict){ 0 },
		   "poll");
	if (fds[0].revents & ~(POLLIN | POLLRDNORM) || fds[1].revents)
		fuzz_fail("poll says %#x to the manager and %#x to a reader",
			  fds[0].revents, fds[1].revents);
	if (slot)
		fuzz_slot_leave(slot);
}

void fuzz_open(struct fuzz_thread *t)
{
	static const int modes[] = { O_RDONLY, O_RDWR, O_WRONLY };
	struct fuzz_verdict verdict = { 0 };
	int mode = modes[fuzz_below(t, 3)], fd;

	if (mode == O_RDWR)
		fuzz_must(&verdict, EBUSY);
	if (mode == O_WRONLY)
		fuzz_must(&verdict, EINVAL);
	if (t->few)
		verdict.may |= OUTCOME(EMFILE);
	fd = open(region_node(), mode | O_CLOEXEC);
	fuzz_judge(FUZZ_OPEN, fd < 0 ? -errno : 0, verdict, "open");
	if (fd >= 0)
		close(fd);
}

/* What the node does not do. */
void fuzz_node(struct fuzz_thread *t)
{
	struct fuzz_verdict verdict = { 0 };
	int fd = fuzz_role(t, NULL), ret;
	void *map;

	switch (fuzz_below(t, 3)) {
	case 0:
		fuzz_must(&verdict, ENODEV);
		verdict.must |= OUTCOME(EACCES);	/* of a reader */
		map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ret = map == MAP_FAILED ? -errno : 0;
		break;
	case 1:
		verdict.must = OUTCOME(EINVAL) | OUTCOME(EBADF);
		ret = write(fd, t->array, fuzz_below(t, page)) < 0 ? -errno : 0;
		break;
	default:
		fuzz_must(&verdict, ESPIPE);
		ret = lseek(fd, fuzz_below(t, page), SEEK_SET) < 0 ? -errno : 0;
	}
	fuzz_judge(FUZZ_NODE, ret, verdict, "what the node cannot do");
}
