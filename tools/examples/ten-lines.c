// SPDX-License-Identifier: MIT
/* The README's example: one 1080p frame of contiguous memory, made white. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <carve.h>

int main(void)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct carve *carve;
	void *pixels;
	int ret;

	request.bytes = 1920 * 1080 * 4;
	request.name = "white frame";
	ret = carve_new(&carve, NULL);
	if (ret < 0)
		errx(1, "no carved: %s", strerror(-ret));
	ret = carve_alloc(carve, &request, &buffer);
	if (ret < 0)
		errx(1, "no memory: %s", strerror(-ret));
	ret = carve_buffer_map(buffer, &pixels);
	if (ret < 0)
		errx(1, "no mapping: %s", strerror(-ret));
	carve_buffer_begin_cpu(buffer, CARVE_CPU_WRITE);
	memset(pixels, 0xff, request.bytes);
	carve_buffer_end_cpu(buffer, CARVE_CPU_WRITE);
	printf("dma-buf %d is ready for V4L2, DRM or a DSP\n", carve_buffer_get_fd(buffer));
	carve_buffer_unref(buffer);
	carve_free(carve);
	return 0;
}
