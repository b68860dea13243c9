// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of /dev/carve/NAME: one table, one place that checks sizes,
 * flags and the caller's role before a command runs.
 *
 * Locks: carve_region.lock for moments, never over a copy to user space.
 */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmabuf.h"

/* Entries that one call of LIST collects under the lock: 28 KiB. */
#define CARVE_LIST_BATCH 256

/* What every kernel has given of an extent; the structure may grow behind. */
#define CARVE_EXTENT_INFO_LEAST offsetofend(struct carve_extent_info, name)

/* Every command starts like this. */
struct carve_header {
	u32 size;
	u32 flags;
};

union carve_args {
	struct carve_header header;
	struct carve_info info;
	struct carve_export export;
	struct carve_list list;
	struct carve_scrub scrub;
	struct carve_identify identify;
};

/**
 * struct carve_call - one command under way
 * @region: the region
 * @manager: the caller is the region's manager
 * @args: copied in, extended with zeros
 * @user: where the caller's structure is
 * @bytes: what to copy back: no more than the caller has, nor than we know
 */
struct carve_call {
	struct carve_region *region;
	bool manager;
	union carve_args args;
	void __user *user;
	size_t bytes;
};

static int reply(struct carve_call *call)
{
	if (copy_to_user(call->user, &call->args, call->bytes))
		return -EFAULT;
	return 0;
}

static int carve_ioctl_info(struct carve_call *call)
{
	struct carve_region *region = call->region;
	struct carve_info *info = &call->args.info;

	info->bytes = region->memory.bytes;
	info->phys = call->manager ? region->memory.phys : 0;
	info->page_bytes = PAGE_SIZE;
	info->memory = region->memory.kind;
	memcpy(info->label, region->label, sizeof(info->label));

	mutex_lock(&region->lock);
	info->live_bytes = region->table.live_bytes;
	info->dirty_bytes = region->table.dirty_bytes;
	info->live_count = region->table.live_count;
	info->unread_count = region->unread_count;
	mutex_unlock(&region->lock);
	return reply(call);
}

/* Neither guard is so long that their sum could overflow. */
static int check_guards(const struct carve_export *export)
{
	u32 before = export->guard_before, after = export->guard_after;

	if ((before | after) & (PAGE_SIZE - 1))
		return -EINVAL;
	if (before > CARVE_GUARD_MAX || after > CARVE_GUARD_MAX)
		return -EINVAL;
	return before + after < export->bytes ? 0 : -EINVAL;
}

