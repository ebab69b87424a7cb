/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where memory lies in the guest's physical address space: boot memory around
 * the hole that the architecture leaves, and device memory above it.
 */
#ifndef VMM_MEMORY_MAP_H
#define VMM_MEMORY_MAP_H

#include <stdint.h>

#include "arch/arch.h"
#include "paramem.h"

/* A part of the device-memory address space that somebody has. */
struct memory_range {
	uint64_t base;
	uint64_t size;
	uint64_t align;    /* a power of two: base is a multiple of it */
	unsigned int node; /* the guest's NUMA node */
};

/* More than a machine has devices: room for others that want addresses. */
#define MAP_RANGES_MAX 64

struct memory_map {
	const struct arch_layout *layout;
	uint64_t low_size;    /* boot memory before the hole */
	uint64_t high_base;   /* where the hole ends */
	uint64_t high_size;   /* boot memory from there, maybe 0 */
	uint64_t device_base; /* device memory, aligned as it asks */
	uint64_t limit;       /* the CPU's addresses end here */
	/* What was handed out, by ascending address. */
	struct memory_range ranges[MAP_RANGES_MAX];
	unsigned int nr_ranges;
};

/*
 * Lays out @boot_size bytes of boot memory; the layout stays the caller's.
 * -EINVAL with a sentence.
 */
int memory_map_init(struct memory_map *map, const struct arch_layout *layout,
		    uint64_t boot_size, unsigned int address_bits,
		    struct pm_error *err);

/*
 * Hands out the lowest free range of device memory, of range->size bytes and
 * with range->align: range->base is told. What is left of the last unit of
 * that alignment is nobody's. -EINVAL for a size of 0 or an alignment that is
 * no power of two, -ENOSPC when no free part is large enough, -ENOMEM when
 * there are too many ranges; then nothing changed.
 */
int memory_map_alloc(struct memory_map *map, struct memory_range *range);

/* The largest size that memory_map_alloc() could hand out now. */
uint64_t memory_map_room(const struct memory_map *map, uint64_t align);

/*
 * The same for the region of memory device @id, whose alignment becomes that
 * of a guest's memory blocks, and of the device's where those are larger.
 * 0, or -errno with a sentence.
 */
int memory_map_add_device(struct memory_map *map, const char *id,
			  uint64_t block_size, struct memory_range *range,
			  struct pm_error *err);

#endif /* VMM_MEMORY_MAP_H */
