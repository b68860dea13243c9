// SPDX-License-Identifier: MIT
/*
 * carve-test: importers for the tests, see carve-test.h. Beginning and end.
 */
#include "compat.h"
#include "device.h"

static int __init carve_test_init(void)
{
	int ret;

	ret = carve_test_unplug_init();
	if (ret)
		return ret;
	ret = carve_test_platform_init();
	if (ret)
		goto err_unplug;
	ret = carve_test_edu_init();
	if (ret)
		goto err_platform;
	return 0;

err_platform:
	carve_test_platform_done();
err_unplug:
	carve_test_unplug_done();
	return ret;
}
module_init(carve_test_init);

static void __exit carve_test_exit(void)
{
	carve_test_edu_done();
	carve_test_platform_done();
	carve_test_unplug_done();
}
module_exit(carve_test_exit);

CARVE_IMPORT_DMA_BUF;
MODULE_DESCRIPTION("Importers for the tests of Carve");
MODULE_AUTHOR("The Carve authors");
MODULE_LICENSE("Dual MIT/GPL");
