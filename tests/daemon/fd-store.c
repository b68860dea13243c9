// SPDX-License-Identifier: MIT
#include "fd-store.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* SCM_MAX_FD of the kernel. */
#define FDS_MAX	253

/**
 * struct report - one datagram
 * @text: lines, each with its newline turned into the end of a string
 */
struct report {
	pid_t pid;
	char text[4096];
	size_t bytes;
	int fds[FDS_MAX];
	unsigned int fd_count;
};

static void take_control(struct report *report, struct msghdr *message)
{
	struct cmsghdr *control;
	struct ucred who;
	size_t bytes;

	for (control = CMSG_FIRSTHDR(message); control;
	     control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level != SOL_SOCKET)
			continue;
		bytes = control->cmsg_len - CMSG_LEN(0);
		if (control->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&who, CMSG_DATA(control), sizeof(who));
			report->pid = who.pid;
		} else if (control->cmsg_type == SCM_RIGHTS) {
			memcpy(report->fds, CMSG_DATA(control), bytes);
			report->fd_count = (unsigned int)(bytes / sizeof(int));
		}
	}
}

static bool receive(int fd, struct report *report)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred)) +
			  CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control;
	struct iovec part = { report->text, sizeof(report->text) - 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	report->text[n] = '\0';
	report->bytes = (size_t)n;
	report->pid = 0;
	report->fd_count = 0;
	take_control(report, &message);
	return true;
}

/* Value of a line "KEY=value", or NULL; its end is put into @ret_bytes. */
static const char *find_value(const struct report *report, const char *key,
			      size_t *ret_bytes)
{
	const char *line = report->text;
	size_t bytes = strlen(key);

	while (line && *line) {
		if (!strncmp(line, key, bytes) && line[bytes] == '=') {
			line += bytes + 1;
			*ret_bytes = strcspn(line, "\n");
			return line;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

static bool says(const struct report *report, const char *key, const char *value)
{
	size_t bytes;
	const char *found = find_value(report, key, &bytes);

	return found && bytes == strlen(value) && !strncmp(found, value, bytes);
}

/* ---- the store ----------------------------------------------------------- */

static void drop_entry(struct fd_store *store, unsigned int index)
{
	close(store->entries[index].fd);
	store->count--;
	memmove(&store->entries[index], &store->entries[index + 1],
		(store->count - index) * sizeof(store->entries[0]));
}

static bool is_same(int a, int b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0;
}

static bool is_stored(const struct fd_store *store, int fd)
{
	for (unsigned int i = 0; i < store->count; i++)
		if (is_same(store->entries[i].fd, fd))
			return true;
	return false;
}

static void store_one(struct fd_store *store, const struct report *report, int fd)
{
	struct fd_store_entry *entry = &store->entries[store->count];
	size_t bytes = 0;
	const char *name = find_value(report, "FDNAME", &bytes);

	/* What is there already is neither kept twice nor called otherwise. */
	if (store->count == FD_STORE_MAX || is_stored(store, fd)) {
		store->refused += store->count == FD_STORE_MAX;
		close(fd);
		return;
	}
	if (!name || bytes == 0 || bytes >= FD_STORE_NAME) {
		name = "stored";
		bytes = strlen(name);
	}
	entry->fd = fd;
	entry->is_watched = !says(report, "FDPOLL", "0");
	memcpy(entry->name, name, bytes);
	entry->name[bytes] = '\0';
	store->count++;
	store->kept++;
}

static void remove_named(struct fd_store *store, const struct report *report)
{
	size_t bytes = 0;
	const char *name = find_value(report, "FDNAME", &bytes);
	unsigned int i = 0;

	while (name && i < store->count)
		if (strlen(store->entries[i].name) == bytes &&
		    !strncmp(store->entries[i].name, name, bytes))
			drop_entry(store, i);
		else
			i++;
}

static void take_report(struct fd_store *store, struct report *report)
{
	bool keeps = says(report, "FDSTORE", "1");

	if (says(report, "FDSTOREREMOVE", "1"))
		remove_named(store, report);
	/* With BARRIER=1 closing it is the answer. */
	for (unsigned int i = 0; i < report->fd_count; i++)
		if (keeps)
			store_one(store, report, report->fds[i]);
		else
			close(report->fds[i]);
}

bool fd_store_read(struct fd_store *store, pid_t pid)
{
	struct report report;
	bool is_ready = false;

	while (receive(store->notify, &report)) {
		if (report.pid != pid)
			report.text[0] = '\0';
		take_report(store, &report);
		is_ready |= says(&report, "READY", "1");
	}
	return is_ready;
}

size_t fd_store_poll(const struct fd_store *store, struct pollfd *polls)
{
	/* With no events asked for, POLLHUP and POLLERR come all the same. */
	for (unsigned int i = 0; i < store->count; i++)
		polls[i] = (struct pollfd){
			.fd = store->entries[i].is_watched ?
				store->entries[i].fd : -1,
		};
	return store->count;
}

void fd_store_drop_ended(struct fd_store *store, const struct pollfd *polls)
{
	for (unsigned int i = store->count; i-- > 0;)
		if (polls[i].revents & (POLLHUP | POLLERR))
			drop_entry(store, i);
}

void fd_store_drop(struct fd_store *store, const char *name)
{
	for (unsigned int i = store->count; i-- > 0;)
		if (!strcmp(store->entries[i].name, name))
			drop_entry(store, i);
}

void fd_store_rename(struct fd_store *store, const char *names)
{
	const char *other = strchr(names, ' ');
	size_t bytes = (size_t)(other - names);

	for (unsigned int i = 0; i < store->count; i++)
		if (strlen(store->entries[i].name) == bytes &&
		    !strncmp(store->entries[i].name, names, bytes))
			strcpy(store->entries[i].name, other + 1);
}

void fd_store_lose(struct fd_store *store, const char *prefix)
{
	for (unsigned int i = store->count; i-- > 0;)
		if (!strncmp(store->entries[i].name, prefix, strlen(prefix)))
			drop_entry(store, i);
}

int fd_store_find(const struct fd_store *store, const char *name)
{
	for (unsigned int i = 0; i < store->count; i++)
		if (!strcmp(store->entries[i].name, name))
			return store->entries[i].fd;
	return -1;
}
