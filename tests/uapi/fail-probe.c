// SPDX-License-Identifier: MIT
/*
 * Loading the driver, and its probe of a region, with every allocation inside
 * failing once. The kernel does not say what became of a probe: where there is
 * no region afterwards it has failed.
 *
 * $CARVE_MODULE is the file of the module. Nobody else may use the driver.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "check.h"
#include "inject.h"

#define BUS "/sys/bus/platform"

static char device[300], driver[400], class[100];
static const char *module;
static int probe_file;
static unsigned int without_node;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s: %m", path);
	close(fd);
}

static int load(void)
{
	int fd = open(module, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		die("%s: %m", module);
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* udev may have the module for a moment yet. */
static bool unload(void)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (!syscall(SYS_delete_module, "carve", O_NONBLOCK))
			return true;
		usleep(50000);
	}
	return false;
}

static void load_or_die(void)
{
	int ret = load();

	if (ret)
		die("the driver cannot be loaded: %s", strerror(-ret));
}

static const char *nothing(int ret)
{
	(void)ret;
	return NULL;
}

/* ---- the driver alone --------------------------------------------------- */

static const char *load_finish(int ret)
{
	return !ret && !unload() ? "it cannot be unloaded" : NULL;
}

/* ---- one region --------------------------------------------------------- */

/* The last failures of a sweep hit this look itself; each comes once only. */
static bool is_bound(void)
{
	return !access(driver, F_OK) ||
	       (errno != ENOENT && !access(driver, F_OK));
}

/* The file says nothing of the error of a probe, and EINVAL of its own. */
static int probe_run(void)
{
	if (write(probe_file, device, strlen(device)) < 0)
		return -errno;
	return is_bound() ? 0 : -ENOMEM;
}

/* The region that came of it, from one end to the other. */
static const char *use_region(void)
{
	struct carve_extent_info info;
	struct carve_info sums;
	const char *wrong = NULL;
	int fd = open(region_node(), O_RDWR | O_CLOEXEC), buf;

	/*
	 * The kernel's own: a device is there also when devtmpfs had no memory
	 * for its node.
	 */
	if (fd < 0 && errno == ENOENT) {
		without_node++;
		return NULL;
	}
	if (fd < 0)
		return "it cannot be opened";
	if (carve_info_get(fd, &sums) || sums.dirty_bytes != region.bytes ||
	    carve_list_all(fd, &info, 1) != 1 || info.offset ||
	    info.bytes != region.bytes)
		wrong = "not all of it is dirty";
	else if (carve_scrub_range(fd, 0, region.bytes) != (int64_t)region.bytes)
		wrong = "it cannot be scrubbed";
	buf = wrong ? -1 : carve_export_buf(fd, 0, region.bytes, 1);
	if (!wrong && buf < 0)
		wrong = "it cannot be exported";
	if (buf >= 0)
		close(buf);
	close(fd);
	return wrong;
}

/*
 * Nothing is left of a probe that failed; and now and then the next one has to
 * succeed, and the region to be whole. (The last one has to, anyhow.)
 */
static const char *probe_finish(int ret)
{
	static unsigned int failed;
	const char *wrong = NULL;

	if (ret && (is_bound() || !access(region_node(), F_OK) ||
		    !access(class, F_OK)))
		return "something is left of it";
	if (ret && failed++ % 8)
		return NULL;
	if (ret && (probe_run() || !is_bound()))
		return "the next probe fails";
	wrong = use_region();
	if (!unload())
		return wrong ?: "it cannot be unloaded";
	load_or_die();
	return wrong;
}

/* The driver core says EINVAL when it cannot make a folder in sysfs. */
static const struct operation loading = {
	"load the driver", NULL, load, load_finish, -EINVAL, false
};

static const struct operation probing = {
	"probe a region", NULL, probe_run, probe_finish, -EINVAL, false
};

static void find_device(void)
{
	const char *label = region.label;
	char link[200], target[300];
	ssize_t length;

	snprintf(class, sizeof(class), "/sys/class/carve/%s", label);
	snprintf(link, sizeof(link), "%s/device", class);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		die("%s: %m", link);
	target[length] = 0;
	snprintf(device, sizeof(device), "%s", basename(target));
	snprintf(driver, sizeof(driver), BUS "/devices/%s/driver", device);
	probe_file = open(BUS "/drivers_probe", O_WRONLY | O_CLOEXEC);
	if (probe_file < 0)
		die(BUS "/drivers_probe: %m");
}

int main(void)
{
	const char *why = inject_open();
	int fd;

	module = getenv("CARVE_MODULE");
	if (why || !module) {
		skip("one failure at a time", why ?: "no $CARVE_MODULE");
		return 77;
	}
	fd = region_open();
	close(fd);
	find_device();
	if (!unload())
		die("the driver is in use: %m");
	put(BUS "/drivers_autoprobe", "0");

	/* Not what the kernel allocates to load any module at all. */
	inject_under("do_one_initcall");
	inject_sweep(&loading, nothing);
	inject_under(NULL);
	load_or_die();
	inject_sweep(&probing, nothing);
	printf("# %u regions had no node: devtmpfs had no memory\n", without_node);

	unload();
	put(BUS "/drivers_autoprobe", "1");
	load_or_die();
	fd = region_open();
	check(region_is_clean(fd), "all is as it was", "it is not clean");
	return finish();
}
