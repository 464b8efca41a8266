// SPDX-License-Identifier: GPL-2.0-only
/* A module that leaks, so that the lab can show that it would notice. */
#include <linux/module.h>
#include <linux/slab.h>

static int __init lab_leak_init(void)
{
	int i;

	/* Several: a stale pointer somewhere may keep one of them referenced. */
	for (i = 0; i < 16; i++)
		if (!kmalloc(100, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}
module_init(lab_leak_init);

static void __exit lab_leak_exit(void)
{
}
module_exit(lab_leak_exit);

MODULE_DESCRIPTION("A leak for the lab to find");
MODULE_LICENSE("GPL");
