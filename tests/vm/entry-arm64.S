/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of the guest: what the arm64 boot protocol asks of a
 * boot loader (Documentation/arch/arm64/booting.rst). QEMU's own loader would
 * rewrite the tree's /memory node, and then RAM could not be kept out of it.
 *
 * DTB and IMAGE are given with -D.
 */
	.globl _start
_start:
	ldr	x0, =DTB
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	ldr	x4, =IMAGE
	br	x4
