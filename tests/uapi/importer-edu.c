// SPDX-License-Identifier: MIT
/*
 * QEMU's edu device, which moves the bytes itself. The argument says what is
 * between it and memory: "direct", with a wide machine (dma_mask=0xffffffffff),
 * or "smmu", with the narrow one it is made with.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "device.h"
#include "moves.h"

#define BYTES (256 * page)

static int manager;

static void check_at(int edu, const char *who, const struct moves_limits *limits,
		     uint64_t offset)
{
	struct carve_release record;
	struct moves moves = {
		.who = who,
		.device = edu,
		.buf = carve_export_buf(manager, offset, BYTES, 1),
		.bytes = BYTES,
		/* 100 ms for half a page, and back. */
		.step = page,
		.phys = region.phys + offset,
	};

	if (moves.buf < 0)
		die("export: %s", strerror(-moves.buf));
	moves_check(&moves, limits);
	close(moves.buf);
	check_value("edu: the buffer comes back",
		    carve_wait_record(manager, 5000), 1);
	carve_read_records(manager, &record, 1);
}

/* Its own mask does not reach RAM: nothing may be written anywhere. */
static void check_narrow(int edu)
{
	struct carve_test_map map = { .count = 0 };
	int buf = carve_export_buf(manager, 0, BYTES, 1);
	struct carve_release record;

	check_value("edu with its narrow mask: refused",
		    device_map(edu, buf, CARVE_TEST_BOTH, NULL, &map), -EBUSY);
	close(buf);
	check_value("edu with its narrow mask: the buffer comes back",
		    carve_wait_record(manager, 5000), 1);
	carve_read_records(manager, &record, 1);
	check_value("and is scrubbed", carve_scrub_range(manager, 0, BYTES), BYTES);
}

/*
 * Its driver has a domain of its own, and the DMA API goes on with another: the
 * buffer is mapped by both, as drivers of GPUs do it.
 */
static void check_own_domain(int edu, const struct moves_limits *limits)
{
	check_value("edu in a domain of its own", device_domain(edu, true), 0);
	check_at(edu, "edu in its own domain", limits, 0);
	check_at(edu, "edu in its own domain", limits, region.bytes - BYTES);
	check_value("edu back again", device_domain(edu, false), 0);
}

int main(int argc, char **argv)
{
	bool smmu = argc == 2 && !strcmp(argv[1], "smmu");
	struct moves_limits limits = {
		.segment = UINT64_MAX,
		.translated = smmu,
		.bits = smmu ? 28 : 40,
	};
	int edu;

	manager = region_open();
	edu = device_open("edu");
	if (edu < 0)
		die("/dev/carve-test/edu: %m (QEMU's -device edu, modprobe carve-test)");
	if (!smmu) {
		check_narrow(edu);
		device_mask(edu, 40);
	}
	check_at(edu, "edu", &limits, 0);
	/* Where the struct pages may end. */
	check_at(edu, "edu", &limits, region.bytes / 2 - BYTES / 2);
	check_at(edu, "edu", &limits, region.bytes - BYTES);
	if (smmu) {
		check_value("clean again", carve_scrub_range(manager, 0, region.bytes) > 0, 1);
		check_own_domain(edu, &limits);
	}
	return finish();
}
