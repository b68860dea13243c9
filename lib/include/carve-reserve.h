/* SPDX-License-Identifier: MIT */
/*
 * libcarve: reservations, and being told when others wait for memory.
 * A part of carve.h, which is what programs include; its rules hold here, too.
 */
#ifndef CARVE_H
#error "include <carve.h>"
#endif
#ifndef CARVE_RESERVE_H
#define CARVE_RESERVE_H

/* ---- reservations ------------------------------------------------------ */

/**
 * struct carve_class - buffers of one kind
 * @struct_size: sizeof(struct carve_class)
 * @count: how many may be alive at a time, 1 or more
 * @bytes, @alignment, @limit, @guard_before, @guard_after: as in struct
 *	carve_request
 */
struct carve_class {
	uint32_t struct_size;
	uint32_t count;
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
};

#define CARVE_CLASS_INIT { .struct_size = sizeof(struct carve_class) }

/**
 * struct carve_profile - what to reserve
 * @struct_size: sizeof(struct carve_profile)
 * @class_count: 1 to CARVE_CLASSES_MAX
 * @classes: that many, all with the same struct_size, which is also the array's
 *	stride; together at most CARVE_SLOTS_MAX buffers
 * @region: as in struct carve_request; ignored by carve_reservation_change()
 * @name: shown by carvectl, up to 31 bytes; NULL or "" for none
 * @timeout_nsec: how long to wait until all of it can be granted; as in struct
 *	carve_request
 */
struct carve_profile {
	uint32_t struct_size;
	uint32_t class_count;
	const struct carve_class *classes;
	const char *region;
	const char *name;
	uint64_t timeout_nsec;
};

#define CARVE_PROFILE_INIT { .struct_size = sizeof(struct carve_profile) }

/**
 * carve_reserve() - have memory set aside
 * @carve: connection, which has to be freed after the reservation
 * @profile: what
 * @ret: the reservation, owned by the caller: carve_reservation_free()
 * @ret_refusal: as for carve_alloc_many(); its index is the class's
 *
 * All of it is granted or nothing. From then on, while fewer than @count buffers
 * of a class are alive anywhere (whoever holds them; closing one here is not
 * enough), carve_reservation_alloc() of that class does not fail for lack of
 * space, and waits for nothing but the zeroing of the reservation's own
 * buffers that came back, which goes before all other zeroing. What it can
 * still fail for are descriptors and the kernel's memory for one.
 *
 * Ends with carve_reservation_free() and with the connection. Buffers live on. A
 * restart of the daemon does not end it, not even if it takes long, as long as
 * this process lives. Should a daemon have forgotten it nevertheless (its saved
 * state was damaged, or of another version), then all reservations of this
 * connection are lost: carve_dispatch() says so, and every call that needs one
 * gives -ESTALE. Free it and reserve again.
 *
 * What a call that ended with -ECONNRESET may have been granted nevertheless is
 * given back as soon as there is a daemon again, before anything else is asked of
 * it. The same goes for a claim.
 *
 * Return: as carve_alloc_many(); -EINVAL also for classes that come to more than
 * CARVE_SLOTS_MAX buffers; -EBUSY (this connection has 64 reservations).
 */
int carve_reserve(struct carve *carve, const struct carve_profile *profile,
		  struct carve_reservation **ret,
		  struct carve_refusal *ret_refusal);

/**
 * carve_reservation_claim() - take over a reservation of the configuration
 * @carve: connection
 * @name: its name in the configuration
 * @timeout_nsec: how long to wait while it is pending, that is, does not fit yet
 *	beside what survived a restart of the daemon
 * @ret: as for carve_reserve()
 *
 * Return: 0; -ENOENT (no reservation of that name); -EACCES (it is another
 * user's or unit's); -EBUSY (it is claimed); -ETIMEDOUT, -ENOSPC (it is
 * pending); -EINVAL; -ENOMEM; -ECANCELED; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_reservation_claim(struct carve *carve, const char *name,
			    uint64_t timeout_nsec,
			    struct carve_reservation **ret);

/**
 * carve_reservation_change() - another profile in the place of the present one
 * @reservation: not NULL
 * @profile: the new one
 * @ret_refusal: as for carve_reserve()
 *
 * At once and as a whole; on failure everything stays as it was. Buffers that
 * are alive stay so: one whose class is also in the new profile (same size,
 * alignment, limit and guards) counts there, the others take their memory with
 * them until they are gone.
 *
 * After -ECONNRESET it is the next daemon that knows which of the two holds: it is
 * asked before anything else, in the next call or carve_dispatch() on this
 * connection, and carve_reservation_get() says it then.
 *
 * Return: as carve_reserve(); -ESTALE (it was lost in a restart of the daemon:
 * reserve again). One that was claimed cannot be changed: -EACCES.
 */
