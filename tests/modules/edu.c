// SPDX-License-Identifier: MIT
/*
 * QEMU's edu device (docs/specs/edu.rst there): a PCI device with 4 KiB of its
 * own and an engine that moves bytes between them and memory, 100 ms a time.
 *
 * Locks: carve_test_edu.lock, one transfer at a time.
 */
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "device.h"

#define EDU_ID			0x00
#define EDU_ID_MASK		0xff
#define EDU_ID_MAGIC		0xed
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_TO_MEMORY	BIT(1)
/* Where its own bytes are for the engine. */
#define EDU_DMA_OWN		0x40000

/* What the real one has, unless -device edu,dma_mask= says otherwise. */
#define EDU_DMA_BITS		28

/**
 * struct carve_test_edu - the device
 * @device: as an importer; first
 * @regs: its registers
 * @page: bytes on their way between user space and the device
 * @page_addr: where @page is for the device
 * @lock: guards @page and the engine
 */
struct carve_test_edu {
	struct carve_test_device device;
	void __iomem *regs;
	void *page;
	dma_addr_t page_addr;
	struct mutex lock;	/* one transfer at a time */
};

static int transfer(struct carve_test_edu *edu, u64 from, u64 to, size_t bytes,
		    u64 command)
{
	u64 value;

	writeq(from, edu->regs + EDU_DMA_SOURCE);
	writeq(to, edu->regs + EDU_DMA_DESTINATION);
	writeq(bytes, edu->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | command, edu->regs + EDU_DMA_COMMAND);
	return readq_poll_timeout(edu->regs + EDU_DMA_COMMAND, value,
				  !(value & EDU_DMA_START), 1000, 10000000);
}

/* From one place in memory through the device to another. */
static int pass(struct carve_test_edu *edu, dma_addr_t from, dma_addr_t to,
		size_t bytes)
{
	return transfer(edu, from, EDU_DMA_OWN, bytes, 0) ?:
	       transfer(edu, EDU_DMA_OWN, to, bytes, EDU_DMA_TO_MEMORY);
}

static int get_page_for(struct carve_test_edu *edu)
{
	if (!edu->page)
		edu->page = dmam_alloc_coherent(edu->device.dev,
						CARVE_TEST_PIECE_BYTES,
						&edu->page_addr, GFP_KERNEL);
	return edu->page ? 0 : -ENOMEM;
}

static int edu_copy(struct carve_test_device *device, dma_addr_t addr,
		    void *data, size_t bytes, bool to_memory)
{
	struct carve_test_edu *edu =
		container_of(device, struct carve_test_edu, device);
	int ret;

	mutex_lock(&edu->lock);
	ret = get_page_for(edu);
	if (ret)
		goto out;
	if (to_memory) {
		memcpy(edu->page, data, bytes);
		ret = pass(edu, edu->page_addr, addr, bytes);
	} else {
		memset(edu->page, 0, bytes);
		ret = pass(edu, addr, edu->page_addr, bytes);
		memcpy(data, edu->page, bytes);
	}
out:
	mutex_unlock(&edu->lock);
	return ret;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct carve_test_edu *edu;
	int ret;

	edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	mutex_init(&edu->lock);
	edu->device.dev = &pdev->dev;
	edu->device.copy = edu_copy;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu->regs = pcim_iomap(pdev, 0, 0);
	if (!edu->regs)
		return -ENOMEM;
	if ((readl(edu->regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_MAGIC)
		return dev_err_probe(&pdev->dev, -ENODEV, "not QEMU's edu\n");
	pci_set_master(pdev);
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	carve_test_set_mask(&pdev->dev, EDU_DMA_BITS);
	return carve_test_device_add(&edu->device, "edu");
}

/* The managed parts go afterwards. */
static void edu_remove(struct pci_dev *pdev)
{
	pci_clear_master(pdev);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "carve-test-edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
	.driver.suppress_bind_attrs = true,
};

/**
 * carve_test_edu_init() - take the device, if there is one
 *
 * Return: 0 or negative errno.
 */
int carve_test_edu_init(void)
{
	return pci_register_driver(&edu_driver);
}

/**
 * carve_test_edu_done() - undo carve_test_edu_init()
 */
void carve_test_edu_done(void)
{
	pci_unregister_driver(&edu_driver);
}
