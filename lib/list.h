/* SPDX-License-Identifier: MIT */
/* What lists of the daemon's have in common. */
#ifndef CARVE_LIB_LIST_H
#define CARVE_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct carve;

/**
 * struct carve_list - entries
 * @count: how many
 * @room: for how many there is memory
 * @items: malloc()ed, of carve_list_kind::info_bytes each
 */
struct carve_list {
	size_t count;
	size_t room;
	void *items;
};

/**
 * struct carve_list_kind - what they are
 * @type: of the request, a cursor, and of its replies, one page each
 * @may_be_empty: a page that is not the last
 * @wire_bytes: size of an entry in a reply
 * @info_bytes: size of an entry in the list
 * @ok: does the entry make sense?
 * @take: translate one that does
 */
struct carve_list_kind {
	uint16_t type;
	bool may_be_empty;
	size_t wire_bytes;
	size_t info_bytes;
	bool (*ok)(const void *wire);
	void (*take)(const void *wire, void *info);
};

/**
 * carve_list_walk() - ask for all pages
 * @list: empty; @list->items is the caller's to free, whatever is returned
 *
 * A daemon that was restarted in the middle has forgotten where it was: the list is
 * begun again then.
 *
 * Return: 0; -ENOMEM; -ECONNRESET (also: it was restarted again and again); -EPIPE,
 * -EPROTO.
 */
int carve_list_walk(struct carve *carve, const struct carve_list_kind *kind,
		    struct carve_list *list);

#endif /* CARVE_LIB_LIST_H */
