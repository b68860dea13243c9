/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of the 32-bit guest, see entry-arm64.S: what the boot
 * protocol asks for (Documentation/arch/arm/booting.rst).
 */
	.arm
	.globl _start
_start:
	mov	r0, #0
	mvn	r1, #0
	ldr	r2, =DTB
	ldr	pc, =IMAGE
