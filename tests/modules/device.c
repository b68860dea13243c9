// SPDX-License-Identifier: MIT
/*
 * An importer's node in /dev/carve-test: open files and their calls.
 *
 * Locks: carve_test_file.lock around the calls that concern mappings.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "device.h"

static int device_open(struct inode *inode, struct file *file)
{
	struct carve_test_file *own = kzalloc(sizeof(*own), GFP_KERNEL);

	if (!own)
		return -ENOMEM;
	own->device = container_of(file->private_data, struct carve_test_device,
				   misc);
	mutex_init(&own->lock);
	xa_init_flags(&own->maps, XA_FLAGS_ALLOC1);
	file->private_data = own;
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct carve_test_file *own = file->private_data;

	carve_test_unmap_all(own);
	carve_test_domain_set(own, false);
	xa_destroy(&own->maps);
	kfree(own);
	return 0;
}

static int run_map(struct carve_test_file *own, void __user *user)
{
	struct carve_test_map map;
	int ret;

	if (copy_from_user(&map, user, sizeof(map)))
		return -EFAULT;
	ret = carve_test_map(own, &map);
	if (ret)
		return ret;
	if (!copy_to_user(user, &map, sizeof(map)))
		return 0;
	carve_test_unmap(own, map.handle);
	return -EFAULT;
}

static int run_access(void __user *user)
{
	struct carve_test_access access;

	if (copy_from_user(&access, user, sizeof(access)))
		return -EFAULT;
	return carve_test_access(&access);
}

static int run_poke(void __user *user)
{
	struct carve_test_poke poke;

	if (copy_from_user(&poke, user, sizeof(poke)))
		return -EFAULT;
	return carve_test_poke(&poke);
}

static int run_copy(struct carve_test_file *own, void __user *user)
{
	struct carve_test_copy copy;

	if (copy_from_user(&copy, user, sizeof(copy)))
		return -EFAULT;
	return carve_test_copy(own, &copy);
}

/**
 * carve_test_set_mask() - give a device a DMA mask, right or wrong
 * @dev: with dev->dma_mask set
 * @bits: width
 *
 * The DMA API refuses a mask that reaches none of the memory there is. A device
 * with such a mask is what some tests need.
 */
void carve_test_set_mask(struct device *dev, unsigned int bits)
{
	u64 mask = DMA_BIT_MASK(bits);

	if (!dma_set_mask_and_coherent(dev, mask))
		return;
	*dev->dma_mask = mask;
	dev->coherent_dma_mask = mask;
}

static int run_mask(struct carve_test_file *own, unsigned long bits)
{
	if (!bits || bits > 64)
		return -EINVAL;
	carve_test_set_mask(own->device->dev, bits);
	return 0;
}

static int run_coherent(struct carve_test_file *own, unsigned long coherent)
{
#ifdef CARVE_HAVE_NONCOHERENT
	struct device *dev = own->device->dev;
	int was = dev_is_dma_coherent(dev);

	if (coherent > 1)
		return -EINVAL;
	carve_set_coherent(dev, coherent);
	/* Since 6.10 a device remembers that it needs no syncs. */
	carve_test_set_mask(dev, fls64(*dev->dma_mask));
	return was;
#else
	return -EOPNOTSUPP;
#endif
}

static int run(struct carve_test_file *own, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case CARVE_TEST_IOC_MAP:
		return run_map(own, (void __user *)arg);
	case CARVE_TEST_IOC_UNMAP:
		return carve_test_unmap(own, arg);
	case CARVE_TEST_IOC_ACCESS:
		return run_access((void __user *)arg);
	case CARVE_TEST_IOC_POKE:
		return run_poke((void __user *)arg);
	case CARVE_TEST_IOC_COPY:
		return run_copy(own, (void __user *)arg);
	case CARVE_TEST_IOC_MASK:
		return run_mask(own, arg);
	case CARVE_TEST_IOC_DOMAIN:
		return arg > 1 ? -EINVAL : carve_test_domain_set(own, arg);
	case CARVE_TEST_IOC_COHERENT:
		return run_coherent(own, arg);
	default:
		return -ENOTTY;
	}
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct carve_test_file *own = file->private_data;
	int ret;

	mutex_lock(&own->lock);
	ret = run(own, cmd, arg);
	mutex_unlock(&own->lock);
	return ret;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
};

static void remove_node(void *device)
{
	misc_deregister(&((struct carve_test_device *)device)->misc);
}

/**
 * carve_test_device_add() - make the node; it goes with @device->dev
 * @device: everything set but @misc
 * @name: of the node
 *
 * Nobody unbinds these devices by hand, and an open file holds the module.
 *
 * Return: 0 or negative errno.
 */
int carve_test_device_add(struct carve_test_device *device, const char *name)
{
	struct device *dev = device->dev;
	int ret;

	device->misc.minor = MISC_DYNAMIC_MINOR;
	device->misc.fops = &device_fops;
	device->misc.name = devm_kasprintf(dev, GFP_KERNEL, "carve-test-%s", name);
	device->misc.nodename = devm_kasprintf(dev, GFP_KERNEL, "carve-test/%s",
					       name);
	if (!device->misc.name || !device->misc.nodename)
		return -ENOMEM;
	ret = misc_register(&device->misc);
	if (ret)
		return ret;
	return devm_add_action_or_reset(dev, remove_node, device);
}
