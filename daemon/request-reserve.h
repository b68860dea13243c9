/* SPDX-License-Identifier: MIT */
/*
 * RESERVE and RESERVATIONS: the requests of protocol.h about reservations.
 */
#ifndef CARVE_DAEMON_REQUEST_RESERVE_H
#define CARVE_DAEMON_REQUEST_RESERVE_H

#include "request.h"

/* As carve_request_check() and carve_request_run(), for request.c alone. */
const char *carve_request_check_reserve(const struct carve_client *client);
enum carve_outcome carve_request_run_reserve(struct carve_client *client);
enum carve_outcome carve_request_run_reservations(struct carve_client *client);

/* One of this client's reservations, by its number, or NULL. */
struct carve_reservation *
carve_request_find_reservation(const struct carve_client *client, uint64_t id);

/* What another daemon has granted to the client of this number is its again. */
void carve_request_adopt_reservations(struct carve_client *client);

/* The client goes: so do its reservations, or they go back to the daemon. */
void carve_request_end_reservations(struct carve_client *client);

#endif /* CARVE_DAEMON_REQUEST_RESERVE_H */
