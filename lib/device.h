/* SPDX-License-Identifier: BSD-3-Clause */
/* The virtio-mem device as its own parts see it. */
#ifndef PARAMEM_DEVICE_H
#define PARAMEM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "block_map.h"
#include "guard.h"
#include "listener.h"
#include "paramem.h"
#include "pending.h"

/*
 * Invariants, between calls: requested_size <= usable_size <= the region, and
 * the first usable_size bytes of @ram are accessible; plugged blocks lie
 * within the usable region, and plugged_size counts them.
 */
struct pm_device {
	char *id;
	struct pm_ram *ram;
	struct pm_device_ops ops;
	void *opaque;
	uint64_t addr;
	uint64_t block_size;
	uint64_t region_size;
	uint64_t usable_size;
	uint64_t requested_size;
	uint64_t plugged_size;
	uint64_t features_offered;
	uint64_t features_required;
	uint64_t features_accepted;
	uint16_t node;
	bool populates; /* blocks get their pages when they are plugged */
	bool async;     /* long work is left to the caller, from so much on: */
	uint64_t async_size;
	struct block_map plugged;
	struct pending pending;
	struct listener_list listeners;
	struct guard guard;
};

/* The blocks of the usable region. */
struct block_range device_usable_blocks(const struct pm_device *dev);

/* The same range in bytes, from the start of the region. */
void device_extent(const struct pm_device *dev, struct block_range range,
		   uint64_t *offset, uint64_t *size);

/*
 * Shrinks the usable region to what the requested size needs, and the host
 * memory with it. All blocks are unplugged. On failure all stays as it was.
 */
int device_shrink_usable(struct pm_device *dev, struct pm_error *err);

/* Tells the owner when the plugged size no longer is @before. */
void device_notify_plugged(struct pm_device *dev, uint64_t before);

#endif
