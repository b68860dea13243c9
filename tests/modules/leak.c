// SPDX-License-Identifier: MIT
/*
 * carve-leak: loses memory when it is loaded. The check that nothing leaks has
 * to find this.
 */
#include <linux/module.h>
#include <linux/slab.h>

static int __init carve_leak_init(void)
{
	int i;

	/* More than one: a stale copy of a pointer hides what it points to. */
	for (i = 0; i < 16; i++) {
		char *lost = kmalloc(128, GFP_KERNEL);

		if (lost)
			strscpy(lost, "lost by carve-leak", 128);
	}
	return 0;
}
module_init(carve_leak_init);

static void __exit carve_leak_exit(void)
{
}
module_exit(carve_leak_exit);

MODULE_DESCRIPTION("Memory lost on purpose");
MODULE_LICENSE("Dual MIT/GPL");
