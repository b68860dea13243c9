// SPDX-License-Identifier: MIT
#include "service.h"

#include <string.h>

struct carve_region *carve_service_region(const struct carve_service *service,
					  const char *label)
{
	if (!label[0])
		return service->regions[service->default_region];
	for (size_t i = 0; i < service->region_count; i++)
		if (!strcmp(carve_region_label(service->regions[i]), label))
			return service->regions[i];
	return NULL;
}

bool carve_service_has_room(const struct carve_service *service, size_t extents)
{
	uint64_t there = 0;

	for (size_t i = 0; i < service->region_count; i++)
		there += service->regions[i]->placement.used.count;
	return there + extents <= CARVE_EXTENTS_MAX;
}
