// SPDX-License-Identifier: MIT
/*
 * Each operation of the driver with every allocation inside it, and every copy
 * to or from user space, failing once: the error is ENOMEM or EFAULT, nothing
 * is lost or stuck, and afterwards the region is as usable as before. In a
 * kernel with its debugging on, failures hit the debuggers' own allocations,
 * too, which do without: an operation may survive a failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <drm.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "check.h"
#include "guarded.h"
#include "inject.h"
#include "vgem.h"
#include "vivid.h"

#define AT (8 * page)

/*
 * Three page tables for a mapping, three windows of 2 MiB for a scrub, five steps:
 * a first, one between, and a last. More would only repeat those between, for each
 * of the failures.
 */
#define BYTES ((2 * 512 + 16) * page)

static int manager, buf = -1, card = -1;
static uint64_t bytes;
static void *map;
static struct video video;

static void make_buffer(void)
{
	bytes = BYTES;
	buf = carve_export_buf(manager, AT, bytes, 1);
	if (buf < 0)
		die("export: %s", strerror(-buf));
}

/* The buffer comes back: one record, the right one. */
static const char *drop_buffer(void)
{
	struct carve_release records[2];

	close(buf);
	buf = -1;
	if (carve_wait_record(manager, 5000) != 1)
		return "the buffer does not come back";
	if (carve_read_records(manager, records, 2) != 1)
		return "it comes back more than once";
	if (records[0].offset != AT || records[0].bytes != bytes)
		return "another one comes back";
	if (!guarded_intact(&records[0]))
		return "its guards are said to be damaged";
	return carve_scrub_range(manager, AT, bytes) == (int64_t)bytes ?
	       NULL : "it cannot be scrubbed";
}

/* The whole region can be had and given back. */
static const char *use_all(void)
{
	struct carve_release record;
	int whole;

	whole = carve_export_buf(manager, 0, region.bytes, 2);
	if (whole < 0)
		return "not all of it can be exported";
	close(whole);
	if (carve_wait_record(manager, 5000) != 1 ||
	    carve_read_records(manager, &record, 1) != 1 ||
	    record.offset || record.bytes != region.bytes)
		return "all of it does not come back";
	if (carve_scrub_range(manager, 0, region.bytes) != (int64_t)region.bytes)
		return "not all of it can be scrubbed";
	return region_is_clean(manager) ? NULL : "it is not clean then";
}

/*
 * Nothing is left behind. What an operation survived it has not had to undo,
 * and survivals are many: there the long check is made now and then.
 */
static const char *intact(int ret)
{
	struct carve_extent_info info;
	static unsigned int survived;

	if (!region_is_clean(manager) || carve_list_all(manager, &info, 1))
		return "something is left behind";
	return ret < 0 || survived++ % 8 == 0 ? use_all() : NULL;
}

/* ---- open -------------------------------------------------------------- */

static void open_prepare(void)
{
	close(manager);
	manager = -1;
}

static int open_run(void)
{
	manager = open(region_node(), O_RDWR | O_CLOEXEC);
	return manager < 0 ? -errno : 0;
}

static const char *open_finish(int ret)
{
	if (ret < 0 && open_run() < 0)
		return "it cannot be opened any more";
	return NULL;
}

/* ---- info, list -------------------------------------------------------- */

static int info_run(void)
{
	struct carve_info info;

	return carve_info_get(manager, &info);
}

static int list_run(void)
{
	struct carve_extent_info infos[4];

	return carve_list_all(manager, infos, ARRAY_SIZE(infos));
}

static const char *list_finish(int ret)
{
	if (ret >= 0 && ret != 1)
		return "the list is not complete";
	return drop_buffer();
}

/* ---- export, release --------------------------------------------------- */

static int export_run(void)
{
	bytes = BYTES;
	buf = carve_export_buf(manager, AT, bytes, 1);
	return buf < 0 ? buf : 0;
}

static const char *export_finish(int ret)
{
	return ret < 0 ? NULL : drop_buffer();
}

static int guarded_export_run(void)
{
	struct carve_export export = guarded_args(AT, BYTES, page, 2 * page);
	int ret = guarded_run(manager, &export);

	bytes = BYTES;
	buf = export.fd;
	return ret;
}

static void guarded_prepare(void)
{
	int ret = guarded_export_run();

	if (ret)
		die("export: %s", strerror(-ret));
}

static int release_run(void)
{
	return close(buf) ? -errno : 0;
}

/* drop_buffer() without the close: there is no such descriptor. */
static const char *release_finish(int ret)
{
	(void)ret;
	buf = -1;
	return drop_buffer();
}

/* ---- read, poll -------------------------------------------------------- */

static void read_prepare(void)
{
	make_buffer();
	close(buf);
	buf = -1;
}

static int read_run(void)
{
	struct carve_release records[2];
	ssize_t got = read(manager, records, sizeof(records));

	return got < 0 ? -errno : (int)(got / sizeof(records[0]));
}

static const char *read_finish(int ret)
{
	struct carve_release records[2];

	if (ret < 0 && carve_read_records(manager, records, 2) != 1)
		return "the record is lost";
	if (ret >= 0 && ret != 1)
		return "not one record";
	return carve_scrub_range(manager, AT, bytes) == (int64_t)bytes ?
	       NULL : "it cannot be scrubbed";
}

static int poll_run(void)
{
	struct pollfd pollfd = { .fd = manager, .events = POLLIN };

	return poll(&pollfd, 1, 0) < 0 ? -errno : !(pollfd.revents & POLLIN);
}

