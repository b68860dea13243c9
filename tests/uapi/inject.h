/* SPDX-License-Identifier: MIT */
/*
 * One failure at a time, by the kernel's fault injection
 * (Documentation/fault-injection/fault-injection.rst): the n-th chance to fail
 * of the calling thread fails, be it an allocation of slab memory (failslab),
 * one of pages (fail_page_alloc) or a copy from or to user space
 * (fail_usercopy); the others go well.
 */
#ifndef CARVE_INJECT_H
#define CARVE_INJECT_H

#include <stdbool.h>

/**
 * inject_open() - make ready, for the calling thread
 *
 * Return: NULL, or why the kernel cannot.
 */
const char *inject_open(void);

/**
 * inject_under() - count only what happens below one function of the kernel
 * @function: its name as in /proc/kallsyms, or NULL for everything
 *
 * Ends the test when there is no such function.
 */
void inject_under(const char *function);

/**
 * inject_not_under() - let nothing fail below one function of the kernel
 * @function: its name as in /proc/kallsyms, or NULL
 */
void inject_not_under(const char *function);

/* The @n-th chance from here on fails; @n begins with 1. */
void inject_start(unsigned int n);

/* No more; true when one has failed. Leaves errno alone. */
bool inject_stop(void);

/**
 * struct operation - something to be done with every failure in turn
 * @name: for the result line
 * @prepare: may be NULL; without failures
 * @run: with one failure; 0 or more, or a negative errno. Only system calls
 * @finish: undoes what @run did; without failures. Return: NULL or what is wrong
 * @also: an error that the kernel around the driver gives for ENOMEM, negative,
 *	or 0
 * @never: it must not fail, whatever does: there is nobody who could be told
 */
struct operation {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);
	const char *(*finish)(int ret);
	int also;
	bool never;
};

/**
 * inject_sweep() - an operation with its 1st, 2nd ... chance failing
 * @operation: the operation
 * @intact: what is checked after each, told what the operation gave; NULL or
 *	what is wrong
 *
 * Until a pass in which nothing failed. Prints how many there were and a
 * result, which is no success when none was there or none was noticed (but for
 * what must never fail), or when an error is another one than ENOMEM or, for the
 * copies, EFAULT.
 */
void inject_sweep(const struct operation *operation,
		  const char *(*intact)(int ret));

#endif /* CARVE_INJECT_H */
