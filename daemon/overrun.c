// SPDX-License-Identifier: MIT
/*
 * Telling the operator who wrote outside a buffer.
 */
#include "region.h"

#include <inttypes.h>
#include <stdio.h>

#include "log.h"

#define FIELD_MAX	80

/* Of these entries in the journal, as carved(8) says. */
#define MESSAGE_ID	"318a4717680648269acd03d3383207e9"

static void print_found(char *text, size_t size,
			const struct carve_device_damage *damage)
{
	size_t used = 0;

	for (size_t i = 0; i < sizeof(damage->found) && used < size; i++)
		used += snprintf(text + used, size - used, "%s%02x",
				 i ? " " : "", damage->found[i]);
}

void carve_overrun_report(const struct carve_region *region,
			  const struct carve_device_extent *dead,
			  const struct carve_record *record)
{
	const struct carve_device_damage *damage = &dead->damage;
	static struct carve_log_limit limit;
	uint64_t offset = damage->offset - dead->offset;
	pid_t pid = record ? record->pid : 0;
	char uid[FIELD_MAX], bytes[FIELD_MAX], at[FIELD_MAX];
	char found[FIELD_MAX], name[CARVE_DEVICE_NAME + 16];
	const char *const more[] = {
		"MESSAGE_ID=" MESSAGE_ID, name, bytes, at,
		/* Of a process that is known, the log says the user itself. */
		pid ? NULL : uid, NULL,
	};
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.buffer = dead->id,
		.pid = pid,
		.uid = dead->uid,
		.more = more,
	};

	if (!damage->bytes)
		return;
	print_found(found, sizeof(found), damage);
	snprintf(name, sizeof(name), "CARVE_NAME=%s", record ? carve_record_name(record) : "");
	snprintf(bytes, sizeof(bytes), "CARVE_GUARD_BYTES=%" PRIu32, damage->bytes);
	snprintf(at, sizeof(at), "CARVE_GUARD_OFFSET=%" PRIu64, offset);
	snprintf(uid, sizeof(uid), "CARVE_UID=%" PRIu32, dead->uid);
	carve_log_limited(&limit, LOG_WARNING, &about, "region %s: something "
			  "wrote outside buffer %" PRIu64 " \"%s\" of uid %"
			  PRIu32 " pid %d: %" PRIu32 " bytes of its guards, the "
			  "first at byte %" PRIu64 " of the %" PRIu64 " it takes "
			  "with them, found %s", about.region, dead->id,
			  record ? carve_record_name(record) : "", dead->uid, (int)pid,
			  damage->bytes, offset, dead->bytes, found);
}
