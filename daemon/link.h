/* SPDX-License-Identifier: MIT */
/*
 * Pointers of half the size: how far it is from the link itself to what it points
 * to, in words of four bytes. Both have to be in the same 8 GiB, as all that comes
 * from arena.h is, or all that is in one structure; and neither may be moved.
 */
#ifndef CARVE_DAEMON_LINK_H
#define CARVE_DAEMON_LINK_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct carve_link - points to something, or to nothing
 * @words: private; all zeros points to nothing
 */
struct carve_link {
	int32_t words;
};

static inline void *carve_link_get(const struct carve_link *link)
{
	uintptr_t address = (uintptr_t)link + (uintptr_t)((intptr_t)link->words * 4);

	/* The compiler would take it for a part of what the link is in. */
	__asm__("" : "+r"(address));
	return link->words ? (void *)address : NULL;
}

/* @to: aligned to four bytes, not the link itself; NULL is allowed. */
static inline void carve_link_set(struct carve_link *link, const void *to)
{
	uintptr_t address = (uintptr_t)to;
	intptr_t words;

	__asm__("" : "+r"(address));
	words = (intptr_t)(address - (uintptr_t)link) / 4;
	assert(!to || words == (int32_t)words);
	link->words = to ? (int32_t)words : 0;
}

#endif /* CARVE_DAEMON_LINK_H */
