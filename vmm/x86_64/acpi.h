/* SPDX-License-Identifier: BSD-3-Clause */
/* The ACPI tables that tell a guest what this machine has. */
#ifndef VMM_X86_64_ACPI_H
#define VMM_X86_64_ACPI_H

#include <stdint.h>

#include "config/numa.h"
#include "space/guest_memory.h"
#include "space/memory_map.h"

/* The area, in the BIOS's old place, that the tables may fill. */
#define ACPI_BASE UINT64_C(0xe0000)
#define ACPI_SIZE UINT64_C(0x20000)

struct acpi_config {
	const struct memory_map *map;
	unsigned int cpus;
	const struct numa_config *numa; /* one node or more */
};

/*
 * Writes all tables from ACPI_BASE on; the RSDP is the first of them. 0, or
 * -ENOSPC when they do not fit.
 */
int acpi_write(const struct guest_memory *gm, const struct acpi_config *config);

#endif /* VMM_X86_64_ACPI_H */
