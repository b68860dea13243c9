/* SPDX-License-Identifier: MIT */
/*
 * Going on where the last daemon ended: the connections that were kept, EPOCH and
 * RESUME (protocol.h).
 */
#ifndef CARVE_DAEMON_RESUME_H
#define CARVE_DAEMON_RESUME_H

#include <stdbool.h>
#include <stddef.h>

#include "request.h"

struct carve_config;

/**
 * carve_resume_clients() - serve the clients of the daemon before
 * @service: with a configuration and all regions
 *
 * To be called before anything else is served, and once.
 *
 * Return: 0; -ENOMEM; what sd-event answers.
 */
int carve_resume_clients(struct carve_service *service, sd_event *event);

/**
 * carve_resume_announce() - send EPOCH
 *
 * Return: 0, and the client knows; as carve_packet_send().
 */
int carve_resume_announce(struct carve_client *client);

/*
 * Has a client that has not resumed read all that was sent to it, but perhaps for
 * EPOCH? False if that is not known.
 */
bool carve_resume_has_read(const struct carve_client *client);

/* Of what was read since EPOCH: is it RESUME, and of this epoch? All else is old. */
bool carve_resume_is_meant(const struct carve_client *client, size_t bytes);

/*
 * What came with an old message: if it is a buffer, it is closed at once. The closer
 * would take its time, and the client may count on the buffer's end, since the
 * answer to RESUME comes after that.
 */
void carve_resume_drop_buffer(struct carve_client *client);

/* As struct request_type's check and run. */
const char *carve_resume_check(const struct carve_client *client);
enum carve_outcome carve_resume_run(struct carve_client *client);

#endif /* CARVE_DAEMON_RESUME_H */
