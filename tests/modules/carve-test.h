/* SPDX-License-Identifier: MIT */
/*
 * carve-test: importers of dma-bufs that do what they are told.
 *
 * /dev/carve-test/NAME is an importer for each enabled node of the device tree
 *
 *	compatible = "carve-test,importer";
 *	label = "NAME";
 *	dma-coherent;				its DMA sees the caches
 *	carve-test,dma-bits = <24>;		width of its DMA mask, default 32
 *	carve-test,max-segment = <65536>;	bytes
 *	carve-test,boundary = <0xffff>;		no segment crosses a multiple of
 *						one more than this
 *	carve-test,ops-shift = <4096>;		DMA operations of its own, which
 *						give addresses so many bytes
 *						behind those of the memory: it
 *						is absent where the kernel has
 *						no such operations
 *
 * and what its parents say (dma-ranges). "plain" is always there: 64 bits, not
 * coherent, no limits. "edu" is QEMU's device of that name (-device edu), which
 * moves the bytes itself; its mask is 28 bits wide, like that of the machine.
 *
 * Errors are those of the dma-buf calls, besides EINVAL and EFAULT as usual.
 *
 * /dev/carve-test/unplug takes lines "remove PATH" and "create PATH": the
 * platform device of the device-tree node PATH goes, or comes again, as when an
 * overlay is removed or applied. ENOENT when there is no such node, ENODEV when
 * there is no device to remove, EEXIST when there is one already. "hold PATH"
 * holds a reference to the device that its driver made (the first child) for two
 * seconds, whatever becomes of the driver; EBUSY when it holds one already.
 */
#ifndef CARVE_TEST_H
#define CARVE_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define CARVE_TEST_TYPE 0xCB

/* What the device does to memory: the DMA API's own numbers. */
enum carve_test_direction {
	CARVE_TEST_BOTH = 0,
	CARVE_TEST_TO_DEVICE = 1,
	CARVE_TEST_FROM_DEVICE = 2,
};

/* No struct page, or a kernel that hides them from importers (DMABUF_DEBUG). */
#define CARVE_TEST_NO_PAGE (~0ULL)

/**
 * struct carve_test_segment - one entry of a mapping, as the device gets it
 * @dma: address for the device
 * @bytes: length for the device
 * @phys: sg_phys(), or CARVE_TEST_NO_PAGE
 * @reached: physical address where @dma leads, by the bus or the IOMMU
 */
struct carve_test_segment {
	__aligned_u64 dma;
	__aligned_u64 bytes;
	__aligned_u64 phys;
	__aligned_u64 reached;
};

/**
 * struct carve_test_map - attach and map (CARVE_TEST_IOC_MAP)
 * @fd: in, a dma-buf
 * @direction: in, enum carve_test_direction
 * @segments: in, user pointer to an array of struct carve_test_segment
 * @count: in, segments that fit; out, segments there are
 * @handle: out, for the others; ends with the open file at the latest
 */
struct carve_test_map {
	__s32 fd;
	__u32 direction;
	__aligned_u64 segments;
	__u32 count;
	__u32 handle;
};

/**
 * struct carve_test_access - CPU access by a kernel importer (CARVE_TEST_IOC_ACCESS)
 * @fd: in, a dma-buf
 * @direction: in, enum carve_test_direction
 * @end: in, 0 begins, 1 ends
 * @reserved: zero
 */
struct carve_test_access {
	__s32 fd;
	__u32 direction;
	__u32 end;
	__u32 reserved;
};

/**
 * struct carve_test_poke - bytes in or beside a buffer (CARVE_TEST_IOC_POKE)
 * @offset: in, from the buffer's first byte, may be negative or behind its end
 * @bytes: in, how many, at most 1 MiB
 * @fd: in, a dma-buf
 * @value: in, 0 to 255, what each of them becomes
 *
 * What lies inside the buffer is written through dma_buf_vmap(), between
 * dma_buf_begin_cpu_access() and its end; as soon as a byte lies outside, all
 * is written at the physical address and brought to memory, as by a device that
 * is out of hand. EINVAL when that is not all RAM of one kind.
 */
struct carve_test_poke {
	__s64 offset;
	__aligned_u64 bytes;
	__s32 fd;
	__u32 value;
};

/**
 * struct carve_test_copy - the device reads or writes (CARVE_TEST_IOC_COPY)
 * @user: in, user pointer: what it writes, or where what it read goes
 * @offset: in, from the buffer's first byte
 * @bytes: in, how many; ERANGE when they are not all in the mapping
 * @handle: in, of a mapping of this open file
 * @to_memory: in, 1: the device writes memory, 0: it reads
 */
struct carve_test_copy {
	__aligned_u64 user;
	__aligned_u64 offset;
	__aligned_u64 bytes;
	__u32 handle;
	__u32 to_memory;
};

#define CARVE_TEST_IOC_MAP	_IOWR(CARVE_TEST_TYPE, 0, struct carve_test_map)
/* The argument is the handle, or the width of the DMA mask in bits. */
#define CARVE_TEST_IOC_UNMAP	_IO(CARVE_TEST_TYPE, 1)
#define CARVE_TEST_IOC_ACCESS	_IOW(CARVE_TEST_TYPE, 2, struct carve_test_access)
#define CARVE_TEST_IOC_POKE	_IOW(CARVE_TEST_TYPE, 3, struct carve_test_poke)
#define CARVE_TEST_IOC_COPY	_IOW(CARVE_TEST_TYPE, 4, struct carve_test_copy)
#define CARVE_TEST_IOC_MASK	_IO(CARVE_TEST_TYPE, 5)
/*
 * The argument is 1 when the device's DMA shall see the caches, else 0. For the
 * kernel alone: the device itself does what it does. The answer is what it was;
 * EOPNOTSUPP where all devices are coherent. Nothing may be mapped meanwhile.
 */
#define CARVE_TEST_IOC_COHERENT	_IO(CARVE_TEST_TYPE, 6)

/*
 * The argument is 1 when the device shall be attached to an IOMMU domain that is
 * this open file's own, else 0: then what it maps is mapped there, too, at the
 * same addresses. ENODEV without an IOMMU, EBUSY when something is mapped or
 * another file has attached it.
 */
#define CARVE_TEST_IOC_DOMAIN	_IO(CARVE_TEST_TYPE, 7)

#endif /* CARVE_TEST_H */
