/* SPDX-License-Identifier: MIT */
/*
 * Pointers of half the size: how far it is from the link itself to what it points
 * to, in words of four bytes. Both have to be in the same 8 GiB, as all that comes
 * from arena.h is, or all that is in one structure; and neither may be moved.
 */
#ifndef CARVE_DAEMON_NEAR_LINK_H
#define CARVE_DAEMON_NEAR_LINK_H

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

/* What is so many words from @from. */
static inline void *carve_link_at(const void *from, int32_t words)
{
	uintptr_t address = (uintptr_t)from + (uintptr_t)((intptr_t)words * 4);

	/* The compiler would take it for a part of what @from is in. */
	__asm__("" : "+r"(address));
	return (void *)address;
}

/* How many words it is from @from to @to, which is aligned to four bytes. */
static inline intptr_t carve_link_words(const void *from, const void *to)
{
	uintptr_t address = (uintptr_t)to;

	__asm__("" : "+r"(address));
	return (intptr_t)(address - (uintptr_t)from) / 4;
}

static inline void *carve_link_get(const struct carve_link *link)
{
	return link->words ? carve_link_at(link, link->words) : NULL;
}

/* @to: aligned to four bytes, not the link itself; NULL is allowed. */
static inline void carve_link_set(struct carve_link *link, const void *to)
{
	intptr_t words = to ? carve_link_words(link, to) : 0;

	assert(words == (int32_t)words);
	link->words = (int32_t)words;
}

#endif /* CARVE_DAEMON_NEAR_LINK_H */
