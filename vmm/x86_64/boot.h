/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads a Linux kernel by the 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst of the kernel).
 */
#ifndef VMM_X86_64_BOOT_H
#define VMM_X86_64_BOOT_H

#include "paramem.h"

#include "accel/accel.h"
#include "config/numa.h"
#include "space/guest_memory.h"
#include "space/memory_map.h"

struct boot;

struct boot_config {
	const char *kernel;
	const char *initrd; /* or NULL */
	const char *append; /* or NULL */
	const struct memory_map *map;
	unsigned int cpus;
	const struct numa_config *numa; /* one node or more */
};

/*
 * Opens and checks the files, before anything else is built. The files stay
 * open, so that a reset boots the very same ones. 0 or -errno with a sentence.
 */
int boot_open(const struct boot_config *config, struct boot **boot,
	      struct pm_error *err);
void boot_close(struct boot *boot);

/* Checks that all of it fits into the memory that the map gives. */
int boot_check(const struct boot *boot, struct pm_error *err);

/* Puts all into guest memory; @entry is where the first CPU starts. */
int boot_load(const struct boot *boot, const struct guest_memory *gm,
	      struct accel_entry *entry, struct pm_error *err);

#endif /* VMM_X86_64_BOOT_H */
