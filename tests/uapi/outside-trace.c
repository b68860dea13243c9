// SPDX-License-Identifier: MIT
/*
 * The trace events tell in order what was done to a region, with all fields.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "device.h"
#include "files.h"
#include "guarded.h"

#define TRACEFS "/sys/kernel/tracing"
#define INSTANCE TRACEFS "/instances/carve-outside"
#define OWNER UINT64_C(0xfeedc0deba5eba11)

static int manager;
static char wanted[10000], got[10000];

/* The lines of ours in the trace, from the event's name on. */
static void read_events(void)
{
	FILE *trace = fopen(INSTANCE "/trace", "re");
	char line[1000], *event;

	got[0] = '\0';
	while (trace && fgets(line, sizeof(line), trace)) {
		event = strstr(line, ": carve_");
		if (event && strlen(got) + strlen(event) < sizeof(got))
			strcat(got, event + 2);
	}
	if (trace)
		fclose(trace);
}

static char *expect(char *at, const char *event, uint64_t offset,
		    const char *rest)
{
	return at + sprintf(at, "%s: region=%s offset=0x%" PRIx64 " %s\n",
			    event, region_label(), offset, rest);
}

static void act(void)
{
	int buf = export_named(manager, 16 * page, 4 * page, OWNER,
			       "a film\nforged: line");
	struct carve_release record;

	if (buf < 0)
		die("export: %s", strerror(-buf));
	check_value("an export is refused",
		    export_named(manager, 18 * page, page, 7, "other"), -EBUSY);
	check_value("a scrub is refused",
		    carve_scrub_range(manager, 0, 32 * page), -EBUSY);
	close(buf);
	check_value("the record is there",
		    carve_read_records(manager, &record, 1), 1);
	check_value("what was released is scrubbed",
		    carve_scrub_range(manager, 0, 32 * page), 4 * page);
}

/* Three bytes past the end, by a device of the tests. */
static void act_guarded(int device)
{
	int buf = guarded_new(manager, 0, 3 * page, 0, page);

	if (device_poke(device, buf, 2 * page + 5, 3, 0))
		die("cannot write past a buffer");
	guarded_end(manager, buf);
}

static char *expect_guarded(char *at)
{
	char rest[300];

	snprintf(rest, sizeof(rest), "bytes=%" PRIu64
		 " owner=0x1267,0x2a result=0 name=frame", 3 * page);
	at = expect(at, "carve_export", 0, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64
		 " owner=0x1267,0x2a guard_offset=0x%" PRIx64
		 " damaged=3 name=frame", 3 * page, 2 * page + 5);
	at = expect(at, "carve_guard_hit", 0, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64
		 " owner=0x1267,0x2a name=frame", 3 * page);
	at = expect(at, "carve_release", 0, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64 " scrubbed=%" PRIu64
		 " result=0", 3 * page, 3 * page);
	return expect(at, "carve_scrub", 0, rest);
}

static void check_events(void)
{
	int device = device_open("plain");
	char rest[300], *at = wanted;

	if (access(TRACEFS "/events", F_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/events", F_OK)) {
		skip("trace events", "the kernel has none");
		return;
	}
	rmdir(INSTANCE);
	if (mkdir(INSTANCE, 0700) ||
	    file_write(INSTANCE "/events/carve/enable", "1", 0))
		die("the trace events cannot be enabled: %m");
	act();
	if (device >= 0)
		act_guarded(device);
	read_events();
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64 " owner=0x%" PRIx64
		 ",0x%" PRIx64 " result=0 name=a film?forged: line", 4 * page,
		 OWNER, ~OWNER);
	at = expect(at, "carve_export", 16 * page, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64
		 " owner=0x7,0xfffffffffffffff8 result=-16 name=other", page);
	at = expect(at, "carve_export", 18 * page, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64 " scrubbed=0 result=-16",
		 32 * page);
	at = expect(at, "carve_scrub", 0, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64 " owner=0x%" PRIx64
		 ",0x%" PRIx64 " name=a film?forged: line", 4 * page, OWNER,
		 ~OWNER);
	at = expect(at, "carve_release", 16 * page, rest);
	snprintf(rest, sizeof(rest), "bytes=%" PRIu64 " scrubbed=%" PRIu64
		 " result=0", 32 * page, 4 * page);
	at = expect(at, "carve_scrub", 0, rest);
	if (device >= 0)
		expect_guarded(at);
	else
		skip("the event of a guard hit", "no device that would cause it");
	check(!strcmp(got, wanted), "trace events, in order, with their fields",
	      "%sinstead of\n%s", got, wanted);
	file_write(INSTANCE "/events/carve/enable", "0", 0);
	check_value("the trace instance goes", rmdir(INSTANCE), 0);
}

int main(void)
{
	manager = region_open();
	check_events();
	check(region_is_clean(manager), "nothing is left behind", "something is");
	return finish();
}
