// SPDX-License-Identifier: MIT
/*
 * A device out of hand (/dev/carve-test/plain): what it writes beside a buffer
 * is there, in the memory of the neighbours, and what it writes into one is
 * where it said.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>

#include "check.h"
#include "device.h"

#define BYTES (4 * page)

static int manager, plain;

/* How many bytes of a buffer are not @value, between @from and @to. */
static uint64_t count_other(int buf, uint64_t from, uint64_t to, uint8_t value)
{
	unsigned char *map = buf_map(buf, BYTES);
	uint64_t at, count = 0;

	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	for (at = from; at < to; at++)
		count += map[at] != value;
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	munmap(map, BYTES);
	return count;
}

/* Three neighbours; only the one in the middle is named. */
static void check_around(uint64_t middle)
{
	int bufs[3], i;

	for (i = 0; i < 3; i++) {
		bufs[i] = carve_export_buf(manager, middle + (i - 1) * BYTES,
					   BYTES, i);
		if (bufs[i] < 0)
			die("export: %s", strerror(-bufs[i]));
	}
	check_value("written inside", device_poke(plain, bufs[1], 100, page, 0x11), 0);
	check_value("it is there", count_other(bufs[1], 100, 100 + page, 0x11), 0);
	check_value("and only there", count_other(bufs[1], 0, 100, 0) +
		    count_other(bufs[1], 100 + page, BYTES, 0), 0);
	check_value("written across the end",
		    device_poke(plain, bufs[1], BYTES - 10, 20, 0x22), 0);
	check_value("ten bytes inside",
		    count_other(bufs[1], BYTES - 10, BYTES, 0x22), 0);
	check_value("ten behind", count_other(bufs[2], 0, 10, 0x22), 0);
	check_value("not eleven", count_other(bufs[2], 10, BYTES, 0), 0);
	check_value("written before", device_poke(plain, bufs[1], -page - 3, 3, 0x33), 0);
	check_value("it is before", count_other(bufs[0], BYTES - page - 3,
						BYTES - page, 0x33), 0);
	check_value("and nowhere else",
		    count_other(bufs[0], 0, BYTES - page - 3, 0) +
		    count_other(bufs[0], BYTES - page, BYTES, 0), 0);
	for (i = 0; i < 3; i++)
		close(bufs[i]);
}

int main(void)
{
	manager = region_open();
	plain = device_open("plain");
	if (plain < 0)
		die("/dev/carve-test/plain: %m (modprobe carve-test)");
	check_around(BYTES);
	/* Where the struct pages may end. */
	check_around(region.bytes / 2);
	check_around(region.bytes - 2 * BYTES);
	return finish();
}
