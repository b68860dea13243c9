// SPDX-License-Identifier: MIT
/* The README's example, word for word (make lint compares them). */
#include <carve.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct carve_request request = { .struct_size = sizeof(request), .bytes = 1920 * 1080 * 4 };
	struct carve_buffer *buffer;
	struct carve *carve;
	void *pixels;

	if (carve_new(&carve, NULL) || carve_alloc(carve, &request, &buffer) || carve_buffer_map(buffer, &pixels))
		errx(1, "no contiguous memory: try carvectl status");
	carve_buffer_begin_cpu(buffer, CARVE_CPU_WRITE);
	memset(pixels, 0xff, request.bytes);
	carve_buffer_end_cpu(buffer, CARVE_CPU_WRITE);
	printf("dma-buf %d is ready for V4L2, DRM or a DSP\n", carve_buffer_get_fd(buffer));
}
