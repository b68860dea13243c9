// SPDX-License-Identifier: MIT
/*
 * vkms, DRM's virtual display, with buffers of ours on both its ends: one is
 * shown, and the writeback connector puts what is shown into another. It is the
 * only connector in use: vkms does not declare its encoders to be clones, so
 * kernels that look (6.12.117 does) refuse two of them on one CRTC.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <drm_fourcc.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "../patience.h"
#include "check.h"
#include "vgem.h"

#define WIDTH 640u
#define HEIGHT 480u
#define PITCH (WIDTH * 4)
/* The highest byte of a pixel is nobody's. */
#define COLOURS 0xffffffu

static int manager;

/* A buffer that is a frame of vkms's. */
struct picture {
	uint64_t offset, bytes;
	int buf;
	uint32_t *map, handle, frame;
};

struct display {
	int card;
	uint32_t crtc, plane, connector, writeback, mode;
};

static uint32_t colour(uint32_t i, uint32_t salt)
{
	return ((i + salt) * 2654435761u >> 8) & COLOURS;
}

static void paint(struct picture *picture, uint32_t salt)
{
	uint32_t i;

	buf_sync(picture->buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	for (i = 0; i < WIDTH * HEIGHT; i++)
		picture->map[i] = colour(i, salt);
	buf_sync(picture->buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

/* How many pixels are not what paint() makes them. */
static uint32_t count_different(struct picture *picture, uint32_t salt)
{
	uint32_t i, count = 0;

	buf_sync(picture->buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	for (i = 0; i < WIDTH * HEIGHT; i++)
		count += (picture->map[i] & COLOURS) != colour(i, salt);
	buf_sync(picture->buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	return count;
}

static bool make_picture(struct display *display, struct picture *picture,
			 uint64_t offset)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { PITCH }, offsets[4] = { 0 };

	picture->offset = offset;
	picture->bytes = (PITCH * HEIGHT + page - 1) / page * page;
	picture->buf = carve_export_buf(manager, offset, picture->bytes, 1);
	if (picture->buf < 0)
		die("export: %s", strerror(-picture->buf));
	picture->map = buf_map(picture->buf, picture->bytes);
	if (!check_value("vkms imports a buffer",
			 vgem_import(display->card, picture->buf,
				     &picture->handle), 0))
		return false;
	handles[0] = picture->handle;
	return check_value("it becomes a frame",
			   drmModeAddFB2(display->card, WIDTH, HEIGHT,
					 DRM_FORMAT_XRGB8888, handles, pitches,
					 offsets, &picture->frame, 0) ?
			   -errno : 0, 0);
}

/* What is left is the frame: it alone holds the buffer. */
static void let_go(struct display *display, struct picture *picture)
{
	munmap(picture->map, picture->bytes);
	vgem_drop(display->card, picture->handle);
	close(picture->buf);
}

static void find_mode(struct display *display, drmModeConnector *connector)
{
	int i;

	for (i = 0; !display->mode && i < connector->count_modes; i++) {
		drmModeModeInfo *mode = &connector->modes[i];

		if (mode->hdisplay == WIDTH && mode->vdisplay == HEIGHT)
			drmModeCreatePropertyBlob(display->card, mode,
						  sizeof(*mode), &display->mode);
	}
}

static void find_connectors(struct display *display, drmModeRes *resources)
{
	int i;

	for (i = 0; i < resources->count_connectors; i++) {
		drmModeConnector *connector =
			drmModeGetConnector(display->card,
					    resources->connectors[i]);

		if (!connector)
			continue;
		if (connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK) {
			display->writeback = connector->connector_id;
			find_mode(display, connector);
		} else {
			display->connector = connector->connector_id;
		}
		drmModeFreeConnector(connector);
	}
}

/* A property of an object by its name: its id, and what it is now. */
static uint32_t find_property(struct display *display, uint32_t object,
			      const char *name, uint64_t *ret_value)
{
	drmModeObjectProperties *all =
		drmModeObjectGetProperties(display->card, object,
					   DRM_MODE_OBJECT_ANY);
	uint32_t i, found = 0;

	for (i = 0; all && i < all->count_props; i++) {
		drmModePropertyRes *property =
			drmModeGetProperty(display->card, all->props[i]);

		if (property && !strcmp(property->name, name)) {
			found = property->prop_id;
			if (ret_value)
				*ret_value = all->prop_values[i];
		}
		drmModeFreeProperty(property);
	}
	drmModeFreeObjectProperties(all);
	if (!found)
		die("vkms: object %u has no property %s", object, name);
	return found;
}

static void find_plane(struct display *display)
{
	drmModePlaneRes *planes = drmModeGetPlaneResources(display->card);
	uint64_t type;
	uint32_t i;

	for (i = 0; planes && i < planes->count_planes; i++) {
		find_property(display, planes->planes[i], "type", &type);
		if (type == DRM_PLANE_TYPE_PRIMARY && !display->plane)
			display->plane = planes->planes[i];
	}
	drmModeFreePlaneResources(planes);
}

static void find_display(struct display *display)
{
	drmModeRes *resources;

	if (drmSetClientCap(display->card, DRM_CLIENT_CAP_ATOMIC, 1) ||
	    drmSetClientCap(display->card, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1))
		die("vkms has no atomic commits or no writeback: %m");
	resources = drmModeGetResources(display->card);
	if (!resources || !resources->count_crtcs)
		die("vkms has no CRTC");
	display->crtc = resources->crtcs[0];
	find_connectors(display, resources);
	find_plane(display);
	drmModeFreeResources(resources);
	if (!display->connector || !display->writeback || !display->plane)
		die("vkms lacks a connector, a writeback connector or a plane");
	if (!display->mode)
		die("vkms has no mode of %ux%u", WIDTH, HEIGHT);
}

static void add(struct display *display, drmModeAtomicReq *request,
		uint32_t object, const char *name, uint64_t value)
{
	if (drmModeAtomicAddProperty(request, object,
				     find_property(display, object, name, NULL),
				     value) < 0)
		die("vkms: %s cannot be set", name);
}

static void add_plane(struct display *display, drmModeAtomicReq *request,
		      uint32_t frame)
{
	uint32_t plane = display->plane;

	add(display, request, plane, "FB_ID", frame);
	add(display, request, plane, "CRTC_ID", frame ? display->crtc : 0);
	add(display, request, plane, "SRC_X", 0);
	add(display, request, plane, "SRC_Y", 0);
	add(display, request, plane, "SRC_W", (uint64_t)WIDTH << 16);
	add(display, request, plane, "SRC_H", (uint64_t)HEIGHT << 16);
	add(display, request, plane, "CRTC_X", 0);
	add(display, request, plane, "CRTC_Y", 0);
	add(display, request, plane, "CRTC_W", WIDTH);
	add(display, request, plane, "CRTC_H", HEIGHT);
}

static int commit(struct display *display, drmModeAtomicReq *request)
{
	int ret = drmModeAtomicCommit(display->card, request,
				      DRM_MODE_ATOMIC_ALLOW_MODESET, NULL);

	drmModeAtomicFree(request);
	return ret;
}

/* Shows one frame and waits until it has been written to the other. */
static int show(struct display *display, uint32_t shown, uint32_t written)
{
	drmModeAtomicReq *request = drmModeAtomicAlloc();
	struct pollfd done = { .fd = -1, .events = POLLIN };
	int32_t fence = -1;
	int ret;

	add(display, request, display->crtc, "ACTIVE", 1);
	add(display, request, display->crtc, "MODE_ID", display->mode);
	/* The console has it on this CRTC. */
	add(display, request, display->connector, "CRTC_ID", 0);
	add(display, request, display->writeback, "CRTC_ID", display->crtc);
	add(display, request, display->writeback, "WRITEBACK_FB_ID", written);
	add(display, request, display->writeback, "WRITEBACK_OUT_FENCE_PTR",
	    (uintptr_t)&fence);
	add_plane(display, request, shown);
	ret = commit(display, request);
	if (ret)
		return ret;
	done.fd = fence;
	ret = patient_poll(&done, 1, 20000) == 1 ? 0 : -ETIMEDOUT;
	close(fence);
	return ret;
}

static void show_nothing(struct display *display)
{
	drmModeAtomicReq *request = drmModeAtomicAlloc();

	add(display, request, display->crtc, "ACTIVE", 0);
	add(display, request, display->crtc, "MODE_ID", 0);
	add(display, request, display->writeback, "CRTC_ID", 0);
	add_plane(display, request, 0);
	check_value("it is no longer shown", commit(display, request), 0);
}

static void check_pixels(struct display *display, struct picture *shown,
			 struct picture *written)
{
	paint(shown, 1);
	paint(written, 2);
	check_value("a picture is shown, and written back",
		    show(display, shown->frame, written->frame), 0);
	check_value("pixels written back that we did not paint",
		    count_different(written, 1), 0);
	paint(shown, 3);
	check_value("what was written back stays",
		    count_different(written, 1), 0);
	check_value("a new picture is shown",
		    show(display, shown->frame, written->frame), 0);
	check_value("pixels written back that are not of the new picture",
		    count_different(written, 3), 0);
	check_value("what is shown is left as it was",
		    count_different(shown, 3), 0);
}

static void check_vkms(struct display *display)
{
	struct carve_release records[3];
	struct picture shown, written;

	/* Across the middle, where the struct pages may end. */
	if (!make_picture(display, &shown, region.bytes / 2 -
			  PITCH * HEIGHT / page / 2 * page) ||
	    !make_picture(display, &written, 0))
		return;
	check_pixels(display, &shown, &written);
	let_go(display, &shown);
	let_go(display, &written);
	check_value("frames hold them", carve_wait_record(manager, 200), 0);
	drmModeRmFB(display->card, written.frame);
	check_value("a record when one is written to no more",
		    carve_wait_record(manager, 5000), 1);
	check_value("of that one", carve_read_records(manager, records, 3) == 1 &&
		    records[0].offset == written.offset, 1);
	check_value("the screen holds the other",
		    carve_export_buf(manager, shown.offset, page, 2), -EBUSY);
	show_nothing(display);
	drmModeRmFB(display->card, shown.frame);
	check_value("a record when that is shown no more",
		    carve_wait_record(manager, 5000), 1);
	check_value("of that one", carve_read_records(manager, records, 3) == 1 &&
		    records[0].offset == shown.offset, 1);
}

int main(void)
{
	struct display display = { .card = drm_open("vkms") };

	manager = region_open();
	if (display.card < 0) {
		skip("vkms import", "there is no vkms");
		return finish();
	}
	if (drmSetMaster(display.card) && errno != EINVAL)
		die("another program has the display: %m");
	find_display(&display);
	check_vkms(&display);
	close(display.card);
	return finish();
}
