/* SPDX-License-Identifier: MIT */
/*
 * What systemd is to do about an error at the start.
 */
#ifndef CARVE_DAEMON_EXIT_STATUS_H
#define CARVE_DAEMON_EXIT_STATUS_H

/**
 * carve_exit_status() - the exit status for an error at the start
 * @error: negative errno
 *
 * Return: EX_CONFIG (78) when the next start would fail like this one, so that
 * carved.service does not start it for ever; else EXIT_FAILURE.
 */
int carve_exit_status(int error);

#endif /* CARVE_DAEMON_EXIT_STATUS_H */
