/* SPDX-License-Identifier: MIT */
/*
 * Is a process still the one it was? Numbers are given again; a number and the
 * time it began are not, as long as the machine is up.
 */
#ifndef CARVE_DAEMON_PROCESS_H
#define CARVE_DAEMON_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Field 22 of proc_pid_stat(5). Return: clock ticks since boot; 0: there is no such
 * process, or it cannot be seen.
 */
uint64_t carve_process_start_time(pid_t pid);

#endif /* CARVE_DAEMON_PROCESS_H */
