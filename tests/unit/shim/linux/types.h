/* SPDX-License-Identifier: MIT */
/*
 * What the driver's sources take for granted, where they are compiled for user
 * space: behind the interface's types, those of the kernel's inside.
 */
#ifndef CARVE_SHIM_TYPES_H
#define CARVE_SHIM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include_next <linux/types.h>

typedef __u32 u32;
typedef __u64 u64;

#endif /* CARVE_SHIM_TYPES_H */
