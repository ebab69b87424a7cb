/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration of a device may say. */
#include "device_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "human_size.h"

#define FEATURES_KNOWN (PM_F_ACPI_PXM | PM_F_UNPLUGGED_INACCESSIBLE)

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static int check_block_size(uint64_t block_size, uint64_t page_size,
			    struct pm_error *err)
{
	if (!is_power_of_two(block_size))
		return pm_error_set(err, EINVAL,
				    "The block size, %s, is not a power of two",
				    human_size(block_size).text);
	if (block_size < PM_BLOCK_SIZE_MIN)
		return pm_error_set(
			err, EINVAL,
			"The block size, %s, is below the minimum, %s",
			human_size(block_size).text,
			human_size(PM_BLOCK_SIZE_MIN).text);
	if (block_size % page_size)
		return pm_error_set(err, EINVAL,
				    "The block size, %s, is below the page "
				    "size of its memory, %s",
				    human_size(block_size).text,
				    human_size(page_size).text);
	return 0;
}

static int check_region(uint64_t addr, uint64_t region_size,
			uint64_t block_size, struct pm_error *err)
{
	if (region_size % block_size)
		return pm_error_set(err, EINVAL,
				    "The region size, %s, is not a multiple of "
				    "the block size, %s",
				    human_size(region_size).text,
				    human_size(block_size).text);
	if (addr % block_size)
		return pm_error_set(err, EINVAL,
				    "The address 0x%" PRIx64
				    " is not a multiple of the block size, "
				    "0x%" PRIx64,
				    addr, block_size);
	if (addr > UINT64_MAX - region_size)
		return pm_error_set(err, EINVAL,
				    "A region of %s at 0x%" PRIx64
				    " is past the end of the address space",
				    human_size(region_size).text, addr);
	return 0;
}

int device_config_check_requested(uint64_t size, uint64_t region_size,
				  uint64_t block_size, struct pm_error *err)
{
	if (size % block_size)
		return pm_error_set(err, EINVAL,
				    "The requested size, %s, is not a multiple "
				    "of the block size, %s",
				    human_size(size).text,
				    human_size(block_size).text);
	if (size > region_size)
		return pm_error_set(
			err, EINVAL,
			"The requested size, %s, is past the region size, %s",
			human_size(size).text, human_size(region_size).text);
	return 0;
}

static int check_features(uint64_t features, uint64_t required,
			  struct pm_error *err)
{
	if (features & ~FEATURES_KNOWN)
		return pm_error_set(err, EINVAL,
				    "The features 0x%" PRIx64
				    " have bits that this device lacks",
				    features);
	if (required & ~features)
		return pm_error_set(err, EINVAL,
				    "The features 0x%" PRIx64
				    " are required and not offered",
				    required & ~features);
	return 0;
}

int device_config_check(const struct pm_device_config *c,
			const struct pm_ram *ram, struct pm_error *err)
{
	uint64_t region_size = pm_ram_max_size(ram);
	int ret = check_block_size(c->block_size, pm_ram_page_size(ram), err);

	if (!ret)
		ret = check_region(c->addr, region_size, c->block_size, err);
	if (!ret)
		ret = device_config_check_requested(
			c->requested_size, region_size, c->block_size, err);
	if (!ret)
		ret = check_features(c->features, c->required, err);
	return ret;
}
