/* SPDX-License-Identifier: MIT */
/*
 * Letting go of what clients sent may wait: for a TCP peer to take what is left
 * (SO_LINGER), say, up to hours, and whoever drops the last reference waits.
 * Where the event loop's thread cannot leave that to the closer, it guards
 * itself: whatever can be interrupted is, at once.
 *
 * Only the event loop's thread may call these; all others block SIGALRM.
 */
#ifndef CARVE_DAEMON_GUARD_H
#define CARVE_DAEMON_GUARD_H

/* Take over SIGALRM. Return: 0; what sigaction() answers. */
int carve_guard_init(void);

/* From here on nothing interruptible waits for longer than a millisecond. */
void carve_guard_begin(void);

/* Until here. */
void carve_guard_end(void);

/*
 * Close a socket of ours. Packets nobody has read go with it, and what is in
 * them.
 */
void carve_guard_close(int socket);

#endif /* CARVE_DAEMON_GUARD_H */
