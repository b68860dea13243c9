// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a region: from the device tree's memory-region phandle to a
 * physical range that is really ours, and how it has to be mapped.
 *
 * The device tree says what was asked for at boot, the kernel's own maps say
 * what came of it; where they differ the region is refused. Every refusal is
 * one line that says what to do.
 *
 * Not everything can be seen. The kernel notes in its map where its image and
 * the memory for a crash kernel are, and the device tree says where the initrd
 * is. Whatever else the boot loader put into the region before the kernel came
 * (the device tree itself, firmware tables) is "reserved" there like the region,
 * and is overwritten: placing the region where nothing is loaded to is up to
 * the one who writes the node.
 *
 * Locks: none of its own; runs at probe only. carve_memory_check_kernel() wants
 * that of the list of claimed memory (region.c).
 */
#include <linux/device.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_reserved_mem.h>
#include <linux/sizes.h>

#include "region.h"

/* The node may not be some allocator's pool: its pages are not all ours. */
static int check_node(struct device *dev, const struct device_node *node)
{
	struct resource second;

	if (!of_node_name_eq(node->parent, "reserved-memory"))
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF is not below /reserved-memory: move it there\n",
			node);
	if (of_property_read_bool(node, "reusable") ||
	    of_device_is_compatible(node, "shared-dma-pool"))
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF is a pool that the kernel lends out: take \"reusable\" and \"shared-dma-pool\" away\n",
			node);
	if (!of_address_to_resource((struct device_node *)node, 1, &second))
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF has several ranges, the kernel keeps only the first: write one node and one region for each\n",
			node);
	return 0;
}

/* Two nodes over the same memory: the kernel only mentions it in its log. */
static int check_siblings(struct device *dev, struct device_node *node,
			  const struct reserved_mem *mine)
{
	struct device_node *child;

	for_each_available_child_of_node(node->parent, child) {
		const struct reserved_mem *other = of_reserved_mem_lookup(child);

		/* Last bytes: behind the last there may be no address. */
		if (child == node || !other || !other->size ||
		    other->base > mine->base + mine->size - 1 ||
		    mine->base > other->base + other->size - 1)
			continue;
		dev_err(dev, "memory-region %pOF overlaps %pOF: move one of them\n",
			node, child);
		of_node_put(child);
		return -EBUSY;
	}
	return 0;
}

/* One cell or two, as the boot loader likes. */
static u64 chosen_address(const char *name)
{
	u64 address = 0;
	u32 low;

	if (of_property_read_u64(of_chosen, name, &address) &&
	    !of_property_read_u32(of_chosen, name, &low))
		address = low;
	return address;
}

/*
 * The kernel gives the initrd's pages to its allocator once it has unpacked
 * them, a region around them or not. The pages show that only afterwards.
 */
static int check_initrd(struct device *dev, const struct device_node *node,
			const struct reserved_mem *mine)
{
	u64 start = round_down(chosen_address("linux,initrd-start"), PAGE_SIZE);
	u64 end = chosen_address("linux,initrd-end");

	if (end <= mine->base || start > mine->base + (u64)mine->size - 1)
		return 0;
	return dev_err_probe(dev, -EBUSY,
		"memory-region %pOF overlaps the initrd: move the region, or let the boot loader put the initrd elsewhere\n",
		node);
}

static int check_reserved(struct device *dev, struct device_node *node,
			  const struct reserved_mem *mine)
{
	struct resource reg;

	if (!mine || !mine->size)
		return dev_err_probe(dev, -EINVAL,
			"the kernel did not reserve %pOF at boot: it must be enabled, have a size, and be in the device tree before the kernel starts\n",
			node);
	if (mine->ops)
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF belongs to another driver (its compatible): use a node without compatible\n",
			node);
	if (!of_address_to_resource(node, 0, &reg) &&
	    (reg.start != mine->base || resource_size(&reg) != mine->size))
		return dev_err_probe(dev, -EINVAL,
			"the kernel reserved another range than the reg of %pOF says: see \"reserved mem\" in the kernel log\n",
			node);
	if (!PAGE_ALIGNED(mine->base) || !PAGE_ALIGNED(mine->size))
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF is not page-aligned: make start and size multiples of %lu\n",
			node, PAGE_SIZE);
	if (mine->base + mine->size - 1 < mine->base)
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF ends behind the last address: correct its reg\n",
			node);
	if (mine->size != (size_t)mine->size)
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF is larger than this kernel can handle: make it smaller\n",
			node);
	return check_siblings(dev, node, mine) ?: check_initrd(dev, node, mine);
}

