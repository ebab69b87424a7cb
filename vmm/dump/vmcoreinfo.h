/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a Linux guest keeps in its memory for whoever reads a dump of it: the
 * note VMCOREINFO, with its release, its addresses and its structures.
 */
#ifndef VMM_DUMP_VMCOREINFO_H
#define VMM_DUMP_VMCOREINFO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "runs.h"

/* The kernel's own bound: a page. */
#define VMCOREINFO_MAX 4096

struct vmcoreinfo {
	size_t len; /* 0: none was found */
	char text[VMCOREINFO_MAX];
};

/* The CPUs, by whose registers the running kernel is told from others. */
struct vmcoreinfo_cpus {
	const struct arch_dump *arch;
	const struct cpu_registers *registers; /* of each */
	unsigned int nr;
};

/* One of several CPUs' registers, whose size is the architecture's. */
static inline const struct cpu_registers *
dump_registers(const struct arch_dump *arch,
	       const struct cpu_registers *registers, unsigned int cpu)
{
	const uint8_t *bytes = (const uint8_t *)registers;

	return (const void *)(bytes + cpu * arch->registers_size);
}

/*
 * Looks for it in the memory that is there, trusting nothing that is in it.
 * Of several, which old kernels leave and anybody in the guest may write, it
 * is the first of a kernel that a CPU runs; else the first of all. -ECANCELED
 * when @cancel became true meanwhile, -EIO when the host does not tell what is
 * there.
 */
int vmcoreinfo_find(const struct dump_runs *runs,
		    const struct vmcoreinfo_cpus *cpus,
		    const atomic_bool *cancel, struct vmcoreinfo *info);

#endif /* VMM_DUMP_VMCOREINFO_H */
