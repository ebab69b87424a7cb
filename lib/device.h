/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio-mem device: what it is made of, each part knowing those above it
 * alone.
 */
#ifndef PARAMEM_DEVICE_H
#define PARAMEM_DEVICE_H

#include <stdint.h>

#include "host_memory.h"
#include "join.h"
#include "paramem.h"
#include "pending.h"
#include "plug.h"
#include "region.h"
#include "uffd.h"

/* The first usable_size bytes of the pm_ram are accessible. */
struct pm_device {
	struct region region;
	struct uffd uffd;
	struct host_memory memory;
	struct plug plug;
	struct pending pending;
	struct join join;
	struct pm_device_ops ops;
	void *opaque;
	uint64_t features_offered;
	uint64_t features_required;
	uint64_t features_accepted;
	uint16_t node;
};

#endif
