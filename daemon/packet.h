/* SPDX-License-Identifier: MIT */
/*
 * Packets with descriptors over a SOCK_SEQPACKET socket.
 */
#ifndef CARVE_DAEMON_PACKET_H
#define CARVE_DAEMON_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most descriptors one packet can carry (the kernel's SCM_MAX_FD). */
#define CARVE_PACKET_FDS	253

/**
 * struct carve_packet - what was received
 * @bytes: length; larger than the buffer when the packet was
 * @fds: @fd_count descriptors that came with it, the caller's to have closed,
 *	which may wait
 * @cut: more came with it, and was dropped
 * @no_room: descriptors came and all were dropped: they were not wanted, or this
 *	process has no room for them
 */
struct carve_packet {
	size_t bytes;
	int fds[CARVE_PACKET_FDS];
	size_t fd_count;
	bool cut;
	bool no_room;
};

/**
 * carve_packet_receive() - take the next packet, without waiting
 * @buffer: where to put it, @size bytes
 * @want_fds: take in descriptors that come with it
 * @ret: its descriptors count with -EPIPE, too: an empty packet may carry some
 *
 * Return: 0; -EAGAIN (none there); -EPIPE (the peer has gone); what recvmsg()
 * answers.
 */
int carve_packet_receive(int socket, void *buffer, size_t size, bool want_fds,
			 struct carve_packet *ret);

/**
 * carve_packet_send() - send one packet, without waiting
 * @fds: @fd_count descriptors, at most CARVE_WIRE_ALLOC_MAX; stay the caller's
 *
 * Return: 0; -EAGAIN (the peer has to read first); -ETOOMANYREFS (too many
 * descriptors are under way); -ENOBUFS, -ENOMEM; -EPIPE, -ECONNRESET (the
 * peer has gone); what else sendmsg() answers.
 */
int carve_packet_send(int socket, const void *data, size_t bytes,
		      const int *fds, size_t fd_count);

/* What a packet of so many bytes without descriptors weighs unread; 0: not known. */
size_t carve_packet_weight(size_t bytes);

/* What all that the peer has not read weighs, in kernel memory. */
size_t carve_packet_unread(int socket);

/* Has the peer read everything that was sent to it? */
bool carve_packet_all_read(int socket);

#endif /* CARVE_DAEMON_PACKET_H */
