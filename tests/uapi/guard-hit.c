// SPDX-License-Identifier: MIT
/*
 * Everything that writes past a buffer, into its guards, is found, counted and
 * named. It is done by the module of the tests, since nothing else can.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "guarded.h"

static int manager;
static int device;	/* writes where it is told to */

static bool found_is(const struct carve_release *record, unsigned int bytes,
		     uint8_t value)
{
	unsigned int i;

	for (i = 0; i < bytes; i++)
		if (record->guard_found[i] != value)
			return false;
	return true;
}

/* Buffers of six pages, with two pages before and three behind. */
struct damage {
	const char *name;
	int64_t at;		/* from the buffer's first byte */
	uint64_t bytes;
	unsigned int damaged;	/* how many of them are in a guard */
	int64_t first;		/* the first of these */
};

static void check_damage(const struct damage *damage, uint8_t value)
{
	uint64_t offset = 20 * page, start = offset + 2 * page;
	int buf = guarded_new(manager, offset, 11 * page, 2 * page, 3 * page);
	unsigned int left = damage->damaged;
	struct carve_release record;
	char name[100];
	int ret = device_poke(device, buf, damage->at, damage->bytes, value);

	if (ret)
		die("cannot write past a buffer: %s", strerror(-ret));
	record = guarded_end(manager, buf);
	snprintf(name, sizeof(name), "%s, 0x%02x", damage->name, value);
	if (left > CARVE_GUARD_FOUND)
		left = CARVE_GUARD_FOUND;
	check(record.offset == offset && record.bytes == 11 * page &&
	      record.owner[0] == 4711 && record.owner[1] == 42 &&
	      record.flags == CARVE_RELEASE_GUARD_HIT &&
	      record.guard_damaged == damage->damaged &&
	      record.guard_offset == start + damage->first &&
	      found_is(&record, left, value), name,
	      "flags %#x, %u bytes, the first at %#llx (buffer at %#llx), found %02x %02x",
	      record.flags, record.guard_damaged, record.guard_offset,
	      (unsigned long long)start, record.guard_found[0],
	      record.guard_found[1]);
}

/* What was found ends with the guard, and with what was not written. */
static void check_found(void)
{
	int buf = guarded_new(manager, 0, 4 * page, page, page);
	static const uint8_t nothing[CARVE_GUARD_FOUND];
	struct carve_release record;

	/* What the buffer holds is no part of it. */
	if (device_poke(device, buf, 0, page, 0x55) ||
	    device_poke(device, buf, -3, 3, 0x80))
		die("cannot write before a buffer");
	record = guarded_end(manager, buf);
	check(found_is(&record, 3, 0x80) &&
	      !memcmp(record.guard_found + 3, nothing, sizeof(nothing) - 3),
	      "what was found ends with the guard", "%02x %02x %02x %02x",
	      record.guard_found[0], record.guard_found[2],
	      record.guard_found[3], record.guard_found[4]);

	buf = guarded_new(manager, 0, 4 * page, page, page);
	device_poke(device, buf, 2 * page + 100, 1, 0x80);
	record = guarded_end(manager, buf);
	check(record.guard_damaged == 1 && record.guard_found[0] == 0x80 &&
	      memcmp(record.guard_found + 1, nothing, sizeof(nothing) - 1),
	      "what stands behind the damage is kept", "%u bytes, %02x %02x",
	      record.guard_damaged, record.guard_found[0],
	      record.guard_found[1]);

	buf = guarded_new(manager, 0, 4 * page, page, page);
	device_poke(device, buf, -5, 2, 0);
	device_poke(device, buf, 2 * page + 7, 3, 0);
	record = guarded_end(manager, buf);
	check(record.guard_damaged == 5 && record.guard_offset == page - 5,
	      "damage on both sides is counted together", "%u bytes at %#llx",
	      record.guard_damaged, record.guard_offset);
}

/* What the buffer beside it holds comes along when a copy goes on too long. */
static void check_alike(void)
{
	int buf = guarded_new(manager, 0, 8 * page, 3 * page, 3 * page);
	struct carve_release record;
	uint8_t holds[2][CARVE_GUARD_FOUND];
	int i;

	for (i = 0; i < 2; i++) {
		device_poke(device, buf, 2 * page + i * (int64_t)page, 1, 0);
		record = guarded_end(manager, buf);
		memcpy(holds[i], record.guard_found, sizeof(holds[i]));
		buf = guarded_new(manager, 0, 8 * page, 3 * page, 3 * page);
	}
	guarded_end(manager, buf);
	check(memcmp(holds[0] + 1, holds[1] + 1, sizeof(holds[0]) - 1),
	      "one page of a guard is not like the next", "it is");
}

