// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/carve/NAME: who may open it, and the records of released extents.
 *
 * Locks: as region.h says. A reader holds carve_region.read_lock while it
 * copies: releases only add records at the end, so the ones it copied are
 * still the first ones when it takes them off. Waiting holds no lock.
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "region.h"

/* Records copied at a time: 512 bytes of stack. */
#define CARVE_READ_BATCH 8

static int carve_open(struct inode *inode, struct file *file)
{
	struct carve_region *region =
		container_of(inode->i_cdev, struct carve_region, cdev);
	unsigned int mode = file->f_flags & O_ACCMODE;
	int ret = 0;

	if (mode != O_RDWR && mode != O_RDONLY)
		return -EINVAL;
	mutex_lock(&region->lock);
	if (region->gone)
		ret = -ENODEV;
	else if (mode == O_RDWR && region->manager)
		ret = -EBUSY;
	else if (mode == O_RDWR)
		WRITE_ONCE(region->manager, file);
	mutex_unlock(&region->lock);
	if (ret)
		return ret;
	get_device(&region->dev);
	file->private_data = region;
	return stream_open(inode, file);
}

static int carve_release(struct inode *inode, struct file *file)
{
	struct carve_region *region = file->private_data;

	mutex_lock(&region->lock);
	if (region->manager == file)
		WRITE_ONCE(region->manager, NULL);
	mutex_unlock(&region->lock);
	put_device(&region->dev);
	return 0;
}

/* Copy out, but do not take off, up to @max records behind the first @skip. */
static unsigned int peek_records(struct carve_region *region,
				 struct carve_release *batch, unsigned int max)
{
	struct carve_record *record;
	unsigned int count = 0;

	mutex_lock(&region->lock);
	list_for_each_entry(record, &region->records, node) {
		if (count == max)
			break;
		batch[count++] = record->release;
	}
	mutex_unlock(&region->lock);
	return count;
}

static void drop_records(struct carve_region *region, unsigned int count)
{
	struct carve_record *record, *next;
	LIST_HEAD(read);

	mutex_lock(&region->lock);
	WRITE_ONCE(region->unread_count, region->unread_count - count);
	list_for_each_entry_safe(record, next, &region->records, node) {
		if (!count--)
			break;
		list_move_tail(&record->node, &read);
	}
	mutex_unlock(&region->lock);
	list_for_each_entry_safe(record, next, &read, node)
		kfree(record);
}

static ssize_t read_records(struct carve_region *region, char __user *buf,
			    size_t room)
{
	struct carve_release batch[CARVE_READ_BATCH];
	size_t done = 0;

	while (room - done >= sizeof(*batch)) {
		size_t fits = (room - done) / sizeof(*batch);
		unsigned int count;

		count = peek_records(region, batch,
				     min_t(size_t, fits, ARRAY_SIZE(batch)));
		if (!count)
			break;
		if (copy_to_user(buf + done, batch, count * sizeof(*batch)))
			return done ?: -EFAULT;
		drop_records(region, count);
		done += count * sizeof(*batch);
	}
	return done;
}

static int wait_for_records(struct carve_region *region, struct file *file)
{
	if (READ_ONCE(region->gone))
		return -ENODEV;
	if (READ_ONCE(region->unread_count))
		return 0;
	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(region->wait,
					READ_ONCE(region->unread_count) ||
					READ_ONCE(region->gone));
}

static ssize_t carve_read(struct file *file, char __user *buf, size_t size,
			  loff_t *pos)
{
	struct carve_region *region = file->private_data;
	ssize_t ret;

	if (READ_ONCE(region->manager) != file)
		return -EPERM;
	if (size < sizeof(struct carve_release))
		return -EINVAL;
	do {
		ret = wait_for_records(region, file);
		if (ret)
			return ret;
		if (READ_ONCE(region->gone))
			return -ENODEV;
		if (mutex_lock_interruptible(&region->read_lock))
			return -ERESTARTSYS;
		ret = read_records(region, buf, size);
		mutex_unlock(&region->read_lock);
	} while (!ret);
	return ret;
}

static __poll_t carve_poll(struct file *file, poll_table *wait)
{
	struct carve_region *region = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &region->wait, wait);
	mutex_lock(&region->lock);
	if (region->gone)
		events = EPOLLHUP | EPOLLERR;
	else if (region->manager == file && region->unread_count)
		events = EPOLLIN | EPOLLRDNORM;
	mutex_unlock(&region->lock);
	return events;
}

const struct file_operations carve_fops = {
	.owner = THIS_MODULE,
	.open = carve_open,
	.release = carve_release,
	.read = carve_read,
	.poll = carve_poll,
	.unlocked_ioctl = carve_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
