/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration of a device may say: 0, or -EINVAL and a sentence. */
#ifndef PARAMEM_DEVICE_CONFIG_H
#define PARAMEM_DEVICE_CONFIG_H

#include <stdint.h>

#include "paramem.h"

int device_config_check(const struct pm_device_config *c,
			const struct pm_ram *ram, struct pm_error *err);

int device_config_check_requested(uint64_t size, uint64_t region_size,
				  uint64_t block_size, struct pm_error *err);

#endif
