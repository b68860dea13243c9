// SPDX-License-Identifier: MIT
/*
 * guard-hold UID ID: makes a guarded buffer as a daemon of another day could
 * have, gives the region back and keeps the buffer. Then reads commands: a byte
 * offset from the buffer's start is written to, "close" ends the buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "guarded.h"

static int export_held(uint64_t uid, uint64_t id)
{
	struct carve_export export;
	int manager = region_open(), ret;

	export = guarded_args(page, 8 * page, page, 2 * page);
	export.owner[0] = uid;
	export.owner[1] = id;
	snprintf(export.name, sizeof(export.name), "held");
	ret = guarded_run(manager, &export);
	if (ret)
		die("export: %s", strerror(-ret));
	close(manager);
	return export.fd;
}

int main(int argc, char **argv)
{
	int buf, device = device_open("plain"), ret;
	char line[100];

	if (argc != 3)
		die("usage: guard-hold UID ID");
	if (device < 0)
		die("/dev/carve-test/plain: %m (modprobe carve-test)");
	buf = export_held(strtoull(argv[1], NULL, 0), strtoull(argv[2], NULL, 0));
	setlinebuf(stdout);
	printf("held\n");
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "close\n")) {
		ret = device_poke(device, buf, strtoll(line, NULL, 0), 3, 0x80);
		if (ret)
			die("poke at %s: %s", line, strerror(-ret));
		printf("written\n");
	}
	close(buf);
	printf("closed\n");
	return 0;
}
