// SPDX-License-Identifier: MIT
/* The README's example: one 1080p frame of contiguous memory, made white. */
#include <stdio.h>
#include <string.h>
#include <carve.h>

int main(void)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct carve *carve;
	void *pixels;

	request.bytes = 1920 * 1080 * 4;
	request.name = "white frame";
	if (carve_new(&carve, NULL) < 0 || carve_alloc(carve, &request, &buffer) < 0 ||
	    carve_buffer_map(buffer, &pixels) < 0)
		return 1;
	carve_buffer_begin_cpu(buffer, CARVE_CPU_WRITE);
	memset(pixels, 0xff, request.bytes);
	carve_buffer_end_cpu(buffer, CARVE_CPU_WRITE);
	printf("dma-buf %d is ready for V4L2, DRM or a DSP\n", carve_buffer_get_fd(buffer));
	carve_buffer_unref(buffer);
	carve_free(carve);
	return 0;
}
