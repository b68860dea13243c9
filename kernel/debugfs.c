// SPDX-License-Identifier: GPL-2.0-only
/*
 * What root may see of a region: /sys/kernel/debug/carve/NAME/extents, the
 * table as CARVE_IOC_LIST gives it. See docs/ABI/testing/debugfs-carve.
 *
 * Without debugfs nothing is missing but this: its functions take the errors
 * of each other, so none is looked at here.
 *
 * Locks: carve_region.lock, for one look at the table a line. debugfs_remove()
 * waits for readers under way, so it is called without locks, and they need no
 * reference to the region.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "region.h"

static struct dentry *carve_debugfs;

/**
 * struct carve_lines - an open "extents"
 * @region: the region, there while a callback runs
 * @extent: copy of the one whose line is being written
 */
struct carve_lines {
	struct carve_region *region;
	struct carve_extent extent;
};

/*
 * Position 0 is the heading; position P is the first extent that starts at or
 * above P - 1. So every line is true at its moment, no line overlaps one above
 * it, and it makes no difference how many extents there are.
 */
static void *lines_start(struct seq_file *file, loff_t *pos)
{
	struct carve_lines *lines = file->private;
	struct carve_region *region = lines->region;
	const struct carve_extent *extent;

	if (!*pos)
		return SEQ_START_TOKEN;
	mutex_lock(&region->lock);
	extent = carve_table_first(&region->table, *pos - 1);
	/* Exported since the line above was written, over pages of that line. */
	if (extent && extent->offset < *pos - 1)
		extent = carve_table_next(extent);
	if (extent)
		lines->extent = *extent;
	mutex_unlock(&region->lock);
	return extent ? &lines->extent : NULL;
}

static void *lines_next(struct seq_file *file, void *line, loff_t *pos)
{
	const struct carve_extent *extent = line;

	if (line == SEQ_START_TOKEN)
		*pos = 1;
	else
		*pos = extent->offset + extent->bytes + 1;
	return lines_start(file, pos);
}

static void lines_stop(struct seq_file *file, void *line)
{
}

/* Names are arbitrary bytes: each is to stay in its line and its quotes. */
static int lines_show(struct seq_file *file, void *line)
{
	const struct carve_extent *extent = line;
	bool live;

	if (line == SEQ_START_TOKEN) {
		seq_puts(file, "offset bytes state owner0 owner1 guard_before guard_after name\n");
		return 0;
	}
	live = extent->state == CARVE_STATE_LIVE;
	seq_printf(file, "0x%llx %llu %s 0x%llx 0x%llx %u %u \"", extent->offset,
		   extent->bytes, live ? "live" : "dirty", extent->owner[0],
		   extent->owner[1], live ? extent->guard_before : 0,
		   live ? extent->guard_after : 0);
	seq_escape_str(file, extent->name,
		       ESCAPE_NAP | ESCAPE_OCTAL | ESCAPE_APPEND, "\"\\");
	seq_puts(file, "\"\n");
	return 0;
}

static const struct seq_operations lines_ops = {
	.start = lines_start,
	.next = lines_next,
	.stop = lines_stop,
	.show = lines_show,
};

static int extents_open(struct inode *inode, struct file *file)
{
	struct carve_lines *lines;

	lines = __seq_open_private(file, &lines_ops, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	lines->region = inode->i_private;
	return 0;
}

static const struct file_operations extents_fops = {
	.owner = THIS_MODULE,
	.open = extents_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/**
 * carve_debugfs_add() - show a region to root
 * @region: published
 */
void carve_debugfs_add(struct carve_region *region)
{
	region->debugfs = debugfs_create_dir(region->label, carve_debugfs);
	debugfs_create_file("extents", 0400, region->debugfs, region,
			    &extents_fops);
}

/**
 * carve_debugfs_remove() - undo carve_debugfs_add()
 * @region: the region
 *
 * Nobody is reading when this returns, and who has the file open gets errors.
 */
void carve_debugfs_remove(struct carve_region *region)
{
	debugfs_remove(region->debugfs);
}

/**
 * carve_debugfs_init() - make the folder of all regions
 */
void carve_debugfs_init(void)
{
	carve_debugfs = debugfs_create_dir("carve", NULL);
}

/**
 * carve_debugfs_done() - undo carve_debugfs_init(), after the last region
 */
void carve_debugfs_done(void)
{
	debugfs_remove(carve_debugfs);
}
