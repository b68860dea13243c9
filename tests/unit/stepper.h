/* SPDX-License-Identifier: MIT */
/*
 * A process that is stopped after every single instruction, as it could be killed
 * after every one.
 */
#ifndef CARVE_TESTS_STEPPER_H
#define CARVE_TESTS_STEPPER_H

#include <stddef.h>

/**
 * stepper_run() - do something in a child, and look after every instruction
 * @run: what the child does
 * @look: called in this process while the child stands still
 * @data: for both; @look sees only what is shared of it
 *
 * Return: number of instructions; -EPERM (this process may not trace).
 */
long stepper_run(void (*run)(void *data), void (*look)(void *data), void *data);

#endif /* CARVE_TESTS_STEPPER_H */
