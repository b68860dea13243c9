// SPDX-License-Identifier: MIT
/*
 * The random tester: calls to buffers, as those who hold them make them. A slot
 * is taken over each call, since the model has to know what it holds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fuzz.h"

/* What the core says of a mapping that is not to its taste, madvise() above all. */
#define CORE_REFUSALS (OUTCOME(EINVAL) | OUTCOME(ENOMEM) | OUTCOME(EFAULT) | \
		       OUTCOME(EACCES) | OUTCOME(EPERM) | OUTCOME(EBADF) | \
		       OUTCOME(EBUSY) | OUTCOME(EOPNOTSUPP) | OUTCOME(ENODEV))

static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
			     PROT_READ, PROT_WRITE, PROT_NONE,
			     PROT_READ | PROT_EXEC };

static void judge_mmap(const struct fuzz_slot *slot, uint64_t length, int prot,
		       int flags, uint64_t from, struct fuzz_verdict *verdict)
{
	uint64_t bytes = fuzz_object_bytes(slot->object);
	bool private = (flags & MAP_TYPE) == MAP_PRIVATE;

	if (!length || from % page || private ||
	    from > bytes || length > bytes - from)
		fuzz_must(verdict, EINVAL);
	if (length > UINT64_C(1) << 30)
		verdict->must |= OUTCOME(ENOMEM) | OUTCOME(EOVERFLOW);
	if (slot->mode == O_WRONLY)
		fuzz_must(verdict, EACCES);
	if (slot->mode == O_RDONLY && (prot & PROT_WRITE) && !private)
		fuzz_must(verdict, EACCES);
	if (prot & PROT_EXEC)
		verdict->may |= OUTCOME(EPERM) | OUTCOME(EACCES);
}

/* A new mapping is checked, and kept where there is room. */
static void keep_mapping(struct fuzz_thread *t, struct fuzz_object *object,
			 char *map, uint64_t length, uint64_t from, int prot)
{
	struct fuzz_slot *slot = fuzz_slot_free(t);

	if (!slot) {
		munmap(map, length);
		return;
	}
	slot->map = map;
	slot->bytes = (length + page - 1) / page * page;
	slot->from = from / page;
	fuzz_object_ref(object);
	fuzz_slot_set(slot, object, -1, prot);
	fuzz_check_pages(slot);
	fuzz_slot_leave(slot);
}

void fuzz_mmap(struct fuzz_thread *t)
{
	static const int kinds[] = {
		MAP_SHARED, MAP_SHARED, MAP_SHARED_VALIDATE,
		MAP_SHARED | MAP_POPULATE, MAP_SHARED | MAP_NORESERVE,
	};
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	struct fuzz_verdict verdict = { 0 };
	int prot = prots[fuzz_below(t, ARRAY_SIZE(prots))];
	int flags = kinds[fuzz_below(t, ARRAY_SIZE(kinds))];
	uint64_t pages, length, from;
	char *map;

	if (!slot)
		return;
	pages = fuzz_object_bytes(slot->object) / page;
	from = fuzz_below(t, pages) * page;
	length = (1 + fuzz_below(t, pages - from / page)) * page;
	switch (fuzz_below(t, 24)) {
	case 0: flags = MAP_PRIVATE; break;
	case 1: from += fuzz_below(t, 3) * page; break;
	case 2: length += fuzz_below(t, 3) * page; break;
	case 3: length -= fuzz_below(t, page); break;
	case 4: from += fuzz_below(t, page); break;
	case 5: from = t->random >> 33 & ~(page - 1); break;
	case 6: length = (size_t)t->random; break;
	case 7: length = 0; break;
	}
	judge_mmap(slot, length, prot, flags, from, &verdict);
	map = mmap(NULL, length, prot, flags, slot->fd, from);
	if (map != MAP_FAILED && verdict.must)
		fuzz_fail("mmap of %#llx+%#llx of %#llx, prot %d flags %#x of mode %d",
			  (unsigned long long)from, (unsigned long long)length,
			  (unsigned long long)fuzz_object_bytes(slot->object),
			  prot, flags, slot->mode);
	fuzz_judge(FUZZ_MMAP, map == MAP_FAILED ? -errno : 0, verdict, "mmap");
	if (map != MAP_FAILED && !verdict.must)
		keep_mapping(t, slot->object, map, length, from, prot);
	fuzz_slot_leave(slot);
}

