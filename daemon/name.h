/* SPDX-License-Identifier: MIT */
#ifndef CARVE_DAEMON_NAME_H
#define CARVE_DAEMON_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Does @text end inside its @size bytes? */
bool carve_name_ends(const char *text, size_t size);

/**
 * carve_name_is_printable() - may this be shown to people?
 * @text: NUL terminated
 *
 * Names end up on terminals, in the journal and in JSON: valid UTF-8 (RFC
 * 3629) without control characters (C0, DEL, C1).
 */
bool carve_name_is_printable(const char *text);

#endif /* CARVE_DAEMON_NAME_H */
