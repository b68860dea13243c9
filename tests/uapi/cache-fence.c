// SPDX-License-Identifier: MIT
/*
 * A CPU access begins when the device has finished, and not before: as long as a
 * fence says that a device still writes, no cache line is thrown away, since the
 * cache could fetch the old one again at once. vgem lets a program make such a
 * fence.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <drm.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>

#include "check.h"
#include "trace.h"
#include "vgem.h"

enum { PAGES = 4, SYNCS = 64 };

/*
 * What include/uapi/drm/vgem_drm.h of the kernel says. libdrm does not have it, nor
 * have the kernel's headers in each Debian.
 */
struct vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct vgem_fence_signal {
	uint32_t fence;
	uint32_t flags;
};

#define FENCE_WRITE	0x1
#define FENCE_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_fence_attach)
#define FENCE_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_fence_signal)

static int manager;

/* How many calls touched the caches of the region since the last look. */
static unsigned int syncs_taken(void)
{
	static struct sync syncs[SYNCS];
	unsigned int count = trace_take(syncs, SYNCS), i, found = 0;

	for (i = 0; i < count; i++)
		found += syncs[i].phys >= region.phys &&
			 syncs[i].phys < region.phys + region.bytes;
	return found;
}

static uint32_t fence_new(int card, uint32_t handle)
{
	struct vgem_fence_attach attach = {
		.handle = handle,
		.flags = FENCE_WRITE,
	};

	if (ioctl(card, FENCE_ATTACH, &attach))
		die("vgem makes no fence: %m");
	return attach.out_fence;
}

static void fence_end(int card, uint32_t fence)
{
	struct vgem_fence_signal signal = { .fence = fence };

	if (ioctl(card, FENCE_SIGNAL, &signal))
		die("vgem does not end its fence: %m");
}

static void *begin_reading(void *buf)
{
	struct dma_buf_sync sync = {
		.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ,
	};

	return (void *)(intptr_t)(ioctl(*(int *)buf, DMA_BUF_IOCTL_SYNC, &sync) ?
				  -errno : 0);
}

static void interrupted(int number)
{
	(void)number;
}

static intptr_t join(pthread_t thread)
{
	void *result;

	pthread_join(thread, &result);
	return (intptr_t)result;
}

/* Starts an access and gives it time to do what it should not. */
static pthread_t start_reading(int *buf)
{
	pthread_t thread;

	trace_clear();
	if (pthread_create(&thread, NULL, begin_reading, buf))
		die("no thread");
	usleep(300000);
	return thread;
}

static void check_fence(int card, uint32_t handle, int buf)
{
	bool cached = region.memory == CARVE_MEMORY_CACHED;
	uint32_t fence = fence_new(card, handle);
	pthread_t thread = start_reading(&buf);

	check_value("while the device writes nothing is thrown away",
		    syncs_taken(), 0);
	fence_end(card, fence);
	check_value("when it has finished the access begins", join(thread), 0);
	check_value(cached ? "and then lines are thrown away" :
			     "and no line is ever thrown away",
		    syncs_taken() > 0, cached);
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);

	fence = fence_new(card, handle);
	thread = start_reading(&buf);
	pthread_kill(thread, SIGUSR1);
	check_value("a signal ends the wait", join(thread), -EINTR);
	check_value("and nothing has begun", syncs_taken(), 0);
	fence_end(card, fence);
}

int main(void)
{
	struct sigaction action = { .sa_handler = interrupted };
	int card, buf;
	uint32_t handle;
	const char *why;

	manager = region_open();
	why = trace_open();
	card = vgem_open();
	if (why || card < 0 || !vgem_maps()) {
		skip("fences and caches", why ? why : "there is no vgem that maps");
		return finish();
	}
	sigaction(SIGUSR1, &action, NULL);
	buf = carve_export_buf(manager, 0, PAGES * page, 1);
	if (buf < 0 || vgem_import(card, buf, &handle))
		die("vgem does not import");
	check_fence(card, handle, buf);
	vgem_drop(card, handle);
	close(buf);
	close(card);
	trace_close();
	return finish();
}
