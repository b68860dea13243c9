// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place where the trace events of trace.h are made.
 *
 * Locks: none.
 */
#include <linux/ctype.h>

#include "region.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * carve_make_printable() - keep a text in its line
 * @text: NUL terminated; bytes that are not printable ASCII become '?'
 */
void carve_make_printable(char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || !isprint(*text))
			*text = '?';
}
