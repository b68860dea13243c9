// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carve: contiguous memory out of device-tree reserved regions, handed out as
 * dma-bufs. This file binds "carve,region" nodes to regions.
 *
 * Locks: none of its own; see region.h.
 */
#include <linux/of.h>
#include <linux/platform_device.h>

#include "compat.h"
#include "region.h"

static char *carve_devnode(CARVE_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "carve/%s", dev_name(dev));
}

struct class carve_class = {
	.name = "carve",
	.devnode = carve_devnode,
	.dev_groups = carve_groups,
};

/* It becomes a file name and part of other names: keep it plain. */
static bool label_is_valid(const char *label)
{
	size_t length = strlen(label);

	return length && length < CARVE_LABEL_LEN &&
	       *label != '_' && *label != '-' &&
	       strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static int find_label(struct device *dev, const char **ret_label)
{
	const char *label;

	if (of_property_read_string(dev->of_node, "label", &label))
		return dev_err_probe(dev, -EINVAL,
			"no label: add label = \"NAME\", the region becomes /dev/carve/NAME\n");
	if (!label_is_valid(label))
		return dev_err_probe(dev, -EINVAL,
			"label \"%s\" is not usable: 1 to %d of a-z, 0-9, _ and -, the first a letter or a digit\n",
			label, CARVE_LABEL_LEN - 1);
	*ret_label = label;
	return 0;
}

static void put_region(void *region)
{
	put_device(&((struct carve_region *)region)->dev);
}

static void put_memory(void *region)
{
	carve_region_memory_put(region);
}

static void remove_region(void *region)
{
	carve_region_remove(region);
}

/* Undone backwards: remove, give the memory back, drop the reference. */
static int start_region(struct device *dev, struct carve_region *region)
{
	int ret;

	ret = devm_add_action_or_reset(dev, put_region, region);
	if (ret)
		return ret;
	ret = carve_region_claim(region);
	if (ret)
		return ret;
	ret = devm_add_action_or_reset(dev, put_memory, region);
	if (ret)
		return ret;
	ret = carve_memory_probe(dev, &region->memory);
	if (ret)
		return ret;
	ret = carve_scrub_check(region);
	if (ret)
		return ret;
	ret = carve_region_publish(region);
	if (ret)
		return dev_err_probe(dev, ret, "cannot make the device node\n");
	return devm_add_action_or_reset(dev, remove_region, region);
}

static int carve_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct carve_memory_range memory;
	struct carve_region *region;
	const char *label;
	int ret;

	ret = find_label(dev, &label);
	if (ret)
		return ret;
	ret = carve_memory_find(dev, &memory);
	if (ret)
		return ret;
	region = carve_region_new(dev, label, &memory);
	if (IS_ERR(region))
		return dev_err_probe(dev, PTR_ERR(region),
				     "no room for another region\n");
	ret = start_region(dev, region);
	if (ret)
		return ret;
	dev_info(dev, "region \"%s\", %llu KiB, %s\n", label,
		 memory.bytes >> 10, memory.kind == CARVE_MEMORY_CACHED ?
		 "cached" : "write-combined");
	return 0;
}

static const struct of_device_id carve_of_match[] = {
	{ .compatible = "carve,region" },
	{ }
};
MODULE_DEVICE_TABLE(of, carve_of_match);

/* No remove: devm undoes the probe. No unbinding by hand: buffers live on. */
static struct platform_driver carve_driver = {
	.probe = carve_probe,
	.driver = {
		.name = "carve",
		.of_match_table = carve_of_match,
		.suppress_bind_attrs = true,
	},
};

static int __init carve_init(void)
{
	int ret = carve_region_init();

	if (ret)
		return ret;
	ret = platform_driver_register(&carve_driver);
	if (ret)
		carve_region_done();
	return ret;
}
module_init(carve_init);

static void __exit carve_exit(void)
{
	platform_driver_unregister(&carve_driver);
	carve_region_done();
}
module_exit(carve_exit);

CARVE_IMPORT_DMA_BUF;
MODULE_DESCRIPTION("Carve: contiguous memory reservation for media devices");
MODULE_AUTHOR("The Carve authors");
MODULE_LICENSE("GPL");
