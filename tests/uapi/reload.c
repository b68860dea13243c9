// SPDX-License-Identifier: MIT
/*
 * A driver that comes back takes nothing for clean: what the last one, or the
 * last boot, left in memory is not for the next owner.
 *
 * $CARVE_RELOAD is the command that unloads and loads the driver.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "check.h"

#define BYTES (64 * page)

static void leave_something(int fd)
{
	int buf = carve_export_buf(fd, region.bytes - BYTES, BYTES, 1);
	void *map;

	if (buf < 0)
		die("export: %s", strerror(-buf));
	map = buf_map(buf, BYTES);
	memset(map, 0xa5, BYTES);
	munmap(map, BYTES);
	check(system("modprobe -r carve 2>/dev/null || rmmod carve 2>/dev/null"),
	      "the driver does not go while a buffer lives", "it went");
	close(fd);
	check(system("modprobe -r carve 2>/dev/null || rmmod carve 2>/dev/null"),
	      "nor when nobody has the node open", "it went");
	close(buf);
}

static void check_all_dirty(int fd)
{
	struct carve_extent_info infos[2] = { 0 };
	struct carve_info info;
	unsigned char *map;
	int buf;

	carve_info_get(fd, &info);
	check_value("all is dirty afterwards", info.dirty_bytes, region.bytes);
	check(!info.live_count && !info.unread_count, "and nothing else",
	      "%u live, %u unread", info.live_count, info.unread_count);
	check_value("in one extent", carve_list_all(fd, infos, 2), 1);
	check(!infos[0].offset && infos[0].bytes == region.bytes &&
	      !infos[0].owner[0] && !infos[0].owner[1] && !infos[0].name[0],
	      "that was nobody's", "%#llx+%#llx of %llu", infos[0].offset,
	      infos[0].bytes, infos[0].owner[0]);
	check_value("nothing can be exported",
		    carve_export_buf(fd, 0, page, 1), -EBUSY);
	check_value("before it is scrubbed",
		    carve_scrub_range(fd, region.bytes - BYTES, BYTES), BYTES);
	buf = carve_export_buf(fd, region.bytes - BYTES, BYTES, 1);
	if (buf < 0)
		die("export: %s", strerror(-buf));
	map = buf_map(buf, BYTES);
	check(!map[0] && !memcmp(map, map + 1, BYTES - 1),
	      "what was left there is gone", "%#x", map[0]);
	munmap(map, BYTES);
	close(buf);
}

int main(void)
{
	const char *reload = getenv("CARVE_RELOAD");
	int fd = region_open();

	leave_something(fd);
	if (system(reload ?: "modprobe -r carve && modprobe carve"))
		die("the driver cannot be loaded again");
	fd = open(region_node(), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s does not come back: %m", region_node());
	check_all_dirty(fd);
	return finish();
}
