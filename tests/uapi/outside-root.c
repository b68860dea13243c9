// SPDX-License-Identifier: MIT
/*
 * What root sees of a region in debugfs: a line for each extent that the list
 * has.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "check.h"
#include "files.h"

#define DEBUGFS "/sys/kernel/debug"
#define OWNER UINT64_C(0xfeedc0deba5eba11)
#define HEADING "offset bytes state owner0 owner1 guard_before guard_after name\n"
/* Enough that the text is longer than any buffer the kernel starts with. */
#define MANY 300
#define TEXT (1 << 20)

static int manager;
static char wanted[TEXT], got[TEXT];
static atomic_bool stop;

static int export(uint64_t page_number, uint64_t pages, uint64_t owner,
		  const char *name)
{
	int buf = export_named(manager, page_number * page, pages * page, owner,
			       name);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

/* What is not printable ASCII, and quote and backslash, are octal. */
static size_t escape(char *to, const char *name)
{
	const char *start = to;

	for (; *name; name++)
		if (*name < ' ' || *name > '~' || *name == '"' || *name == '\\')
			to += sprintf(to, "\\%03o", (unsigned char)*name);
		else
			*to++ = *name;
	return to - start;
}

/* The file as it has to be, out of what the list says. */
static void write_wanted(void)
{
	static struct carve_extent_info infos[2 * MANY];
	int count = carve_list_all(manager, infos, ARRAY_SIZE(infos));
	char *at = wanted;
	int i;

	at += sprintf(at, "%s", HEADING);
	for (i = 0; i < count; i++) {
		at += sprintf(at, "0x%llx %llu %s 0x%llx 0x%llx %u %u \"",
			      infos[i].offset, infos[i].bytes,
			      infos[i].state == CARVE_STATE_LIVE ? "live" : "dirty",
			      infos[i].owner[0], infos[i].owner[1],
			      infos[i].guard_before, infos[i].guard_after);
		at += escape(at, infos[i].name);
		at += sprintf(at, "\"\n");
	}
}

/* In pieces of an odd size, so that lines are cut anywhere. */
static void read_in_pieces(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t length;

	while ((length = read(fd, got + have, 97)) > 0)
		have += length;
	got[have] = '\0';
	close(fd);
}

static void check_extents(const char *path, const char *when)
{
	char name[200];

	write_wanted();
	file_read(path, got, sizeof(got));
	snprintf(name, sizeof(name), "debugfs is what the list says: %s", when);
	check(!strcmp(got, wanted), name, "%.300s\ninstead of\n%.300s", got,
	      wanted);
	read_in_pieces(path);
	snprintf(name, sizeof(name), "and read in pieces: %s", when);
	check(!strcmp(got, wanted), name, "%zu bytes, not %zu", strlen(got),
	      strlen(wanted));
}

static void check_table(const char *path)
{
	static const char *const odd[] = {
		"plain", "", "two words", "new\nline", "\"quoted\\\"", "\t\r\177",
		"\x80\xff\xc3\xa4", "\xe9",
		"0123456789012345678901234567890123456789012345678901234567890\n\n",
	};
	int bufs[MANY];
	size_t i;

	check_extents(path, "nothing");
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		bufs[i] = export(3 * i + 1, 2, OWNER + i, odd[i]);
	check_extents(path, "names of all kinds");
	for (; i < MANY; i++)
		bufs[i] = export(3 * i + 1, 2, i, odd[ARRAY_SIZE(odd) - 1]);
	check_extents(path, "many extents");
	for (i = 0; i < MANY; i += 2)
		export_end(manager, bufs[i]);
	carve_scrub_range(manager, 0, page * 50);
	check_extents(path, "some dirty, some half clean");
	for (i = 1; i < MANY; i += 2)
		export_end(manager, bufs[i]);
	carve_scrub_range(manager, 0, region.bytes);
	check_extents(path, "nothing again");
}

static void *change(void *unused __attribute__((unused)))
{
	uint64_t i;

	for (i = 0; !stop; i = (i + 7) % 1000) {
		int buf = export_named(manager, i * 4 * page,
				       (1 + i % 4) * page, i, "moving");

		if (buf < 0)
			die("export: %s", strerror(-buf));
		export_end(manager, buf);
		carve_scrub_range(manager, i * 4 * page, 4 * page);
	}
	return NULL;
}

/* Lines of different moments still go up and do not overlap. */
static bool goes_up(const char *text)
{
	uint64_t end = 0, offset, bytes;
	const char *line = text;

	while ((line = strchr(line, '\n')) && *++line) {
		if (sscanf(line, "0x%" SCNx64 " %" SCNu64 " ", &offset,
			   &bytes) != 2 || offset < end || !bytes)
			return false;
		end = offset + bytes;
	}
	return true;
}

static void check_while_changing(const char *path)
{
	unsigned int rounds;
	pthread_t thread;
	int bufs[100];
	bool good = true;
	size_t i;

	/* Behind what the thread does, so that each round has many lines. */
	for (i = 0; i < ARRAY_SIZE(bufs); i++)
		bufs[i] = export(5000 + 2 * i, 1, i, "standing");
	pthread_create(&thread, NULL, change, NULL);
	for (rounds = 0; good && rounds < 200; rounds++) {
		file_read(path, got, sizeof(got));
		good = goes_up(got) && strstr(got, "standing");
	}
	stop = true;
	pthread_join(thread, NULL);
	check(good, "the table while extents come and go", "%.500s", got);
	for (i = 0; i < ARRAY_SIZE(bufs); i++)
		export_end(manager, bufs[i]);
	carve_scrub_range(manager, 0, region.bytes);
}

static void check_debugfs(void)
{
	struct stat stat_buf;
	char path[300];

	if (access(DEBUGFS "/carve", F_OK))
		mount("none", DEBUGFS, "debugfs", 0, NULL);
	if (access(DEBUGFS, F_OK) || access(DEBUGFS "/bdi", F_OK)) {
		skip("debugfs", "the kernel has none");
		return;
	}
	snprintf(path, sizeof(path), DEBUGFS "/carve/%s/extents", region_label());
	if (stat(path, &stat_buf))
		die("%s: %m", path);
	check_value("extents are root's", stat_buf.st_mode & 07777, 0400);
	check_table(path);
	check_while_changing(path);
}

int main(void)
{
	manager = region_open();
	check_debugfs();
	check(region_is_clean(manager), "nothing is left behind", "something is");
	return finish();
}
