// SPDX-License-Identifier: MIT
/*
 * Takes platform devices away and brings them again, and holds on to what they
 * made, see carve-test.h.
 *
 * Locks: unplug_lock, one at a time.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "device.h"

#define LINE_BYTES 128

static DEFINE_MUTEX(unplug_lock);

static int remove_device(struct device_node *node)
{
	struct platform_device *pdev = of_find_device_by_node(node);

	if (!pdev)
		return -ENODEV;
	of_platform_device_destroy(&pdev->dev, NULL);
	put_device(&pdev->dev);
	return 0;
}

static int create_device(struct device_node *node)
{
	struct platform_device *pdev = of_find_device_by_node(node);

	if (pdev) {
		put_device(&pdev->dev);
		return -EEXIST;
	}
	return of_platform_device_create(node, NULL, NULL) ? 0 : -ENODEV;
}

/* A reference to a device, and when it goes; guarded by unplug_lock. */
static struct device *held;
static struct delayed_work hold_work;

static void drop_held(struct work_struct *work)
{
	mutex_lock(&unplug_lock);
	put_device(held);
	held = NULL;
	mutex_unlock(&unplug_lock);
}

static int get_child(struct device *dev, void *data)
{
	held = get_device(dev);
	return 1;
}

static int hold_child(struct device_node *node)
{
	struct platform_device *pdev;

	if (held)
		return -EBUSY;
	pdev = of_find_device_by_node(node);
	if (!pdev)
		return -ENODEV;
	device_for_each_child(&pdev->dev, NULL, get_child);
	put_device(&pdev->dev);
	if (!held)
		return -ENODEV;
	schedule_delayed_work(&hold_work, 2 * HZ);
	return 0;
}

static int run_line(char *line)
{
	char *path = line;
	const char *verb = strsep(&path, " ");
	struct device_node *node;
	int ret = -EINVAL;

	node = path ? of_find_node_by_path(path) : NULL;
	if (!node)
		return -ENOENT;
	mutex_lock(&unplug_lock);
	if (!strcmp(verb, "remove"))
		ret = remove_device(node);
	else if (!strcmp(verb, "create"))
		ret = create_device(node);
	else if (!strcmp(verb, "hold"))
		ret = hold_child(node);
	mutex_unlock(&unplug_lock);
	of_node_put(node);
	return ret;
}

static ssize_t unplug_write(struct file *file, const char __user *user,
			    size_t bytes, loff_t *pos)
{
	char line[LINE_BYTES];
	int ret;

	if (bytes >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, user, bytes))
		return -EFAULT;
	line[bytes] = '\0';
	ret = run_line(strim(line));
	return ret ?: bytes;
}

static const struct file_operations unplug_fops = {
	.owner = THIS_MODULE,
	.write = unplug_write,
};

static struct miscdevice unplug_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "carve-test-unplug",
	.nodename = "carve-test/unplug",
	.fops = &unplug_fops,
};

/**
 * carve_test_unplug_init() - make the node
 *
 * Return: 0 or negative errno.
 */
int carve_test_unplug_init(void)
{
	INIT_DELAYED_WORK(&hold_work, drop_held);
	return misc_register(&unplug_misc);
}

/**
 * carve_test_unplug_done() - undo carve_test_unplug_init()
 */
void carve_test_unplug_done(void)
{
	misc_deregister(&unplug_misc);
	flush_delayed_work(&hold_work);
}
