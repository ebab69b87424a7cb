/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's configuration space, as its driver sees it. */
#ifndef PARAMEM_CONFIG_SPACE_H
#define PARAMEM_CONFIG_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "region.h"

/* As pm_device_config_read() says. */
void config_space_read(const struct region *r, uint16_t node, uint64_t offset,
		       void *buf, size_t len);

#endif
