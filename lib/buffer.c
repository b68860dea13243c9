// SPDX-License-Identifier: MIT
/*
 * A buffer in this process: a descriptor, a count of references, and a mapping
 * once somebody asked for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/**
 * struct carve_buffer - a buffer
 * @references: who holds it in this process
 * @fd: its descriptor; -1 before carve_buffer_adopt()
 * @dma_buf: it is one, else a memfd of a simulated region
 * @bytes: size
 * @lock: protects @map
 * @map: the mapping, or NULL
 */
struct carve_buffer {
	atomic_uint references;
	int fd;
	bool dma_buf;
	uint64_t bytes;
	pthread_mutex_t lock;
	void *map;
};

int carve_buffer_new(struct carve_buffer **ret)
{
	struct carve_buffer *buffer = calloc(1, sizeof(*buffer));

	if (!buffer)
		return -ENOMEM;
	atomic_init(&buffer->references, 1);
	buffer->fd = -1;
	pthread_mutex_init(&buffer->lock, NULL);
	*ret = buffer;
	return 0;
}

static int sync_ioctl(int fd, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };
	int r;

	/* The kernel asks for a retry on both, as libdrm does. */
	do
		r = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r < 0 ? -errno : 0;
}

/*
 * Is it a dma-buf? One answers a sync without a direction with EINVAL and does
 * nothing; what is none does not know the command.
 */
static int is_dma_buf(int fd, bool *ret)
{
	int r = sync_ioctl(fd, 0);

	if (r == -EBADF)	/* O_PATH */
		return r;
	*ret = r == -EINVAL;
	return 0;
}

/*
 * A memfd stands in for a dma-buf only if its size is fixed for good: else its
 * sender could shrink it under our mapping, and the next access would kill us.
 *
 * Return: is it one? No dma-buf has seals at all.
 */
static bool has_seals(int fd, bool *sealed)
{
	int seals = fcntl(fd, F_GET_SEALS);

	*sealed = seals >= 0 && (seals & F_SEAL_SHRINK) && (seals & F_SEAL_GROW);
	return seals >= 0;
}

int carve_buffer_adopt(struct carve_buffer *buffer, int fd)
{
	bool dma_buf = false, sealed;
	struct stat st;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0)
		return -EINVAL;
	if (!has_seals(fd, &sealed))
		r = is_dma_buf(fd, &dma_buf);
	if (r < 0)
		return r;
	if (!dma_buf && !sealed)
		return -EINVAL;

	buffer->fd = fd;
	buffer->dma_buf = dma_buf;
	buffer->bytes = st.st_size;
	return 0;
}

int carve_buffer_import(int fd, struct carve_buffer **ret)
{
	struct carve_buffer *buffer;
	int r;

	if (!ret)
		return -EINVAL;
	r = carve_buffer_new(&buffer);
	if (r < 0)
		return r;
	r = carve_buffer_adopt(buffer, fd);
	if (r < 0) {
		carve_buffer_unref(buffer);
		return r;
	}
	*ret = buffer;
	return 0;
}

struct carve_buffer *carve_buffer_ref(struct carve_buffer *buffer)
{
	/* Whoever calls holds a reference already: nothing to order against. */
	atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
	return buffer;
}

struct carve_buffer *carve_buffer_unref(struct carve_buffer *buffer)
{
	if (!buffer)
		return NULL;
	/* What any holder did comes before the last one's tearing down. */
	if (atomic_fetch_sub_explicit(&buffer->references, 1,
				      memory_order_acq_rel) > 1)
		return NULL;

	if (buffer->map)
		munmap(buffer->map, buffer->bytes);
	if (buffer->fd >= 0)
		close(buffer->fd);
	pthread_mutex_destroy(&buffer->lock);
	free(buffer);
	return NULL;
}

int carve_buffer_get_fd(const struct carve_buffer *buffer)
{
	return buffer->fd;
}

uint64_t carve_buffer_get_bytes(const struct carve_buffer *buffer)
{
	return buffer->bytes;
}

static int map_locked(struct carve_buffer *buffer)
{
	void *map;

	if (buffer->map)
		return 0;
	if (buffer->bytes > SIZE_MAX)
		return -ENOMEM;
	map = mmap(NULL, buffer->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		   buffer->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	buffer->map = map;
	return 0;
}

int carve_buffer_map(struct carve_buffer *buffer, void **ret)
{
	int r;

	if (!buffer || !ret)
		return -EINVAL;

	pthread_mutex_lock(&buffer->lock);
	r = map_locked(buffer);
	if (r == 0)
		*ret = buffer->map;
	pthread_mutex_unlock(&buffer->lock);
	return r;
}

static int sync_cpu(struct carve_buffer *buffer, unsigned int access,
		    uint64_t flags)
{
	if (!buffer || !access || access & ~(CARVE_CPU_READ | CARVE_CPU_WRITE))
		return -EINVAL;
	if (!buffer->dma_buf)
		return 0;	/* no device behind it, nothing to keep in step */

	if (access & CARVE_CPU_READ)
		flags |= DMA_BUF_SYNC_READ;
	if (access & CARVE_CPU_WRITE)
		flags |= DMA_BUF_SYNC_WRITE;
	return sync_ioctl(buffer->fd, flags);
}

int carve_buffer_begin_cpu(struct carve_buffer *buffer, unsigned int access)
{
	return sync_cpu(buffer, access, DMA_BUF_SYNC_START);
}

int carve_buffer_end_cpu(struct carve_buffer *buffer, unsigned int access)
{
	return sync_cpu(buffer, access, DMA_BUF_SYNC_END);
}