/* The next line of the kernel log about a guard, or false. */
static bool log_line(int log, char *text, size_t size)
{
	char line[2000], *begin;
	ssize_t got;

	while ((got = read(log, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (got <= 0)
			continue;
		line[got] = 0;
		begin = strstr(line, "guard hit: ");
		if (!begin)
			continue;
		begin[strcspn(begin, "\n")] = 0;
		snprintf(text, size, "%s", begin);
		return true;
	}
	return false;
}

static int open_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		die("/dev/kmsg: %m");
	return log;
}

static void check_log(void)
{
	struct carve_export export = guarded_args(7 * page, 4 * page, page, page);
	char wanted[500], text[500] = "nothing";
	int log = open_log();

	snprintf(export.name, sizeof(export.name), "film\n<0>cinema");
	if (guarded_run(manager, &export))
		die("export: %m");
	device_poke(device, export.fd, 2 * page + 5, 20, 0x10);
	guarded_end(manager, export.fd);
	snprintf(wanted, sizeof(wanted),
		 "guard hit: written to past the end of a buffer, 20 bytes, the first at %#llx: extent %#llx+%#llx, owner 4711 42, name \"film\\x5cn<0>cinema\"",
		 10ULL * page + 5, 7ULL * page, 4ULL * page);
	log_line(log, text, sizeof(text));
	check(!strcmp(text, wanted),
	      "the log names buffer, owner and place, in one line of one kind",
	      "%s", text);
	check(!log_line(log, text, sizeof(text)), "once", "then: %s", text);
	close(log);
}

/* Clients can fill the log no further than this, and lose no record by it. */
static void check_flood(void)
{
	enum { HITS = 40, BURST = 10, INTERVAL = 5 };
	int i, log, lines = 0, hits = 0, most;
	char text[500];
	time_t start;

	sleep(6);	/* a new interval of the driver's limit, for a full burst */
	log = open_log();
	start = time(NULL);
	for (i = 0; i < HITS; i++) {
		int buf = guarded_new(manager, 0, 2 * page, 0, page);

		device_poke(device, buf, page, 1, 0);
		hits += guarded_end(manager, buf).flags == CARVE_RELEASE_GUARD_HIT;
	}
	/* On a slow machine it takes more than one of the driver's intervals. */
	most = BURST * (1 + (time(NULL) - start + 1) / INTERVAL);
	check_value("every record of a flood of hits", hits, HITS);
	while (log_line(log, text, sizeof(text)))
		lines++;
	check(lines >= 1 && lines <= most, "the log has only some of them",
	      "%d lines, not %d", lines, most);
	sleep(6);
	i = guarded_new(manager, 0, 2 * page, 0, page);
	device_poke(device, i, page, 1, 0);
	guarded_end(manager, i);
	check(log_line(log, text, sizeof(text)), "and later the next one",
	      "nothing");
	close(log);
}

static void check_hits(void)
{
	const int64_t p = page, front = -2 * p, back = 6 * p;
	const struct damage cases[] = {
		{ "the byte before the buffer", -1, 1, 1, -1 },
		{ "across the start", -2, 10, 2, -2 },
		{ "the first byte of the guard before", front, 1, 1, front },
		{ "the whole guard before", front, 2 * page, 2 * page, front },
		{ "the byte behind the buffer", back, 1, 1, back },
		{ "across the end", back - 100, 117, 17, back },
		{ "the middle of the guard behind", back + p + 3, 7, 7, back + p + 3 },
		{ "the last byte of the guard behind", back + 3 * p - 1, 1, 1, back + 3 * p - 1 },
		{ "the whole guard behind", back, 3 * page, 3 * page, back },
		{ "both guards and all between", front, 11 * page, 5 * page, front },
	};
	static const uint8_t values[] = { 0x00, 0x10, 0x80, 0xeb, 0xff };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (j = 0; j < ARRAY_SIZE(values); j++)
			check_damage(&cases[i], values[j]);
	check(range_is_zero(manager, 20 * page, 11 * page), "what was damaged is zero again",
	      "it is not");
}

int main(void)
{
	manager = region_open();
	device = device_open("plain");
	if (device < 0)
		die("/dev/carve-test/plain: %m (load carve-test first)");
	check_hits();
	check_found();
	check_alike();
	check_flood();
	check_log();
	check(region_is_clean(manager), "clean in the end", "it is not");
	return finish();
}
