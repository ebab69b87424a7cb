/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads a Linux kernel by the 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst of the kernel). The functions are those of
 * struct arch_boot, whose contracts hold.
 */
#ifndef VMM_X86_64_BOOT_H
#define VMM_X86_64_BOOT_H

#include "arch/arch.h"

/* The files are read here and never again: a reset boots the very same. */
int boot_open(const struct boot_config *config, struct boot **boot,
	      struct pm_error *err);
void boot_close(struct boot *boot);
int boot_check(const struct boot *boot, struct pm_error *err);
int boot_load(struct boot *boot, const struct guest_memory *gm,
	      const struct cpu_entry **entry, struct pm_error *err);

#endif /* VMM_X86_64_BOOT_H */
