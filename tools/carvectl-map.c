// SPDX-License-Identifier: MIT
/*
 * carvectl map: which region is drawn, and what is in it. How it is drawn is
 * carvectl-svg.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "carvectl-svg.h"

static const struct carve_region_info *
find_region(const struct carve_regions *regions, const char *label)
{
	for (size_t i = 0; i < carve_regions_count(regions); i++) {
		const struct carve_region_info *region = carve_regions_get(regions, i);

		if (label ? !strcmp(region->label, label) :
		    region->flags & CARVE_REGION_DEFAULT)
			return region;
	}
	return label ? NULL : carve_regions_get(regions, 0);
}

/* The owner's entry in the legend; uids beyond its room share the last one. */
static size_t find_owner(struct carvectl_svg *svg,
			 const struct carve_buffer_info *buffer)
{
	size_t i;

	for (i = 0; i < svg->owner_count; i++)
		if (svg->owners[i].uid == buffer->uid)
			return i;
	if (i == CARVECTL_SVG_OWNERS) {
		svg->owners[i - 1].others = true;
		return i - 1;
	}
	svg->owners[i].uid = buffer->uid;
	svg->owner_count++;
	return i;
}

/*
 * Region and list are two answers of two moments, so what is drawn is counted
 * here. Return: 0; -EPERM (where it lies is not told to us).
 */
static int add_buffer(struct carvectl_svg *svg,
		      const struct carve_buffer_info *buffer)
{
	struct carvectl_svg_extent *extent = &svg->extents[svg->extent_count];

	if (!(buffer->flags & CARVE_BUFFER_OFFSET_KNOWN))
		return -EPERM;
	if (buffer->offset > svg->region->bytes ||
	    buffer->bytes > svg->region->bytes - buffer->offset)
		return 0;

	extent->buffer = buffer;
	extent->owner = CARVECTL_SVG_DIRTY;
	if (buffer->flags & CARVE_BUFFER_DIRTY) {
		svg->dirty_bytes += buffer->bytes;
	} else if (buffer->flags & CARVE_BUFFER_RESERVED && !buffer->id) {
		extent->owner = CARVECTL_SVG_RESERVED;
		svg->reserved_bytes += buffer->bytes;
	} else {
		extent->owner = find_owner(svg, buffer);
		svg->live_bytes += buffer->bytes;
		svg->owners[extent->owner].bytes += buffer->bytes;
		svg->owners[extent->owner].buffers++;
	}
	svg->extent_count++;
	return 0;
}

static int fill(struct carvectl_svg *svg, const struct carve_buffers *buffers)
{
	size_t count = carve_buffers_count(buffers);
	int r = 0;

	svg->extents = calloc(count + 1, sizeof(svg->extents[0]));
	if (!svg->extents)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct carve_buffer_info *buffer = carve_buffers_get(buffers, i);

		if (!strcmp(buffer->region, svg->region->label))
			r = add_buffer(svg, buffer);
	}
	return r;
}

static int draw(const struct carvectl *ctl, const struct carve_region_info *region)
{
	struct carvectl_svg svg = { .region = region, .exact = ctl->exact };
	struct carve_buffers *buffers;
	int r;

	r = carve_buffers_new(ctl->carve, &buffers);
	if (r < 0)
		return carvectl_fail_call("cannot ask for the buffers", r);

	r = fill(&svg, buffers);
	if (r == 0)
		carvectl_svg_print(&svg);
	free(svg.extents);
	carve_buffers_free(buffers);
	if (r == -EPERM)
		return carvectl_fail("where buffers lie is told to the superuser "
				     "alone: run this as root");
	return r ? carvectl_fail("out of memory") : 0;
}

int carvectl_map(const struct carvectl *ctl)
{
	const struct carve_region_info *region;
	struct carve_regions *regions;
	int r;

	r = carve_regions_new(ctl->carve, &regions);
	if (r < 0)
		return carvectl_fail_call("cannot ask for the regions", r);
	region = find_region(regions, ctl->region);
	r = region ? draw(ctl, region) :
		carvectl_fail("there is no region '%s': 'carvectl status' lists "
			      "them", ctl->region);
	carve_regions_free(regions);
	return r;
}
