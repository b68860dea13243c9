// SPDX-License-Identifier: MIT
/*
 * DRM as an importer: vgem, which only holds a buffer, and cirrus, which shows
 * it: what is on the screen is read back out of the card's memory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <drm_fourcc.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "check.h"
#include "vgem.h"

#define WIDTH 640u
#define HEIGHT 480u
/* 16 bits a pixel: what cirrus shows without converting. */
#define PITCH (WIDTH * 2)

static int manager;

static int make(uint64_t offset, uint64_t bytes)
{
	int buf = carve_export_buf(manager, offset, bytes, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

/* A handle keeps the range after all descriptors have gone. */
static void check_held(const char *who, int card, uint64_t bytes, uint64_t offset)
{
	struct carve_release record;
	int buf = make(offset, bytes);
	char name[64];
	uint32_t handle;
	int ret;

	ret = drmPrimeFDToHandle(card, buf, &handle) ? -errno : 0;
	snprintf(name, sizeof(name), "%s imports a buffer", who);
	if (!check_value(name, ret, 0))
		return;
	close(buf);
	snprintf(name, sizeof(name), "%s: a handle holds it", who);
	check_value(name, carve_wait_record(manager, 200), 0);
	snprintf(name, sizeof(name), "%s: it is not exported again", who);
	check_value(name, carve_export_buf(manager, offset, page, 2), -EBUSY);
	snprintf(name, sizeof(name), "%s: it is not scrubbed", who);
	check_value(name, carve_scrub_range(manager, offset, bytes), -EBUSY);
	drmCloseBufferHandle(card, handle);
	snprintf(name, sizeof(name), "%s: a record when the handle is closed", who);
	check_value(name, carve_wait_record(manager, 5000), 1);
	carve_read_records(manager, &record, 1);
	check_value("and it can be scrubbed",
		    carve_scrub_range(manager, offset, bytes), bytes);
}

/* What has a handle can be mapped through vgem, and is the same memory. */
static void check_same_memory(int card)
{
	int buf = make(0, 4 * page), again;
	uint64_t *ours = buf_map(buf, 4 * page), *theirs;
	uint32_t handle;

	ours[9] = 99;
	if (drmPrimeFDToHandle(card, buf, &handle) ||
	    drmPrimeHandleToFD(card, handle, DRM_RDWR | DRM_CLOEXEC, &again))
		die("vgem neither imports nor exports: %m");
	theirs = buf_map(again, 4 * page);
	check(theirs[9] == 99, "what vgem hands back is the same memory",
	      "%llu", (unsigned long long)theirs[9]);
	munmap(ours, 4 * page);
	munmap(theirs, 4 * page);
	close(again);
	close(buf);
	drmCloseBufferHandle(card, handle);
}

/* 0, or the errno of a writable mapping; one that succeeds is taken away. */
static int try_write_map(int fd, uint64_t offset)
{
	void *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, page);
	return 0;
}

/* A node open for writing must not make a read-only buffer writable. */
static void check_read_only(int card)
{
	int buf = carve_export_flags(manager, 8 * page, 4 * page, 1,
				     O_RDONLY | O_CLOEXEC);
	struct drm_mode_map_dumb map = { 0 };
	int direct, through, again = -1;

	if (buf < 0)
		die("export: %s", strerror(-buf));
	if (drmPrimeFDToHandle(card, buf, &map.handle) ||
	    drmPrimeHandleToFD(card, map.handle, DRM_RDWR | DRM_CLOEXEC, &again))
		die("vgem neither imports nor exports: %m");
	direct = try_write_map(again, 0);
	check_value("what vgem hands back is read-only still", direct, -EACCES);
	/* Some kernels map imported memory through the importer's node. */
	through = drmIoctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map) ? -errno :
		  try_write_map(card, map.offset);
	check(through < 0, "nor is it writable through vgem's node", "it is");
	close(again);
	close(buf);
	drmCloseBufferHandle(card, map.handle);
}

static void check_vgem(void)
{
	int card = vgem_open();

	if (card < 0) {
		skip("vgem import", "there is no vgem");
		return;
	}
	check_held("vgem", card, 32 * page, 64 * page);
	/* Where the struct pages may end. */
	check_held("vgem, in the middle", card, 32 * page,
		   region.bytes / 2 - 16 * page);
	check_held("vgem, at the end", card, 32 * page,
		   region.bytes - 32 * page);
	check_same_memory(card);
	check_read_only(card);
	close(card);
}

