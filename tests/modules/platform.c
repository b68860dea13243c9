// SPDX-License-Identifier: MIT
/*
 * Importers on the platform bus: those of the device tree, and "plain", which
 * is always there.
 *
 * Locks: none.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>

#include "device.h"

#define PLAIN_NAME "carve-test-plain"

static struct platform_device *plain;

/**
 * carve_test_plain() - a device without limits that is not coherent
 *
 * Return: the device, as long as the module is loaded.
 */
struct device *carve_test_plain(void)
{
	return &plain->dev;
}

static void set_limits(struct device *dev)
{
	u32 value;

	if (!of_property_read_u32(dev->of_node, "carve-test,dma-bits", &value))
		carve_test_set_mask(dev, clamp(value, 1U, 64U));
	if (!of_property_read_u32(dev->of_node, "carve-test,max-segment", &value))
		dma_set_max_seg_size(dev, value);
	if (!of_property_read_u32(dev->of_node, "carve-test,boundary", &value))
		dma_set_seg_boundary(dev, value);
}

static int importer_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct carve_test_device *device;
	const char *name = "plain";
	int ret;

	device = devm_kzalloc(dev, sizeof(*device), GFP_KERNEL);
	if (!device)
		return -ENOMEM;
	device->dev = dev;
	device->copy = carve_test_memory_copy;
	dma_set_max_seg_size(dev, UINT_MAX);
	if (dev->of_node) {
		ret = of_property_read_string(dev->of_node, "label", &name);
		if (ret)
			return dev_err_probe(dev, ret, "no label\n");
		set_limits(dev);
		if (!carve_test_ops_set(dev)) {
			/* No mistake: the program that wants it skips. */
			dev_info(dev, "this kernel has no DMA operations for one device\n");
			return -ENODEV;
		}
	} else {
		carve_test_set_mask(dev, 64);
	}
	return carve_test_device_add(device, name);
}

static const struct of_device_id importer_of_match[] = {
	{ .compatible = "carve-test,importer" },
	{ }
};
MODULE_DEVICE_TABLE(of, importer_of_match);

static const struct platform_device_id importer_ids[] = {
	{ PLAIN_NAME },
	{ }
};

static struct platform_driver importer_driver = {
	.probe = importer_probe,
	.id_table = importer_ids,
	.driver = {
		.name = "carve-test-importer",
		.of_match_table = importer_of_match,
		.suppress_bind_attrs = true,
	},
};

/**
 * carve_test_platform_init() - make the plain device and take the others
 *
 * Return: 0 or negative errno.
 */
int carve_test_platform_init(void)
{
	int ret;

	plain = platform_device_register_simple(PLAIN_NAME, PLATFORM_DEVID_NONE,
						NULL, 0);
	if (IS_ERR(plain))
		return PTR_ERR(plain);
	ret = platform_driver_register(&importer_driver);
	if (ret)
		platform_device_unregister(plain);
	return ret;
}

/**
 * carve_test_platform_done() - undo carve_test_platform_init()
 */
void carve_test_platform_done(void)
{
	platform_driver_unregister(&importer_driver);
	platform_device_unregister(plain);
}
