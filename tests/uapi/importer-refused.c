// SPDX-License-Identifier: MIT
/*
 * A device that cannot reach the region, which vivid is when the region lies
 * above 4 GiB or when all DMA is bounced: it is refused, and nothing is copied
 * behind anybody's back. Whether the other devices can is said by the argument:
 * "high" (vgem reaches all memory) or "bounced" (nobody does).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include "check.h"
#include "vgem.h"
#include "vivid.h"

static void check_vivid(int buf)
{
	struct video output;

	if (!video_open_output(&output)) {
		skip("vivid is refused", "there is no vivid");
		return;
	}
	video_format(&output, V4L2_PIX_FMT_YUYV);
	video_request(&output, V4L2_MEMORY_DMABUF, 2);
	/* V4L2 has an errno of its own for it. */
	check_value("vivid is refused", video_queue(&output, 0, buf), -EINVAL);
	check_value("a second time too", video_queue(&output, 1, buf), -EINVAL);
	close(output.fd);
}

static void check_vgem(int buf, bool reaches)
{
	int card = vgem_open();
	uint32_t handle;

	if (card < 0) {
		skip("vgem", "there is no vgem");
		return;
	}
	check_value(reaches ? "vgem reaches it" : "vgem is refused",
		    vgem_import(card, buf, &handle), reaches ? 0 : -EBUSY);
	close(card);
}

int main(int argc, char **argv)
{
	bool high = argc == 2 && !strcmp(argv[1], "high");
	int fd = region_open();
	uint64_t bytes = 512 * page;
	struct carve_release record;
	int buf = carve_export_buf(fd, 0, bytes, 1);
	uint64_t *map;

	if (buf < 0)
		die("export: %s", strerror(-buf));
	if (high && region.phys >> 32 == 0)
		die("the region is not above 4 GiB");
	map = buf_map(buf, bytes);
	check(!map[0], "it is zero", "%#llx", (unsigned long long)map[0]);
	check_vivid(buf);
	check_vgem(buf, high);
	munmap(map, bytes);
	close(buf);
	check_value("a refused device holds nothing",
		    carve_wait_record(fd, 5000), 1);
	carve_read_records(fd, &record, 1);
	check_value("and all can be scrubbed", carve_scrub_range(fd, 0, bytes),
		    bytes);
	return finish();
}
