/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much of a region is usable: it and the accessible part of the host
 * memory behind it change together, or not at all.
 */
#ifndef PARAMEM_USABLE_H
#define PARAMEM_USABLE_H

#include <stdint.h>

#include "paramem.h"
#include "provider.h"
#include "region.h"

/* At least what @requested bytes need. -errno leaves all as it was. */
int usable_grow(struct region *r, struct provider *memory, uint64_t requested,
		struct pm_error *err);

/*
 * No more than the requested size needs. All blocks are unplugged. -errno
 * leaves all as it was.
 */
int usable_shrink(struct region *r, struct provider *memory,
		  struct pm_error *err);

#endif
