// SPDX-License-Identifier: MIT
/* Errors: one line, which says what to do. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "carvectl.h"

int carvectl_fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fputs("carvectl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return 1;
}

static const char *socket_path(const struct carvectl *ctl)
{
	const char *path = ctl->socket_path;

	if (!path)
		path = secure_getenv("CARVE_SOCKET");
	return path && *path ? path : CARVE_DEFAULT_SOCKET;
}

int carvectl_fail_connect(const struct carvectl *ctl, int error)
{
	const char *path = socket_path(ctl);

	switch (error) {
	case -ENOENT:
		return carvectl_fail("no daemon at %s: start it with "
				     "'systemctl start carved.socket', or give "
				     "its socket with --socket", path);
	case -ECONNREFUSED:
		return carvectl_fail("nobody listens at %s: start the daemon "
				     "with 'systemctl start carved.socket'",
				     path);
	case -EACCES:
	case -EPERM:
		return carvectl_fail("you may not open %s: have yourself added "
				     "to the group carve ('usermod -aG carve "
				     "USER') and log in again", path);
	case -EPROTONOSUPPORT:
		return carvectl_fail("the daemon at %s speaks another version "
				     "of the protocol: install carvectl and "
				     "carved of the same release", path);
	case -EPROTO:
		return carvectl_fail("what answers at %s is not carved: check "
				     "--socket and $CARVE_SOCKET", path);
	case -ECONNRESET:
	case -EPIPE:
		return carvectl_fail("the daemon at %s hung up at once: "
				     "'journalctl -u carved' says why", path);
	case -EINVAL:
	case -ENAMETOOLONG:
		return carvectl_fail("'%s' cannot be the path of a socket: it "
				     "has to have 1 to 107 bytes",
				     ctl->socket_path ? ctl->socket_path : path);
	}
	return carvectl_fail("cannot connect to %s: %s", path, strerror(-error));
}

int carvectl_fail_call(const char *what, int error)
{
	switch (error) {
	case -ECONNRESET:
	case -EPIPE:
		return carvectl_fail("%s: the daemon has gone, 'journalctl -u "
				     "carved' says why; try again", what);
	case -EPROTO:
		return carvectl_fail("%s: the daemon's answer makes no sense: "
				     "install carvectl and carved of the same "
				     "release", what);
	}
	return carvectl_fail("%s: %s", what, strerror(-error));
}
