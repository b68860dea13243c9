// SPDX-License-Identifier: MIT
#include "soak.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A page here and there is no leak; 100,000 cycles' worth of anything would be. */
#define GROWTH_KIB	256

static void write_region(FILE *file, const struct carve_region_info *info)
{
	fprintf(file, "region %s: %" PRIu64 " bytes, free %" PRIu64 ", largest hole %" PRIu64
		", reserved %" PRIu64 ", dirty %" PRIu64 ", live %" PRIu64 " in %" PRIu32
		" buffers, kept %" PRIu64 ", %" PRIu32 " wait, %" PRIu32 " clients\n",
		info->label, info->bytes, info->free_bytes, info->largest_bytes,
		info->reserved_bytes, info->dirty_bytes, info->live_bytes, info->buffers,
		info->kept_bytes, info->waiting, info->clients);
}

static void write_hole(FILE *file, const struct carve_region_info *region,
		       uint64_t begin, uint64_t end)
{
	if (end > begin)
		fprintf(file, "hole %s %" PRIu64 "+%" PRIu64 "\n", region->label, begin,
			end - begin);
}

static void write_extent(FILE *file, const struct carve_buffer_info *info)
{
	fprintf(file, "extent %s %" PRIu64 "+%" PRIu64 "%s%s: number %" PRIu64
		" \"%s\" of uid %" PRIu32 " pid %" PRId32 "\n", info->region, info->offset,
		info->bytes, info->flags & CARVE_BUFFER_RESERVED ? " reserved" : "",
		info->flags & CARVE_BUFFER_DIRTY ? " dirty" : "", info->id, info->name,
		info->uid, info->pid);
}

/* By address, as the superuser is told. */
static void write_extents(FILE *file, const struct carve_region_info *region,
			  const struct carve_buffers *buffers)
{
	const struct carve_buffer_info *info;
	uint64_t end = 0;

	for (size_t i = 0; (info = carve_buffers_get(buffers, i)); i++) {
		if (strcmp(info->region, region->label))
			continue;
		write_hole(file, region, end, info->offset);
		write_extent(file, info);
		end = info->offset + info->bytes;
	}
	write_hole(file, region, end, region->bytes);
}

static void write_reservations(FILE *file, const struct carve_reservations *list)
{
	const struct carve_reservation_info *info;

	for (size_t i = 0; (info = carve_reservations_get(list, i)); i++)
		fprintf(file, "reservation %s %" PRIu64 " \"%s\" flags %#" PRIx32 ": %" PRIu64
			" bytes, %" PRIu64 " live, %" PRIu32 " of %" PRIu32
			" buffers, uid %" PRIu32 " pid %" PRId32 "\n", info->region,
			info->id, info->name, info->flags, info->bytes, info->live_bytes,
			info->live, info->slots, info->uid, info->pid);
}

char *soak_map(struct carve *carve)
{
	struct carve_reservations *reservations;
	const struct carve_region_info *region;
	struct carve_regions *regions;
	struct carve_buffers *buffers;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	assert_int_equal(carve_regions_new(carve, &regions), 0);
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	assert_int_equal(carve_reservations_new(carve, &reservations), 0);
	for (size_t i = 0; (region = carve_regions_get(regions, i)); i++) {
		write_region(file, region);
		write_extents(file, region, buffers);
	}
	write_reservations(file, reservations);
	carve_regions_free(regions);
	carve_buffers_free(buffers);
	carve_reservations_free(reservations);
	assert_int_equal(fclose(file), 0);
	return text;
}

/* ---- what differs ---------------------------------------------------------- */

static bool has_line(const char *text, const char *line, size_t length)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (strcspn(text, "\n") == length && !memcmp(text, line, length))
			return true;
	return false;
}

static void print_missing(const char *sign, const char *text, const char *from)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (!has_line(from, text, strcspn(text, "\n")))
			print_message("# %s %.*s\n", sign, (int)strcspn(text, "\n"), text);
}

void soak_map_expect(struct carve *carve, const char *map)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	char *now = soak_map(carve);

	/* Dead clients and dirty memory take a moment. */
	while (strcmp(now, map) && patient_ms() < end) {
		free(now);
		sleep_ms(20);
		now = soak_map(carve);
	}
	if (strcmp(now, map)) {
		print_missing("before:", map, now);
		print_missing("now:   ", now, map);
		fail_msg("the map is not what it was");
	}
	free(now);
}

/* ---- of the machine -------------------------------------------------------- */

static unsigned long read_anon_kib(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "RssAnon: %lu", &kib);
	fclose(file);
	assert_true(kib > 0);
	return kib;
}

static unsigned int count_fds(pid_t pid)
{
	unsigned int count = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *each; (each = readdir(dir));)
		count += each->d_name[0] != '.';
	closedir(dir);
	return count;
}

struct soak_size soak_size(struct crash_run *run)
{
	struct supervisor_status status = supervisor_get_status(run->supervisor);

	return (struct soak_size){
		.anon_kib = read_anon_kib(status.pid),
		.fds = count_fds(status.pid),
		.stored = status.stored,
	};
}

void soak_size_expect(struct crash_run *run, const struct soak_size *before)
{
	int64_t end = patient_ms() + PATIENCE * 1000;
	struct soak_size now;

	while ((now = soak_size(run)).fds > before->fds || now.stored > before->stored) {
		if (patient_ms() > end)
			fail_msg("there were %u descriptors and %u stored, now %u and %u",
				 before->fds, before->stored, now.fds, now.stored);
		sleep_ms(20);
	}
	print_message("# RssAnon %lu KiB, before %lu; descriptors %u, before %u; stored %u, "
		      "before %u\n", now.anon_kib, before->anon_kib, now.fds, before->fds,
		      now.stored, before->stored);
	if (now.anon_kib > before->anon_kib + GROWTH_KIB)
		fail_msg("the daemon has grown");
}
