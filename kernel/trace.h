/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events: /sys/kernel/tracing/events/carve/.
 *
 * For root, so offsets and owners may be in them. Names are arbitrary bytes
 * from user space and could forge lines of a trace: what does not print becomes
 * '?', and a name stands at the end of its line.
 *
 * Locks: none; the callers say what is stable. Strings are copied as arrays,
 * because the macros for others differ between kernels.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM carve

#if !defined(CARVE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CARVE_TRACE_H

#include <linux/tracepoint.h>

#include "region.h"

TRACE_EVENT(carve_export,
	    TP_PROTO(const struct carve_region *region,
		     const struct carve_export *export, int result),
	    TP_ARGS(region, export, result),
	    TP_STRUCT__entry(__array(char, region, CARVE_LABEL_LEN)
			     __field(u64, offset)
			     __field(u64, bytes)
			     __array(u64, owner, 2)
			     __field(int, result)
			     __array(char, name, CARVE_NAME_LEN)),
	    TP_fast_assign(strscpy_pad(__entry->region, region->label,
				       CARVE_LABEL_LEN);
			   __entry->offset = export->offset;
			   __entry->bytes = export->bytes;
			   __entry->owner[0] = export->owner[0];
			   __entry->owner[1] = export->owner[1];
			   __entry->result = result;
			   strscpy_pad(__entry->name, export->name,
				       CARVE_NAME_LEN);
			   carve_make_printable(__entry->name);),
	    TP_printk("region=%s offset=0x%llx bytes=%llu owner=0x%llx,0x%llx result=%d name=%s",
		      __entry->region, __entry->offset, __entry->bytes,
		      __entry->owner[0], __entry->owner[1], __entry->result,
		      __entry->name)
);

TRACE_EVENT(carve_release,
	    TP_PROTO(const struct carve_region *region,
		     const struct carve_extent *extent),
	    TP_ARGS(region, extent),
	    TP_STRUCT__entry(__array(char, region, CARVE_LABEL_LEN)
			     __field(u64, offset)
			     __field(u64, bytes)
			     __array(u64, owner, 2)
			     __array(char, name, CARVE_NAME_LEN)),
	    TP_fast_assign(strscpy_pad(__entry->region, region->label,
				       CARVE_LABEL_LEN);
			   __entry->offset = extent->offset;
			   __entry->bytes = extent->bytes;
			   __entry->owner[0] = extent->owner[0];
			   __entry->owner[1] = extent->owner[1];
			   strscpy_pad(__entry->name, extent->name,
				       CARVE_NAME_LEN);
			   carve_make_printable(__entry->name);),
	    TP_printk("region=%s offset=0x%llx bytes=%llu owner=0x%llx,0x%llx name=%s",
		      __entry->region, __entry->offset, __entry->bytes,
		      __entry->owner[0], __entry->owner[1], __entry->name)
);

TRACE_EVENT(carve_scrub,
	    TP_PROTO(const struct carve_region *region, u64 offset, u64 bytes,
		     u64 scrubbed, int result),
	    TP_ARGS(region, offset, bytes, scrubbed, result),
	    TP_STRUCT__entry(__array(char, region, CARVE_LABEL_LEN)
			     __field(u64, offset)
			     __field(u64, bytes)
			     __field(u64, scrubbed)
			     __field(int, result)),
	    TP_fast_assign(strscpy_pad(__entry->region, region->label,
				       CARVE_LABEL_LEN);
			   __entry->offset = offset;
			   __entry->bytes = bytes;
			   __entry->scrubbed = scrubbed;
			   __entry->result = result;),
	    TP_printk("region=%s offset=0x%llx bytes=%llu scrubbed=%llu result=%d",
		      __entry->region, __entry->offset, __entry->bytes,
		      __entry->scrubbed, __entry->result)
);

TRACE_EVENT(carve_guard_hit,
	    TP_PROTO(const struct carve_region *region,
		     const struct carve_extent *extent, u64 guard_offset,
		     u32 damaged),
	    TP_ARGS(region, extent, guard_offset, damaged),
	    TP_STRUCT__entry(__array(char, region, CARVE_LABEL_LEN)
			     __field(u64, offset)
			     __field(u64, bytes)
			     __array(u64, owner, 2)
			     __field(u64, guard_offset)
			     __field(u32, damaged)
			     __array(char, name, CARVE_NAME_LEN)),
	    TP_fast_assign(strscpy_pad(__entry->region, region->label,
				       CARVE_LABEL_LEN);
			   __entry->offset = extent->offset;
			   __entry->bytes = extent->bytes;
			   __entry->owner[0] = extent->owner[0];
			   __entry->owner[1] = extent->owner[1];
			   __entry->guard_offset = guard_offset;
			   __entry->damaged = damaged;
			   strscpy_pad(__entry->name, extent->name,
				       CARVE_NAME_LEN);
			   carve_make_printable(__entry->name);),
	    TP_printk("region=%s offset=0x%llx bytes=%llu owner=0x%llx,0x%llx guard_offset=0x%llx damaged=%u name=%s",
		      __entry->region, __entry->offset, __entry->bytes,
		      __entry->owner[0], __entry->owner[1],
		      __entry->guard_offset, __entry->damaged, __entry->name)
);

#endif /* CARVE_TRACE_H */

/* Kbuild has this folder among the include paths. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
