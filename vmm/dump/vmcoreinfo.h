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

#include "runs.h"

/* The kernel's own bound: a page. */
#define VMCOREINFO_MAX 4096

struct vmcoreinfo {
	size_t len; /* 0: none was found */
	char text[VMCOREINFO_MAX];
};

/*
 * Looks for it in the memory that is there, trusting nothing that is in it.
 * Of several, which old kernels leave and anybody in the guest may write, it
 * is the first that fits the page tables of a CPU, @page_tables holding the
 * @nr_cpus values of CR3; else the first of all. -ECANCELED when @cancel
 * became true meanwhile, -EIO when the host does not tell what is there.
 */
int vmcoreinfo_find(const struct dump_runs *runs, const uint64_t *page_tables,
		    unsigned int nr_cpus, const atomic_bool *cancel,
		    struct vmcoreinfo *info);

#endif /* VMM_DUMP_VMCOREINFO_H */