static const char *poll_finish(int ret)
{
	return ret > 0 ? "it does not say that there is a record" : read_finish(-1);
}

/* ---- scrub ------------------------------------------------------------- */

static void scrub_prepare(void)
{
	struct carve_release record;

	read_prepare();
	if (carve_read_records(manager, &record, 1) != 1)
		die("no record");
}

/* From a page inside the extent, so that it has to be cut in two. */
static int scrub_run(void)
{
	int64_t scrubbed = carve_scrub_range(manager, AT + page, bytes - page);

	return scrubbed < 0 ? scrubbed : scrubbed != (int64_t)(bytes - page);
}

static const char *scrub_finish(int ret)
{
	if (ret > 0)
		return "it says another number of bytes";
	return carve_scrub_range(manager, AT, bytes) < (int64_t)page ?
	       "the rest cannot be scrubbed" : NULL;
}

/* ---- identify ---------------------------------------------------------- */

static int identify_run(void)
{
	struct carve_identify identify = { .size = sizeof(identify), .fd = buf };

	return ioctl(manager, CARVE_IOC_IDENTIFY, &identify) ? -errno :
	       identify.extent.offset != AT;
}

static const char *identify_finish(int ret)
{
	return drop_buffer() ?: ret > 0 ? "it names another extent" : NULL;
}

/* ---- mmap, sync -------------------------------------------------------- */

static int mmap_run(void)
{
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	return map == MAP_FAILED ? -errno : 0;
}

static const char *mmap_finish(int ret)
{
	if (!ret)
		memset(map, 0xa5, page);
	if (!ret && munmap(map, bytes))
		return "it cannot be unmapped";
	return drop_buffer();
}

static int sync_run(void)
{
	int ret = buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);

	return ret ?: buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

static const char *buffer_finish(int ret)
{
	(void)ret;
	return drop_buffer();
}

/* ---- attach and map: DRM's PRIME import -------------------------------- */

static uint32_t handle;

static int import_run(void)
{
	struct drm_prime_handle prime = { .fd = buf };

	if (ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime))
		return -errno;
	handle = prime.handle;
	return 0;
}

/*
 * A copy to user space that fails at the very end leaves the handle behind, of
 * which nobody knows the number; it goes with the file.
 */
static const char *import_finish(int ret)
{
	if (!ret)
		vgem_drop(card, handle);
	close(card);
	card = vgem_open();
	return drop_buffer();
}

/* ---- attach, map and vmap: V4L2's queue -------------------------------- */

static void queue_prepare(void)
{
	make_buffer();
	video_request(&video, V4L2_MEMORY_DMABUF, 2);
}

static int queue_run(void)
{
	return video_queue(&video, 0, buf);
}

static const char *queue_finish(int ret)
{
	(void)ret;
	video_request(&video, V4L2_MEMORY_DMABUF, 0);
	return drop_buffer();
}

static const struct operation operations[] = {
	{ "open", open_prepare, open_run, open_finish, 0, false },
	{ "export", NULL, export_run, export_finish, 0, false },
	{ "export with guards", NULL, guarded_export_run, export_finish, 0, false },
	{ "release", make_buffer, release_run, release_finish, 0, true },
	{ "release with guards", guarded_prepare, release_run, release_finish, 0, true },
	{ "info", make_buffer, info_run, buffer_finish, 0, false },
	{ "list", make_buffer, list_run, list_finish, 0, false },
	{ "identify", make_buffer, identify_run, identify_finish, 0, false },
	{ "poll", read_prepare, poll_run, poll_finish, 0, false },
	{ "read", read_prepare, read_run, read_finish, 0, false },
	{ "scrub", scrub_prepare, scrub_run, scrub_finish, 0, false },
	{ "mmap", make_buffer, mmap_run, mmap_finish, 0, false },
	{ "sync", make_buffer, sync_run, buffer_finish, 0, false },
};

static const struct operation import = {
	"attach and map, DRM import", make_buffer, import_run, import_finish, 0, false
};

/* Where the driver says ENOMEM at map, videobuf2 says EINVAL. */
static const struct operation queue = {
	"attach, map, vmap, V4L2 queue", queue_prepare, queue_run, queue_finish,
	-EINVAL, false
};

static void sweep_driver(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		inject_sweep(&operations[i], intact);
	card = vgem_open();
	if (card < 0)
		skip(import.name, "there is no vgem");
	else
		inject_sweep(&import, intact);
}

/*
 * videobuf2 itself loses a buffer when attaching it fails: it has taken the
 * reference and not yet noted where to put it back, and the range is gone
 * until the next boot. So nothing is made to fail there; DRM's import has the
 * failures of attaching.
 */
static void sweep_queue(const char *attach)
{
	if (!video_open_output(&video)) {
		skip(queue.name, "there is no vivid");
		return;
	}
	video_format(&video, V4L2_PIX_FMT_YUYV);
	inject_not_under(attach);
	inject_sweep(&queue, intact);
	inject_not_under(NULL);
}

/* With an argument, vivid's attach function, the queue; without, the rest. */
int main(int argc, char **argv)
{
	const char *why = inject_open();

	if (why) {
		skip("one failure at a time", why);
		return 77;
	}
	manager = region_open();
	if (argc > 1)
		sweep_queue(argv[1]);
	else
		sweep_driver();
	return finish();
}