/* The card's own memory, through its first PCI resource. */
static const uint16_t *map_screen(void)
{
	DIR *dir = opendir("/sys/bus/pci/drivers/cirrus");
	char path[400] = "";
	struct dirent *entry;
	void *map;
	int fd;

	if (!dir)	/* its name since 6.14 */
		dir = opendir("/sys/bus/pci/drivers/cirrus-qemu");
	while (dir && (entry = readdir(dir)))
		if (strchr(entry->d_name, ':'))
			snprintf(path, sizeof(path),
				 "/sys/bus/pci/devices/%s/resource0",
				 entry->d_name);
	if (dir)
		closedir(dir);
	fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return NULL;
	map = mmap(NULL, PITCH * HEIGHT, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static void paint(int buf, uint16_t *map, uint32_t salt)
{
	uint32_t i;

	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	for (i = 0; i < WIDTH * HEIGHT; i++)
		map[i] = (i + salt) * 40503u >> 3;
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

static uint32_t count_different(const uint16_t *screen, const uint16_t *map)
{
	uint32_t i, count = 0;

	for (i = 0; i < WIDTH * HEIGHT; i++)
		count += screen[i] != map[i];
	return count;
}

struct display {
	int card;
	uint32_t crtc, connector;
	drmModeModeInfo mode;
};

static bool find_display(struct display *display)
{
	drmModeRes *resources = drmModeGetResources(display->card);
	drmModeConnector *connector = NULL;
	int i;

	if (resources && resources->count_connectors && resources->count_crtcs) {
		display->crtc = resources->crtcs[0];
		display->connector = resources->connectors[0];
		connector = drmModeGetConnector(display->card, display->connector);
	}
	display->mode.hdisplay = 0;
	for (i = 0; connector && i < connector->count_modes; i++)
		if (connector->modes[i].hdisplay == WIDTH &&
		    connector->modes[i].vdisplay == HEIGHT)
			display->mode = connector->modes[i];
	drmModeFreeConnector(connector);
	drmModeFreeResources(resources);
	return display->mode.hdisplay;
}

static void check_screen(struct display *display, int buf, uint32_t frame)
{
	drmModeClip all = { .x2 = WIDTH, .y2 = HEIGHT };
	uint16_t *map = buf_map(buf, PITCH * HEIGHT);
	const uint16_t *screen;

	paint(buf, map, 1);
	check_value("it is shown",
		    drmModeSetCrtc(display->card, display->crtc, frame, 0, 0,
				   &display->connector, 1, &display->mode) ?
		    -errno : 0, 0);
	screen = map_screen();
	if (!screen) {
		skip("what cirrus shows is what we painted",
		     "the card's memory cannot be read (boot with iomem=relaxed)");
		munmap(map, PITCH * HEIGHT);
		return;
	}
	check_value("pixels on the screen that we did not paint",
		    count_different(screen, map), 0);
	paint(buf, map, 777);
	check(count_different(screen, map), "painting alone shows nothing",
	      "it does: is this the card's memory?");
	check_value("a new picture is shown",
		    drmModeDirtyFB(display->card, frame, &all, 1) ? -errno : 0, 0);
	check_value("pixels on the screen that are not of the new picture",
		    count_different(screen, map), 0);
	munmap((void *)screen, PITCH * HEIGHT);
	munmap(map, PITCH * HEIGHT);
}

/* The screen holds a buffer that nobody else has any more. */
static void check_scanout(struct display *display)
{
	const uint64_t bytes = (PITCH * HEIGHT + page - 1) / page * page;
	const uint64_t offset = region.bytes / 2 - bytes / page / 2 * page;
	uint32_t handles[4] = { 0 }, pitches[4] = { PITCH }, offsets[4] = { 0 };
	struct carve_release record;
	int buf = make(offset, bytes);
	uint32_t frame = 0;

	if (!check_value("cirrus imports a buffer",
			 drmPrimeFDToHandle(display->card, buf, &handles[0]) ?
			 -errno : 0, 0))
		return;
	if (!check_value("it becomes a frame",
			 drmModeAddFB2(display->card, WIDTH, HEIGHT,
				       DRM_FORMAT_RGB565, handles, pitches,
				       offsets, &frame, 0) ? -errno : 0, 0))
		return;
	check_screen(display, buf, frame);
	drmCloseBufferHandle(display->card, handles[0]);
	close(buf);
	check_value("the screen holds it", carve_wait_record(manager, 200), 0);
	check_value("it is not exported again",
		    carve_export_buf(manager, offset, page, 2), -EBUSY);
	drmModeSetCrtc(display->card, display->crtc, 0, 0, 0, NULL, 0, NULL);
	drmModeRmFB(display->card, frame);
	check_value("a record when it is no longer shown",
		    carve_wait_record(manager, 5000), 1);
	carve_read_records(manager, &record, 1);
}

static void check_cirrus(void)
{
	struct display display = { .card = drm_open("cirrus") };

	if (display.card < 0)	/* its name since 6.14 */
		display.card = drm_open("cirrus-qemu");
	if (display.card < 0) {
		skip("cirrus import", "there is no cirrus card");
		return;
	}
	if (drmSetMaster(display.card) && errno != EINVAL)
		die("another program has the display: %m");
	if (!find_display(&display))
		die("cirrus has no mode of %ux%u", WIDTH, HEIGHT);
	check_held("cirrus", display.card, 16 * page, 0);
	check_scanout(&display);
	close(display.card);
}

int main(void)
{
	manager = region_open();
	check_vgem();
	close(manager);
	manager = region_open();
	check_cirrus();
	return finish();
}