int carve_reservation_change(struct carve_reservation *reservation,
			     const struct carve_profile *profile,
			     struct carve_refusal *ret_refusal);

/**
 * carve_reservation_free() - give a reservation back
 * @reservation: may be NULL
 *
 * Its buffers live on. One that was claimed goes back to the daemon. If there is
 * none for 5 seconds, the next one is told, once this connection reaches it.
 *
 * Return: NULL.
 */
struct carve_reservation *
carve_reservation_free(struct carve_reservation *reservation);

/**
 * carve_reservation_count() - number of classes
 * @reservation: not NULL; may be lost
 */
size_t carve_reservation_count(const struct carve_reservation *reservation);

/**
 * carve_reservation_get() - a class as it was granted, sizes in whole pages
 * @reservation: not NULL; may be lost
 * @index: less than carve_reservation_count()
 *
 * Return: the class, borrowed until the reservation is changed or freed, or, where
 * a change gave -ECONNRESET, until the next call; NULL past the end.
 */
const struct carve_class *
carve_reservation_get(const struct carve_reservation *reservation, size_t index);

/**
 * carve_reservation_alloc() - a buffer of a class
 * @reservation: not NULL
 * @index: of the class
 * @name: as in struct carve_request
 * @timeout_nsec: how long to wait for one of the class's buffers to go when all
 *	are alive
 * @ret: the buffer, with one reference
 *
 * Return: 0; -ENOSPC, -ETIMEDOUT (all buffers of the class are alive); -ENODEV
 * (the region's device has gone); -ESTALE (the reservation was lost in a restart of
 * the daemon: reserve again); -EINVAL; -ENOMEM, -EMFILE, -EBUSY, -EIO,
 * -ECANCELED, -ECONNRESET, -EPIPE, -EPROTO as carve_alloc().
 */
int carve_reservation_alloc(struct carve_reservation *reservation, size_t index,
			    const char *name, uint64_t timeout_nsec,
			    struct carve_buffer **ret);

/**
 * carve_reservation_alloc_many() - several in one round trip, all or none
 * @indexes: classes of @count buffers, 1 to CARVE_ALLOC_MAX
 * @names: @count names, or NULL for none
 * @ret: room for @count buffers
 * @ret_refusal: as for carve_alloc_many()
 */
int carve_reservation_alloc_many(struct carve_reservation *reservation,
				 const size_t *indexes, const char *const *names,
				 size_t count, uint64_t timeout_nsec,
				 struct carve_buffer **ret,
				 struct carve_refusal *ret_refusal);

/* ---- pressure ---------------------------------------------------------- */

/**
 * struct carve_pressure - somebody waits for memory
 * @struct_size: bytes the library filled in
 * @reserved: 0
 * @region: label of the region
 * @wanted_bytes: what the first in the queue lacks whom others could help: give
 *	back at least that much, if you can, in one piece if you can
 */
struct carve_pressure {
	uint32_t struct_size;
	uint32_t reserved;
	char region[32];
	uint64_t wanted_bytes;
};

typedef void (*carve_pressure_fn)(const struct carve_pressure *pressure,
				  void *data);

/**
 * carve_watch_pressure() - be told when others wait for memory
 * @carve: connection
 * @fn: called from carve_dispatch() alone; may call whatever it likes but
 *	carve_dispatch() and carve_free() of @carve; NULL: no longer
 * @data: passed on to it
 *
 * Holds until it is changed: the next daemon knows of it, or is told.
 *
 * Return: 0; -EINVAL; -ENOMEM; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_watch_pressure(struct carve *carve, carve_pressure_fn fn, void *data);

/**
 * carve_get_fd() - descriptor for event loops: readable when carve_dispatch()
 *	has something to do
 * @carve: not NULL
 *
 * Return: a descriptor, which stays the connection's and the same for its life
 * (do not read, write or close it); -EINVAL; -EMFILE, -ENFILE, -ENOMEM.
 */
int carve_get_fd(struct carve *carve);

/**
 * carve_dispatch() - take in what the daemon said of its own accord
 * @carve: not NULL
 *
 * Never waits. Another thread that calls carve_watch_pressure() meanwhile may see
 * its old callback called once more. What arrived while another call waited for
 * its answer is kept for it: of each region the last.
 *
 * When the daemon was restarted, the connection goes on here, step by step, as
 * carve_get_fd() becomes readable: more and more rarely while there is no daemon,
 * at last once a second.
 *
 * Return: number of calls of callbacks; -ESTALE (once: a daemon has forgotten the
 * reservations of this connection; they are lost, and everything else goes on);
 * -EPIPE (there has been no daemon for 5 seconds; there may be one later; or the
 * connection had ended by -EPROTO, and the descriptor stays readable); -EPROTO (the
 * daemon broke the protocol, and the connection has ended); -EINVAL.
 */
int carve_dispatch(struct carve *carve);

#endif /* CARVE_RESERVE_H */
