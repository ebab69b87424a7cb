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

struct memory_map {
	uint64_t low_size;    /* boot memory from address 0 */
	uint64_t high_size;   /* boot memory from MAP_HIGH_BASE, maybe 0 */
	uint64_t device_base; /* device memory, MAP_DEVICE_ALIGN aligned */
	uint64_t device_end;  /* behind the last region handed out */
	uint64_t limit;       /* the CPU's addresses end here */
};

/* Lays out @boot_size bytes of boot memory. -EINVAL with a sentence. */
int memory_map_init(struct memory_map *map, uint64_t boot_size,
		    unsigned int address_bits, struct pm_error *err);

/* Hands out a region of device memory; on failure nothing changed. */
int memory_map_add_device(struct memory_map *map, const char *id, uint64_t size,
			  uint64_t *gpa, struct pm_error *err);

#endif /* VMM_MEMORY_MAP_H */
