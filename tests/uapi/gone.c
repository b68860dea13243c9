// SPDX-License-Identifier: MIT
/*
 * A region whose device has gone: every command says so, a buffer stays what
 * it was, and nothing else can be had.
 *
 * The device goes as with a removed overlay, by way of carve-test's "unplug".
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "command.h"

#define UNPLUG	"/dev/carve-test/unplug"
#define TREE	"/sys/firmware/devicetree/base"

static char node[PATH_MAX];	/* of the device, in the device tree */

static void find_tree_node(void)
{
	char link[PATH_MAX], path[PATH_MAX];

	snprintf(link, sizeof(link), "/sys/class/carve/%s/device/of_node",
		 region.label);
	if (!realpath(link, path) || strncmp(path, TREE, strlen(TREE)))
		die("%s: %m", link);
	strcpy(node, path + strlen(TREE));
}

/* "remove" or "create": 0 or a negative errno. */
static int plug(const char *what)
{
	int fd = open(UNPLUG, O_WRONLY | O_CLOEXEC), length, ret;
	char line[PATH_MAX + 16];

	if (fd < 0)
		return -errno;
	length = snprintf(line, sizeof(line), "%s %s\n", what, node);
	ret = write(fd, line, length) == length ? 0 : -errno;
	close(fd);
	return ret;
}

/* Whatever the arguments: the errno is that of the device. */
static void check_commands(int fd, int buf, const char *who)
{
	union command_args args;
	char name[64];
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		args = command_good(&commands[i], buf);
		snprintf(name, sizeof(name), "%s of a gone device%s",
			 commands[i].name, who);
		check_value(name, command_run(fd, commands[i].cmd, &args), -ENODEV);
		args = command_good(&commands[i], buf);
		args.size = 0;
		snprintf(name, sizeof(name), "%s of a gone device%s, too short",
			 commands[i].name, who);
		check_value(name, command_run(fd, commands[i].cmd, &args), -ENODEV);
	}
	check_value("an unknown command is still unknown",
		    command_run(fd, _IO(CARVE_IOC_TYPE, COMMANDS), NULL), -ENOTTY);
}

static void check_files(int fd, int reader)
{
	struct pollfd pollfds[] = { { fd, POLLIN, 0 }, { reader, POLLIN, 0 } };
	struct carve_release record;

	check_value("poll does not wait", poll(pollfds, 2, 5000), 2);
	check(pollfds[0].revents == (POLLHUP | POLLERR) &&
	      pollfds[1].revents == (POLLHUP | POLLERR), "and says so", "%#x and %#x",
	      pollfds[0].revents, pollfds[1].revents);
	check_value("read by the manager",
		    read(fd, &record, sizeof(record)) < 0 ? -errno : 0, -ENODEV);
	check_value("read by a reader",
		    read(reader, &record, sizeof(record)) < 0 ? -errno : 0, -EPERM);
	check(access(region_node(), F_OK), "the node is not there any more", "it is");
}

static void check_buffer(int buf, char *map)
{
	char *again = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, buf, 0);

	check(again != MAP_FAILED && again[page] == 0x5a && map[page] == 0x5a,
	      "a buffer is what it was, and can be mapped", "%m");
	if (again != MAP_FAILED)
		munmap(again, 2 * page);
	check_value("and synced", buf_sync(buf, 3), 0);
	check_value("while it lives the device does not come back",
		    plug("create"), 0);
	check(access(region_node(), F_OK), "with its memory", "it is there");
	check_value("that one goes, too", plug("remove"), 0);
}

int main(void)
{
	int fd = region_open(), reader, buf;
	char *map;

	if (access(UNPLUG, W_OK)) {
		skip("a gone device", "there is no " UNPLUG ": carve-test is not loaded");
		return finish();
	}
	find_tree_node();
	reader = open(region_node(), O_RDONLY | O_CLOEXEC);
	buf = carve_export_buf(fd, 0, 2 * page, 1);
	if (reader < 0 || buf < 0)
		die("cannot prepare: %m");
	map = buf_map(buf, 2 * page);
	map[page] = 0x5a;
	check_value("the device goes", plug("remove"), 0);
	check_commands(fd, buf, "");
	check_commands(reader, buf, " by a reader");
	check_files(fd, reader);
	check_buffer(buf, map);
	munmap(map, 2 * page);
	close(buf);
	close(reader);
	close(fd);
	check_value("afterwards it comes back", plug("create"), 0);
	for (int i = 0; i < 50 && access(region_node(), F_OK); i++)
		usleep(100000);
	fd = region_open();
	check(region_is_clean(fd), "and can be used", "it cannot");
	return finish();
}
