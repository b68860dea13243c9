/* SPDX-License-Identifier: MIT */
/*
 * vgem, DRM's virtual device, as an importer that reaches all memory.
 */
#ifndef CARVE_VGEM_H
#define CARVE_VGEM_H

#include <stdbool.h>
#include <stdint.h>

/* Opens the first card of a DRM driver; -1 when there is none. */
int drm_open(const char *driver);

/* Opens vgem; -1 when there is none. */
int vgem_open(void);

/* Whether it maps what it imports, or only holds it, as newer kernels' does. */
bool vgem_maps(void);

/* Makes a handle of a dma-buf; 0 or negative errno. */
int vgem_import(int card, int buf, uint32_t *ret_handle);

/* Gives a handle back. */
void vgem_drop(int card, uint32_t handle);

#endif /* CARVE_VGEM_H */