/* All of a mapping, or its end, or a hole and then its end. */
void fuzz_munmap(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, true);
	uint64_t pages, keep, hole;
	int ret = 0;

	if (!slot)
		return;
	fuzz_check_pages(slot);
	pages = slot->bytes / page;
	keep = fuzz_one_in(t, 3) ? fuzz_below(t, pages) : 0;
	if (!keep) {
		fuzz_slot_end(slot);
		fuzz_judge(FUZZ_MUNMAP, 0, (struct fuzz_verdict){ 0 }, "munmap");
		return;
	}
	hole = keep + fuzz_below(t, pages - keep);
	if (hole > keep)
		ret = munmap(slot->map + keep * page, (hole - keep) * page);
	if (!ret)
		ret = munmap(slot->map + hole * page, (pages - hole) * page);
	fuzz_judge(FUZZ_MUNMAP, ret ? -errno : 0, (struct fuzz_verdict){ 0 },
		   "munmap of a part");
	slot->bytes = keep * page;
	fuzz_check_pages(slot);
	fuzz_slot_leave(slot);
}

/* Read all of it, write some, but for the words we know pages by. */
void fuzz_touch(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, true);
	uint64_t words = page / sizeof(uint64_t), i, n;

	if (!slot)
		return;
	fuzz_check_pages(slot);
	for (i = 0; (slot->mode & PROT_WRITE) && i < 8; i++) {
		n = fuzz_below(t, slot->bytes / page) * words +
		    1 + fuzz_below(t, words - 1);
		((volatile uint64_t *)slot->map)[n] = t->random;
	}
	fuzz_judge(FUZZ_TOUCH, 0, (struct fuzz_verdict){ 0 }, "touch");
	fuzz_slot_leave(slot);
}

/* A mapping of a read-only descriptor never becomes writable. */
static int change_prot(struct fuzz_thread *t, struct fuzz_slot *slot,
		       struct fuzz_verdict *verdict)
{
	int prot = prots[fuzz_below(t, ARRAY_SIZE(prots))];

	if ((prot & PROT_WRITE) && !slot->object->stamped)
		fuzz_must(verdict, EACCES);
	if (prot & PROT_EXEC)
		verdict->may |= OUTCOME(EACCES) | OUTCOME(EPERM);
	if (mprotect(slot->map, slot->bytes, prot))
		return -errno;
	slot->mode = prot;
	return 0;
}

void fuzz_protect(struct fuzz_thread *t)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_MERGEABLE,
		MADV_HUGEPAGE, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	struct fuzz_slot *slot = fuzz_slot_pick(t, true);
	struct fuzz_verdict verdict = { 0 };
	int ret = 0;

	if (!slot)
		return;
	switch (fuzz_below(t, 4)) {
	case 0:
		ret = change_prot(t, slot, &verdict);
		break;
	case 1:			/* it does not grow */
		fuzz_must(&verdict, EFAULT);
		if (mremap(slot->map, slot->bytes, slot->bytes + page,
			   MREMAP_MAYMOVE) == MAP_FAILED)
			ret = -errno;
		break;
	case 2:
		verdict.may = CORE_REFUSALS;
		if (madvise(slot->map, slot->bytes,
			    advice[fuzz_below(t, ARRAY_SIZE(advice))]))
			ret = -errno;
		break;
	default:
		verdict.may = CORE_REFUSALS;
		if (fuzz_one_in(t, 2) ? msync(slot->map, slot->bytes, MS_SYNC) :
					mlock(slot->map, slot->bytes))
			ret = -errno;
	}
	fuzz_judge(FUZZ_PROTECT, ret, verdict, "a change of a mapping");
	fuzz_check_pages(slot);
	fuzz_slot_leave(slot);
}

void fuzz_dup(struct fuzz_thread *t)
{
	struct fuzz_slot *from = fuzz_slot_pick(t, false);
	struct fuzz_slot *to = from ? fuzz_slot_free(t) : NULL;
	struct fuzz_verdict verdict = { 0 };
	int fd;

	if (to) {
		if (t->few)
			verdict.may |= OUTCOME(EMFILE);
		fd = fuzz_one_in(t, 2) ? dup(from->fd) :
					 fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
		fuzz_judge(FUZZ_DUP, fd < 0 ? -errno : 0, verdict, "dup");
		if (fd >= 0) {
			fuzz_object_ref(from->object);
			fuzz_slot_set(to, from->object, fd, from->mode);
		}
		fuzz_slot_leave(to);
	}
	if (from)
		fuzz_slot_leave(from);
}

