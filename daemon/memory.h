/* SPDX-License-Identifier: MIT */
/*
 * The daemon's own memory. Out of memory is the normal condition of the boxes
 * Carve is for, so what it takes to go on answering is there from the start.
 */
#ifndef CARVE_DAEMON_MEMORY_H
#define CARVE_DAEMON_MEMORY_H

#include <systemd/sd-event.h>

/*
 * What is prepared, for 100 clients and 2000 buffers at the same time: of heap, 1
 * KiB for a client, the event loop's part included, and 10 for a request under way;
 * of the arena, 192 bytes for a buffer, 64 more of a simulated region, what their
 * names take, and 64 KiB for a region.
 */
#define CARVE_MEMORY_BYTES	(1U << 19)
#define CARVE_MEMORY_ARENA	(12U << 16)

/*
 * For the same in the state: a client and a buffer take one cell each, a buffer of
 * a simulated region two, and as many again for slots. 1.5 MiB, shared memory.
 */
#define CARVE_MEMORY_CELLS	8192U

/*
 * What the unit's MemoryMax= is made of: the daemon itself with the libraries it
 * locks; one client, of which 1 KiB is always there, 10 while the largest request is
 * under way, and the rest is the kernel's, most of it replies that are not read; one
 * extent, of which up to half a KiB is the daemon's, the rest the kernel's (file,
 * inode, name, the driver's books) and what is written down of it; one reservation,
 * of which there are no more than extents; and 64 requests of one user that wait for
 * reservations of 1024 slots.
 */
#define CARVE_MEMORY_BASE	(24U << 20)
#define CARVE_MEMORY_CLIENT	(88U << 10)
#define CARVE_MEMORY_EXTENT	(3U << 10)
#define CARVE_MEMORY_RESERVATION	(3U << 10)
#define CARVE_MEMORY_WAITING	(40U << 20)

/**
 * carve_memory_prepare() - have memory before it is short
 *
 * Heap of CARVE_MEMORY_BYTES, touched and never given back, for everything the
 * process allocates, libraries included, but regions and their books, for which
 * there is an arena with CARVE_MEMORY_ARENA; only beyond these the machine is asked.
 * And all of the process, program and libraries too, stays in memory where the
 * limit for locked memory (LimitMEMLOCK= in the unit) allows it.
 *
 * Has to be called before there are other threads. Cannot fail: with less it
 * works as well as the machine does.
 */
void carve_memory_prepare(void);

/**
 * carve_memory_prepare_loop() - have the event loop's queues as long as they get
 * @clients: that may have something to say at the same time
 *
 * It ends with -ENOMEM otherwise, when it first finds more to do at once than ever
 * before. More than a thousand are left to what there is then. As carve_memory_prepare(), but once there is a loop.
 */
void carve_memory_prepare_loop(sd_event *event, unsigned int clients);

#endif /* CARVE_DAEMON_MEMORY_H */
