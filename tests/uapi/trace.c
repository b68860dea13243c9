// SPDX-License-Identifier: MIT
/*
 * Cache maintenance, watched through kprobes, see trace.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "check.h"
#include "files.h"
#include "trace.h"

#define TRACEFS "/sys/kernel/tracing"
#define INSTANCE TRACEFS "/instances/carve-cache"

/* Where the arguments are; with LPAE an address is in two registers. */
static const char *const probes[] = {
#ifdef __arm__
	"p:carve_cache/for_device arch_sync_dma_for_device high=%r1:x32 paddr=%r0:x32 size=%r2:x32 dir=%r3:u32",
	"p:carve_cache/for_cpu arch_sync_dma_for_cpu high=%r1:x32 paddr=%r0:x32 size=%r2:x32 dir=%r3:u32",
	"p:carve_cache/remap remap_pfn_range pfn=%r2:x32 bytes=%r3:x32 prot=$stack0:x32",
#else
	"p:carve_cache/for_device arch_sync_dma_for_device paddr=%x0:x64 size=%x1:x64 dir=%x2:u32",
	"p:carve_cache/for_cpu arch_sync_dma_for_cpu paddr=%x0:x64 size=%x1:x64 dir=%x2:u32",
	"p:carve_cache/remap remap_pfn_range pfn=%x2:x64 bytes=%x3:x64 prot=%x4:x64",
#endif
};

const char *trace_open(void)
{
	static char why[200];
	size_t i;
	int ret;

	if (access(TRACEFS "/kprobe_events", W_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/kprobe_events", W_OK))
		return "the kernel has no kprobe events";
	trace_close();
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		ret = file_write(TRACEFS "/kprobe_events", probes[i], O_APPEND);
		if (ret) {
			snprintf(why, sizeof(why), "no probe \"%s\": %s",
				 probes[i], strerror(-ret));
			return why;
		}
	}
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return "no trace instance";
	if (file_write(INSTANCE "/buffer_size_kb", "2048", 0) ||
	    file_write(INSTANCE "/events/carve_cache/enable", "1", 0) ||
	    file_write(INSTANCE "/tracing_on", "1", 0))
		return "the probes cannot be enabled";
	trace_clear();
	return NULL;
}

void trace_clear(void)
{
	if (file_write(INSTANCE "/trace", "", O_TRUNC))
		die("cannot clear the trace: %m");
}

static bool parse(const char *line, struct sync *sync)
{
	const char *values = strstr(line, " paddr=");
	const char *above = strstr(line, " high=");
	unsigned long long phys, bytes, high = 0;

	if (strstr(line, "LOST"))
		die("the trace has lost events");
	if (!values || sscanf(values, " paddr=%llx size=%llx dir=%d", &phys,
			      &bytes, &sync->dir) != 3)
		return false;
	sync->to_device = strstr(line, " for_device: ");
	if (above && sscanf(above, " high=%llx", &high) != 1)
		return false;
	sync->phys = high << 32 | phys;
	sync->bytes = bytes;
	return true;
}

unsigned int trace_take(struct sync *syncs, unsigned int max)
{
	FILE *trace = fopen(INSTANCE "/trace", "re");
	unsigned int count = 0;
	char line[1000];

	if (!trace)
		die("cannot read the trace: %m");
	while (fgets(line, sizeof(line), trace)) {
		if (count == max)
			die("more cache maintenance than expected");
		count += parse(line, &syncs[count]);
	}
	fclose(trace);
	trace_clear();
	return count;
}

int trace_mapped_as(uint64_t phys)
{
	FILE *trace = fopen(INSTANCE "/trace", "re");
	unsigned long long pfn, bytes, prot;
	char line[1000], *values;
	int type = -1;

	while (trace && fgets(line, sizeof(line), trace)) {
		values = strstr(line, " pfn=");
		if (values && sscanf(values, " pfn=%llx bytes=%llx prot=%llx",
				     &pfn, &bytes, &prot) == 3 &&
		    pfn * page <= phys && phys < pfn * page + bytes)
			type = prot >> 2 & 7;
	}
	if (trace)
		fclose(trace);
	trace_clear();
	return type;
}

void trace_close(void)
{
	file_write(INSTANCE "/events/carve_cache/enable", "0", 0);
	rmdir(INSTANCE);
	file_write(TRACEFS "/kprobe_events", "-:carve_cache/for_device", O_APPEND);
	file_write(TRACEFS "/kprobe_events", "-:carve_cache/for_cpu", O_APPEND);
	file_write(TRACEFS "/kprobe_events", "-:carve_cache/remap", O_APPEND);
}