static int add_bytes(struct resource *res, void *sum)
{
	*(u64 *)sum += resource_size(res);
	return 0;
}

/*
 * How much of the range is RAM that the kernel has mapped.
 * region_intersects() would not do: it takes a hole for nothing at all.
 */
static u64 system_ram_bytes(const struct carve_memory_range *memory)
{
	u64 sum = 0;

	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM,
			    memory->phys, memory->phys + memory->bytes - 1,
			    &sum, add_bytes);
	return sum;
}

/* A page the kernel thinks its own may hold anybody's data. */
static bool all_reserved(const struct carve_memory_range *memory)
{
	unsigned long pfn = PHYS_PFN(memory->phys);
	unsigned long end = pfn + (memory->bytes >> PAGE_SHIFT);

	for (; pfn < end; pfn++)
		if (!pfn_valid(pfn) || !PageReserved(pfn_to_page(pfn)))
			return false;
	return true;
}

/*
 * With 32 bits the linear map ends within RAM. memremap() looks at the first
 * page alone to say whether a range is in it.
 */
static bool is_across_lowmem(const struct carve_memory_range *memory)
{
	unsigned long pfn = PHYS_PFN(memory->phys);
	unsigned long last = pfn + (memory->bytes >> PAGE_SHIFT) - 1;

	return PageHighMem(pfn_to_page(pfn)) != PageHighMem(pfn_to_page(last));
}

static int find_kind(struct device *dev, struct device_node *node,
		     struct carve_memory_range *memory)
{
	u64 ram = system_ram_bytes(memory);

	if (!ram) {
		memory->kind = CARVE_MEMORY_WC;
		return 0;
	}
	if (ram != memory->bytes)
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF is RAM of the kernel in part only (%llu of %llu KiB): make it no-map, or move it, or see mem= on the command line\n",
			node, ram >> 10, memory->bytes >> 10);
	if (of_property_read_bool(node, "no-map"))
		return dev_err_probe(dev, -EBUSY,
			"memory-region %pOF is no-map, but the kernel has mapped it: something else was there first, see \"failed to reserve\" in the kernel log\n",
			node);
	if (!all_reserved(memory))
		return dev_err_probe(dev, -EBUSY,
			"the kernel uses pages of memory-region %pOF itself: something else was there first, move the region\n",
			node);
	if (is_across_lowmem(memory))
		return dev_err_probe(dev, -EINVAL,
			"memory-region %pOF lies across the end of low memory: move it to one side\n",
			node);
	memory->kind = CARVE_MEMORY_CACHED;
	return 0;
}

/**
 * carve_memory_find() - the memory that a device's memory-region names
 * @dev: the platform device
 * @ret_memory: the range and how it is to be mapped
 *
 * Whether the memory is in the kernel's linear map decides the kind, and not
 * the no-map property: RAM kept out of /memory or cut off by mem= is not in
 * it either.
 *
 * Return: 0, or -EINVAL or -EBUSY after a line in the kernel log.
 */
int carve_memory_find(struct device *dev, struct carve_memory_range *ret_memory)
{
	struct carve_memory_range memory;
	const struct reserved_mem *mine;
	struct device_node *node;
	int ret;

	if (of_count_phandle_with_args(dev->of_node, "memory-region", NULL) != 1)
		return dev_err_probe(dev, -EINVAL,
			"needs exactly one memory-region: a phandle of a node below /reserved-memory\n");
	node = of_parse_phandle(dev->of_node, "memory-region", 0);
	if (!node)
		return dev_err_probe(dev, -EINVAL,
			"memory-region points nowhere: correct the phandle\n");
	mine = of_reserved_mem_lookup(node);
	ret = check_node(dev, node) ?: check_reserved(dev, node, mine);
	if (!ret) {
		memory.phys = mine->base;
		memory.bytes = mine->size;
		ret = find_kind(dev, node, &memory);
	}
	if (!ret)
		*ret_memory = memory;
	of_node_put(node);
	return ret;
}

