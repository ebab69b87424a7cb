/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where things lie in the guest's physical address space: boot memory around
 * the PCI hole, and device memory above it.
 */
#ifndef VMM_MEMORY_MAP_H
#define VMM_MEMORY_MAP_H

#include <stdint.h>

#include "paramem.h"

/* From here to 4 GiB there is no memory: PCI, interrupt controllers, flash. */
#define MAP_HOLE_BASE   UINT64_C(0xc0000000)
#define MAP_PCI_BASE    MAP_HOLE_BASE
#define MAP_PCI_SIZE    UINT64_C(0x3eb00000)
#define MAP_ECAM_BASE   UINT64_C(0xfeb00000)
#define MAP_ECAM_SIZE   UINT64_C(0x00100000) /* one bus */
#define MAP_IOAPIC_BASE UINT64_C(0xfec00000)
#define MAP_LAPIC_BASE  UINT64_C(0xfee00000)
#define MAP_HIGH_BASE   UINT64_C(0x100000000)

/*
 * A guest adds memory in memory blocks of its own, 2 GiB at the most; a
 * region that starts and ends elsewhere would lose its edges to that.
 */
#define MAP_DEVICE_ALIGN (UINT64_C(2) << 30)

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
	uint64_t low_size;    /* boot memory from address 0 */
	uint64_t high_size;   /* boot memory from MAP_HIGH_BASE, maybe 0 */
	uint64_t device_base; /* device memory, MAP_DEVICE_ALIGN aligned */
	uint64_t limit;       /* the CPU's addresses end here */
	/* What was handed out, by ascending address. */
	struct memory_range ranges[MAP_RANGES_MAX];
	unsigned int nr_ranges;
};

/* Lays out @boot_size bytes of boot memory. -EINVAL with a sentence. */
int memory_map_init(struct memory_map *map, uint64_t boot_size,
		    unsigned int address_bits, struct pm_error *err);

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
