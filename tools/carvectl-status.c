// SPDX-License-Identifier: MIT
/* carvectl status: the regions, and how full they are. */
#include "carvectl.h"

enum { LABEL, BYTES, FREE, LARGEST, DIRTY, LIVE, RESERVED, BUFFERS,
       FRAGMENTATION, WAITING, MEMORY, SIMULATED, DEFAULT, KEPT, PAGE, CLIENTS };

static const struct carvectl_column columns[] = {
	[LABEL] = { "REGION", "label", false, SCOLS_JSON_STRING },
	[BYTES] = { "SIZE", "bytes", true, SCOLS_JSON_NUMBER },
	[FREE] = { "FREE", "free_bytes", true, SCOLS_JSON_NUMBER },
	[LARGEST] = { "LARGEST", "largest_bytes", true, SCOLS_JSON_NUMBER },
	[DIRTY] = { "DIRTY", "dirty_bytes", true, SCOLS_JSON_NUMBER },
	[LIVE] = { "LIVE", "live_bytes", true, SCOLS_JSON_NUMBER },
	[BUFFERS] = { "BUFFERS", "buffers", true, SCOLS_JSON_NUMBER },
	[FRAGMENTATION] = { "FRAG", "fragmentation_percent", true, SCOLS_JSON_NUMBER },
	[RESERVED] = { "RESERVED", "reserved_bytes", true, SCOLS_JSON_NUMBER },
	[KEPT] = { NULL, "kept_bytes", true, SCOLS_JSON_NUMBER },
	[WAITING] = { "WAITING", "waiting", true, SCOLS_JSON_NUMBER },
	[MEMORY] = { "MEMORY", "memory", false, SCOLS_JSON_STRING },
	[SIMULATED] = { NULL, "simulated", false, SCOLS_JSON_BOOLEAN },
	[DEFAULT] = { NULL, "default", false, SCOLS_JSON_BOOLEAN },
	[PAGE] = { NULL, "page_bytes", true, SCOLS_JSON_NUMBER },
	[CLIENTS] = { NULL, "clients", true, SCOLS_JSON_NUMBER },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

static const char *memory(const struct carve_region_info *region)
{
	if (region->flags & CARVE_REGION_SIMULATED)
		return "simulated: not physically contiguous";
	if (region->flags & CARVE_REGION_CACHED)
		return "cached";
	return "write-combined";
}

/* How much of the free memory is not in its largest run; none without any. */
static void set_fragmentation(struct carvectl_table *table,
			      struct libscols_line *row,
			      const struct carve_region_info *region)
{
	char text[CARVECTL_TEXT];
	double percent;

	if (!region->free_bytes || region->largest_bytes > region->free_bytes) {
		carvectl_table_set(table, row, FRAGMENTATION, NULL);
		return;
	}
	percent = 100.0 * (region->free_bytes - region->largest_bytes) /
		  region->free_bytes;
	snprintf(text, sizeof(text), table->json ? "%.1f" : "%.0f %%", percent);
	carvectl_table_set(table, row, FRAGMENTATION, text);
}

static void add_region(struct carvectl_table *table, bool exact,
		       const struct carve_region_info *region)
{
	const struct {
		int column;
		uint64_t bytes;
	} sizes[] = {
		{ BYTES, region->bytes }, { FREE, region->free_bytes },
		{ LARGEST, region->largest_bytes },
		{ DIRTY, region->dirty_bytes }, { LIVE, region->live_bytes },
		{ RESERVED, region->reserved_bytes }, { KEPT, region->kept_bytes },
	};
	struct libscols_line *row = carvectl_table_row(table);
	char text[CARVECTL_TEXT];

	carvectl_table_set(table, row, LABEL, carvectl_clean(region->label, text));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		carvectl_table_set(table, row, sizes[i].column,
				   carvectl_size(sizes[i].bytes, exact, text));
	carvectl_table_set_number(table, row, BUFFERS, region->buffers);
	set_fragmentation(table, row, region);
	carvectl_table_set_number(table, row, WAITING, region->waiting);
	carvectl_table_set(table, row, MEMORY, memory(region));
	carvectl_table_set_number(table, row, SIMULATED,
				  !!(region->flags & CARVE_REGION_SIMULATED));
	carvectl_table_set_number(table, row, DEFAULT,
				  !!(region->flags & CARVE_REGION_DEFAULT));
	carvectl_table_set_number(table, row, PAGE, region->page_bytes);
	carvectl_table_set_number(table, row, CLIENTS, region->clients);
}

static void print_rest(const struct carve_regions *regions)
{
	size_t count = carve_regions_count(regions);
	uint32_t clients = carve_regions_get(regions, 0)->clients;
	char text[CARVECTL_TEXT];

	putchar('\n');
	for (size_t i = 0; count > 1 && i < count; i++) {
		const struct carve_region_info *region = carve_regions_get(regions, i);

		if (region->flags & CARVE_REGION_DEFAULT)
			printf("Requests that name no region go to %s.\n",
			       carvectl_clean(region->label, text));
	}
	printf("%u client%s connected, this one among them.\n", clients,
	       clients == 1 ? "" : "s");
}

int carvectl_status(const struct carvectl *ctl)
{
	struct carve_regions *regions;
	struct carvectl_table table;
	int r;

	r = carve_regions_new(ctl->carve, &regions);
	if (r < 0)
		return carvectl_fail_call("cannot ask for the regions", r);

	carvectl_table_init(&table, ctl->json, "regions", columns, N_COLUMNS);
	for (size_t i = 0; i < carve_regions_count(regions); i++)
		add_region(&table, ctl->exact || ctl->json,
			   carve_regions_get(regions, i));
	r = carvectl_table_done(&table);
	if (r == 0 && !ctl->json)
		print_rest(regions);
	carve_regions_free(regions);
	return r;
}
