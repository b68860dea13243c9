/* SPDX-License-Identifier: MIT */
/*
 * Places to die at, for tests. Built with CARVE_CRASH_POINTS, a daemon kills
 * itself at the one that the file named by $CARVE_CRASH_FILE names, once: it
 * removes the file first. Otherwise there is nothing of this in the program.
 */
#ifndef CARVE_DAEMON_CRASH_POINT_H
#define CARVE_DAEMON_CRASH_POINT_H

#ifdef CARVE_CRASH_POINTS
/* Die here if this is the one. @name: "operation-place", unique. */
void carve_crash_point(const char *name);

/* All names, one after the other with a NUL each, for tests to go through. */
#define CARVE_CRASH_POINT(name)						\
	do {								\
		static const char carve_crash_name[]			\
			__attribute__((section("carve_crash_names"),	\
				       used)) = name;			\
		carve_crash_point(carve_crash_name);			\
	} while (0)
#else
#define CARVE_CRASH_POINT(name)	do { } while (0)
#endif

#endif /* CARVE_DAEMON_CRASH_POINT_H */