static int check_export(const struct carve_region *region,
			const struct carve_export *export)
{
	if (export->fd_flags & ~(O_CLOEXEC | O_ACCMODE))
		return -EOPNOTSUPP;
	if ((export->fd_flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (strnlen(export->name, sizeof(export->name)) == sizeof(export->name))
		return -EINVAL;
	return carve_table_check(&region->table, export->offset, export->bytes) ?:
	       check_guards(export);
}

static int export_buffer(struct carve_call *call)
{
	struct carve_export *export = &call->args.export;
	struct dma_buf *dmabuf;
	int fd, ret;

	ret = check_export(call->region, export);
	if (ret)
		return ret;
	dmabuf = carve_buffer_new(call->region, export);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(export->fd_flags & O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_put;
	}
	export->fd = fd;
	ret = reply(call);
	if (ret)
		goto err_fd;
	/* The buffer is user space's from here on: nothing may fail. */
	carve_count_export(call->region, export, 0);
	carve_buffer_publish(dmabuf, fd);
	return 0;

err_fd:
	put_unused_fd(fd);
err_put:
	dma_buf_put(dmabuf);
	return ret;
}

static int carve_ioctl_export(struct carve_call *call)
{
	int ret = export_buffer(call);

	if (ret)
		carve_count_export(call->region, &call->args.export, ret);
	return ret;
}

static void describe(const struct carve_extent *extent,
		     struct carve_extent_info *ret_info)
{
	bool live = extent->state == CARVE_STATE_LIVE;

	ret_info->offset = extent->offset;
	ret_info->bytes = extent->bytes;
	memcpy(ret_info->owner, extent->owner, sizeof(ret_info->owner));
	ret_info->state = extent->state;
	ret_info->reserved = 0;
	memcpy(ret_info->name, extent->name, sizeof(ret_info->name));
	ret_info->guard_before = live ? extent->guard_before : 0;
	ret_info->guard_after = live ? extent->guard_after : 0;
}

static u32 collect_extents(struct carve_region *region, u64 cursor,
			   struct carve_extent_info *infos, u32 max)
{
	const struct carve_extent *extent;
	u32 count = 0;

	mutex_lock(&region->lock);
	for (extent = carve_table_first(&region->table, cursor);
	     extent && count < max; extent = carve_table_next(extent))
		describe(extent, &infos[count++]);
	mutex_unlock(&region->lock);
	return count;
}

/*
 * Entries may be larger than the ones we know, then the rest of each is zero;
 * or smaller, then the caller was built when they were.
 */
static int copy_entries(void __user *user, u32 entry_size,
			const struct carve_extent_info *infos, u32 count)
{
	size_t known = min_t(size_t, entry_size, sizeof(*infos));
	u32 i;

	for (i = 0; i < count; i++, user += entry_size) {
		if (copy_to_user(user, &infos[i], known) ||
		    clear_user(user + known, entry_size - known))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

static int carve_ioctl_list(struct carve_call *call)
{
	struct carve_list *list = &call->args.list;
	struct carve_extent_info *infos;
	u32 count;
	int ret;

	if (!list->count || list->entry_size < CARVE_EXTENT_INFO_LEAST)
		return -EINVAL;
	if (list->entry_size > PAGE_SIZE)
		return -E2BIG;
	count = min_t(u32, list->count, CARVE_LIST_BATCH);
	infos = kvcalloc(count, sizeof(*infos), GFP_KERNEL);
	if (!infos)
		return -ENOMEM;
	count = collect_extents(call->region, list->cursor, infos, count);
	ret = copy_entries(u64_to_user_ptr(list->entries), list->entry_size,
			   infos, count);
	if (!ret) {
		if (count)
			list->cursor = infos[count - 1].offset +
				       infos[count - 1].bytes;
		list->count = count;
		ret = reply(call);
	}
	kvfree(infos);
	return ret;
}

static int carve_ioctl_scrub(struct carve_call *call)
{
	struct carve_scrub *scrub = &call->args.scrub;
	int ret = carve_scrub(call->region, scrub->offset, scrub->bytes,
			      &scrub->scrubbed);

	return ret ?: reply(call);
}

/* While the dma-buf is held its extent is live, and does not change. */
static int carve_ioctl_identify(struct carve_call *call)
{
	struct carve_identify *identify = &call->args.identify;
	const struct carve_extent *extent;
	struct dma_buf *dmabuf;

	if (identify->reserved)
		return -EOPNOTSUPP;
	dmabuf = dma_buf_get(identify->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	extent = carve_buffer_extent(dmabuf, call->region);
	if (extent)
		describe(extent, &identify->extent);
	dma_buf_put(dmabuf);
	return extent ? reply(call) : -ENOENT;
}

/**
 * struct carve_command - one entry of the table
 * @cmd: the number user space passes
 * @bytes: the structure as this kernel knows it
 * @least: the structure's first version, whatever it and what it embeds have
 *	grown to since
 * @manager: only for the manager
 * @run: does it, and replies
 */
struct carve_command {
	unsigned int cmd;
	u32 bytes;
	u32 least;
	bool manager;
	int (*run)(struct carve_call *call);
};

#define COMMAND(_cmd, _struct, _last, _manager, _run)			\
	[_IOC_NR(_cmd)] = {						\
		.cmd = _cmd,						\
		.bytes = sizeof(struct _struct),			\
		.least = offsetofend(struct _struct, _last),		\
		.manager = _manager,					\
		.run = _run,						\
	}

static const struct carve_command carve_commands[] = {
	COMMAND(CARVE_IOC_INFO, carve_info, label, false, carve_ioctl_info),
	COMMAND(CARVE_IOC_EXPORT, carve_export, fd, true, carve_ioctl_export),
	COMMAND(CARVE_IOC_LIST, carve_list, entry_size, false, carve_ioctl_list),
	COMMAND(CARVE_IOC_SCRUB, carve_scrub, scrubbed, true, carve_ioctl_scrub),
	COMMAND(CARVE_IOC_IDENTIFY, carve_identify, extent.name, true,
		carve_ioctl_identify),
};

static const struct carve_command *find_command(unsigned int cmd)
{
	const struct carve_command *command;
	unsigned int number = _IOC_NR(cmd);

	if (number >= ARRAY_SIZE(carve_commands))
		return NULL;
	number = array_index_nospec(number, ARRAY_SIZE(carve_commands));
	command = &carve_commands[number];
	return command->cmd == cmd ? command : NULL;
}

static int copy_args(struct carve_call *call,
		     const struct carve_command *command)
{
	u32 size;

	if (get_user(size, (u32 __user *)call->user))
		return -EFAULT;
	if (size < command->least)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	call->bytes = min(size, command->bytes);
	return copy_struct_from_user(&call->args, command->bytes, call->user,
				     size);
}

/**
 * carve_ioctl() - the file's unlocked_ioctl
 * @file: open file of the node
 * @cmd: command number
 * @arg: user pointer to the command's structure
 *
 * Return: 0 or a negative errno, see uapi/linux/carve.h.
 */
long carve_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct carve_command *command = find_command(cmd);
	struct carve_region *region = file->private_data;
	struct carve_call call = {
		.region = region,
		.manager = READ_ONCE(region->manager) == file,
		.user = (void __user *)arg,
	};
	int ret;

	if (!command)
		return -ENOTTY;
	if (READ_ONCE(region->gone))
		return -ENODEV;
	ret = copy_args(&call, command);
	if (ret)
		return ret;
	if (command->manager && !call.manager)
		return -EPERM;
	if (call.args.header.flags)
		return -EOPNOTSUPP;
	return command->run(&call);
}
