/* SPDX-License-Identifier: MIT */
/* A region as a picture. */
#ifndef CARVE_TOOLS_CARVECTL_SVG_H
#define CARVE_TOOLS_CARVECTL_SVG_H

#include "carvectl.h"

/* Colours that can be told apart; whoever comes later shares the last one. */
#define CARVECTL_SVG_OWNERS	8

/**
 * struct carvectl_svg_owner - an entry of the legend
 * @uid: user the buffers are charged to
 * @others: there are more users behind this entry
 * @bytes: of all its buffers
 * @buffers: how many
 */
struct carvectl_svg_owner {
	uint32_t uid;
	bool others;
	uint64_t bytes;
	size_t buffers;
};

/* What has no owner in the legend. */
enum { CARVECTL_SVG_DIRTY = -1, CARVECTL_SVG_RESERVED = -2 };

/**
 * struct carvectl_svg_extent - a piece of the region, inside its bounds
 * @buffer: what it is
 * @owner: index of its owner, or one of the above
 */
struct carvectl_svg_extent {
	const struct carve_buffer_info *buffer;
	int owner;
};

/**
 * struct carvectl_svg - what to draw
 * @extents: by address
 * @live_bytes: of them together
 * @dirty_bytes: of them together
 * @reserved_bytes: of them together, without a buffer
 * @exact: sizes as numbers of bytes
 */
struct carvectl_svg {
	const struct carve_region_info *region;
	struct carvectl_svg_extent *extents;
	size_t extent_count;
	struct carvectl_svg_owner owners[CARVECTL_SVG_OWNERS];
	size_t owner_count;
	uint64_t live_bytes;
	uint64_t dirty_bytes;
	uint64_t reserved_bytes;
	bool exact;
};

/* Write the picture to standard output. */
void carvectl_svg_print(const struct carvectl_svg *svg);

#endif /* CARVE_TOOLS_CARVECTL_SVG_H */
