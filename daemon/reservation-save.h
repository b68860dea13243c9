/* SPDX-License-Identifier: MIT */
/*
 * Reservations in the state (state.h): one cell each, and one for each class and
 * slot of its generation. Nothing happens in a region without a state.
 */
#ifndef CARVE_DAEMON_RESERVATION_SAVE_H
#define CARVE_DAEMON_RESERVATION_SAVE_H

#include "reservation.h"

/* Room to write down @kinds, before it is granted. Return: 0; -ENOMEM. */
int carve_reservation_expect(struct carve_reservation *reservation,
			     const struct carve_kind *kinds, size_t count);

/**
 * carve_reservation_commit() - write down what has been granted
 * @left: slots that belonged to it until now
 *
 * After carve_reservation_expect() it cannot fail. Another daemon will find what
 * was granted before, or this.
 */
void carve_reservation_commit(struct carve_reservation *reservation,
			      const struct carve_slot_list *left);

/**
 * carve_reservation_save() - write down whose it is and how: uid, pid, unit,
 *	flags, client and made_by
 *
 * Nothing, if nothing was granted yet. It cannot fail.
 */
void carve_reservation_save(struct carve_reservation *reservation);

/* There will be no such reservation for another daemon. */
void carve_reservation_forget(struct carve_reservation *reservation);

#endif /* CARVE_DAEMON_RESERVATION_SAVE_H */
