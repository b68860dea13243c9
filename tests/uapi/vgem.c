// SPDX-License-Identifier: MIT
/*
 * vgem as an importer, see vgem.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "vgem.h"

int drm_open(const char *driver)
{
	char path[64];
	int i, fd;

	for (i = 0; i < 8; i++) {
		drmVersion *version;
		bool found;

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		found = version && !strcmp(version->name, driver);
		drmFreeVersion(version);
		if (found)
			return fd;
		close(fd);
	}
	return -1;
}

int vgem_open(void)
{
	return drm_open("vgem");
}

/* On the faux bus there is no DMA, so there is nothing to map for. */
bool vgem_maps(void)
{
	return access("/sys/bus/faux/devices/vgem", F_OK);
}

int vgem_import(int card, int buf, uint32_t *ret_handle)
{
	return drmPrimeFDToHandle(card, buf, ret_handle) ? -errno : 0;
}

void vgem_drop(int card, uint32_t handle)
{
	drmCloseBufferHandle(card, handle);
}