/* RAM of the kernel, and not a part of such RAM that it uses itself. */
static bool is_whole_ram(const struct resource *res)
{
	return (res->flags & IORESOURCE_SYSRAM) &&
	       (!res->parent || !(res->parent->flags & IORESOURCE_SYSRAM));
}

/* What besides "reserved" lies around or inside a range of the kernel's RAM. */
static const char *find_kernel_use(const struct resource *range)
{
	const struct resource *res;

	for (res = range->parent; res && !is_whole_ram(res); res = res->parent)
		if (strcmp(res->name, "reserved"))
			return res->name;
	for (res = range->child; res; res = res->sibling)
		if (strcmp(res->name, "reserved"))
			return res->name;
	return NULL;
}

/**
 * carve_memory_check_kernel() - is the kernel itself in the memory?
 * @dev: the platform device, for the kernel log
 * @memory: of kind CARVE_MEMORY_CACHED; the caller keeps other regions out
 *
 * The kernel's image is RAM and reserved like the region: for a node over it
 * the kernel reserves what it has already reserved, and the first scrub would
 * zero the kernel. Only the map of resources tells them apart. A module cannot
 * lock it, but it can put the range into it for a moment, which the kernel does
 * under its lock, and look at what came to lie around and inside: "reserved"
 * and the kernel's own parts, which are there from boot on and stay.
 *
 * Return: 0, or -EBUSY after a line in the kernel log.
 */
int carve_memory_check_kernel(struct device *dev,
			      const struct carve_memory_range *memory)
{
	struct resource range = {
		.name = "carve",
		.start = memory->phys,
		.end = memory->phys + memory->bytes - 1,
		.flags = IORESOURCE_MEM,
	};
	const char *use;

	/* Half in, half out of something. */
	if (insert_resource(&iomem_resource, &range))
		return dev_err_probe(dev, -EBUSY,
			"memory-region lies across the edge of what the kernel uses itself: compare its reg with /proc/iomem\n");
	use = find_kernel_use(&range);
	remove_resource(&range);
	if (use)
		return dev_err_probe(dev, -EBUSY,
			"memory-region holds the kernel's own \"%s\": move the region\n",
			use);
	return 0;
}

static int put_word(phys_addr_t phys)
{
	u64 *word = memremap(phys, PAGE_SIZE, MEMREMAP_WC);

	if (!word)
		return -ENOMEM;
	WRITE_ONCE(*word, ~(u64)phys);
	wmb();	/* all words are in memory before the first is read */
	memunmap(word);
	return 0;
}

static int check_word(phys_addr_t phys)
{
	u64 *word = memremap(phys, PAGE_SIZE, MEMREMAP_WC);
	bool same;

	if (!word)
		return -ENOMEM;
	same = READ_ONCE(*word) == ~(u64)phys;
	memunmap(word);
	return same ? 0 : -ENXIO;
}

/**
 * carve_memory_probe() - is there memory at all?
 * @dev: the platform device, for the kernel log
 * @memory: claimed
 *
 * Outside the kernel's RAM nothing but the device tree says so. A word in
 * every MiB and in the last page, each its own address, is written and then
 * read back, which finds gaps that answer like an idle bus and memory that
 * repeats. (The contents are dirty anyhow.) A bus that answers with an
 * exception cannot be tried.
 *
 * Return: 0; -ENXIO after a line in the kernel log; -ENOMEM.
 */
int carve_memory_probe(struct device *dev,
		       const struct carve_memory_range *memory)
{
	u64 last = memory->bytes - PAGE_SIZE;
	u64 offset;
	int ret;

	if (memory->kind == CARVE_MEMORY_CACHED)
		return 0;
	/* Offsets: an address might wrap where the region ends at 4 GiB. */
	ret = put_word(memory->phys + last);
	for (offset = 0; !ret && offset < last; offset += SZ_1M)
		ret = put_word(memory->phys + offset);
	ret = ret ?: check_word(memory->phys + last);
	for (offset = 0; !ret && offset < last; offset += SZ_1M)
		ret = check_word(memory->phys + offset);
	if (ret == -ENXIO)
		return dev_err_probe(dev, ret,
			"no usable RAM in the whole of memory-region: compare its reg with the RAM of this board\n");
	return ret;
}