void fuzz_close(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);

	if (!slot)
		return;
	fuzz_slot_end(slot);
	fuzz_judge(FUZZ_CLOSE, 0, (struct fuzz_verdict){ 0 }, "close");
}

/* Of a descriptor that another thread may be closing, too. */
void fuzz_sync(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	struct fuzz_verdict verdict = { 0 };
	struct dma_buf_sync sync = { .flags = fuzz_below(t, 8) };
	void *args = &sync;

	if (!slot)
		return;
	if (fuzz_one_in(t, 8))
		sync.flags = t->random;
	if ((sync.flags & ~UINT64_C(7)) || !(sync.flags & 3))
		fuzz_must(&verdict, EINVAL);
	if (fuzz_one_in(t, 16)) {
		args = t->array + ARRAY_PAGES * page - fuzz_below(t, sizeof(sync));
		fuzz_must(&verdict, EFAULT);
	}
	fuzz_judge(FUZZ_SYNC, ioctl(slot->fd, DMA_BUF_IOCTL_SYNC, args) ? -errno : 0,
		   verdict, "sync");
	fuzz_slot_leave(slot);
}

void fuzz_name(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	unsigned int letters = fuzz_below(t, 40), i;
	struct fuzz_verdict verdict = { 0 };
	char name[64] = "";
	const char *at = name;

	if (!slot)
		return;
	for (i = 0; i < letters; i++)
		name[i] = 1 + fuzz_below(t, 255);
	if (letters >= 32)
		fuzz_must(&verdict, EINVAL);
	if (fuzz_one_in(t, 8)) {
		at = t->array + ARRAY_PAGES * page;
		fuzz_must(&verdict, EFAULT);
	}
	fuzz_judge(FUZZ_NAME,
		   ioctl(slot->fd, fuzz_one_in(t, 2) ? DMA_BUF_SET_NAME_A :
						       DMA_BUF_SET_NAME_B, at) ?
			   -errno : 0, verdict, "a name");
	fuzz_slot_leave(slot);
}

/* What fdinfo says: the size, who exports, and nothing of where it lies. */
static void check_fdinfo(const struct fuzz_slot *slot)
{
	char path[64], line[256];
	unsigned long long size = 0;
	bool ours = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", slot->fd);
	file = fopen(path, "re");
	if (!file)
		return;		/* no descriptor left for it */
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "size: %llu", &size);
		ours = ours || !strcmp(line, "exp_name:\tcarve\n");
	}
	fclose(file);
	if (size != fuzz_object_bytes(slot->object) || !ours)
		fuzz_fail("fdinfo says size %llu", size);
}

void fuzz_seek(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	int64_t to = fuzz_below(t, 3) * page;
	struct fuzz_verdict verdict = { 0 };
	off_t at;

	if (!slot)
		return;
	if (to)
		fuzz_must(&verdict, EINVAL);
	at = lseek(slot->fd, to, fuzz_one_in(t, 4) ? SEEK_SET : SEEK_END);
	fuzz_judge(FUZZ_SEEK, at < 0 ? -errno : 0, verdict, "seek");
	if (at > 0 && (uint64_t)at != fuzz_object_bytes(slot->object))
		fuzz_fail("the end of a buffer is at %lld", (long long)at);
	if (fuzz_one_in(t, 8))
		check_fdinfo(slot);
	fuzz_slot_leave(slot);
}

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

/*
 * Into a socket: for a while that is one more reference, and sometimes it goes
 * with the socket, unread.
 */
void fuzz_pass(struct fuzz_thread *t)
{
	struct fuzz_slot *slot = fuzz_slot_pick(t, false);
	struct fuzz_verdict verdict = { 0 };
	int pair[2], ret;

	if (!slot)
		return;
	if (t->few)
		verdict.may |= OUTCOME(EMFILE) | OUTCOME(ETOOMANYREFS);
	ret = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ?
	      -errno : 0;
	if (!ret) {
		ret = send_fd(pair[0], slot->fd);
		if (fuzz_one_in(t, 2)) {
			/* The message outlives the holder for a moment. */
			fuzz_slot_end(slot);
			slot = NULL;
		}
		close(pair[0]);
		close(pair[1]);
	}
	fuzz_judge(FUZZ_PASS, ret, verdict, "a message");
	if (slot)
		fuzz_slot_leave(slot);
}
