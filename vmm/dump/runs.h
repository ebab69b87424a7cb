/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest memory that a dump is made of: runs of guest physical addresses,
 * each with the host memory behind it, in ascending order.
 *
 * Collected on the main thread; afterwards a worker reads them, as long as
 * nothing is unplugged.
 */
#ifndef VMM_DUMP_RUNS_H
#define VMM_DUMP_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "paramem.h"

struct guest_memory;

struct dump_run {
	uint64_t gpa;
	uint64_t size; /* whole pages, not 0 */
	struct pm_ram *ram;
	uint64_t offset; /* in @ram */
};

/* All zeros are none. */
struct dump_runs {
	struct dump_run *run;
	size_t nr;
	size_t room;
	uint64_t size; /* of all of them */
};

/*
 * All that is in the guest's memory now; what is unplugged is left out. 0 or
 * -ENOMEM; what was collected is there to be freed in any case.
 */
int dump_runs_collect(struct dump_runs *runs,
		      const struct guest_memory *memory);
/* Adds what lies above all others. 0 or -ENOMEM. */
int dump_runs_add(struct dump_runs *runs, const struct dump_run *run);
void dump_runs_finish(struct dump_runs *runs);

static inline uint8_t *dump_run_host(const struct dump_run *run)
{
	return (uint8_t *)pm_ram_host(run->ram) + run->offset;
}

/*
 * Copies out what lies within one run, in pages that are there: makes nothing
 * resident. 0, or -EFAULT and nothing was done. Safe for any numbers.
 */
int dump_runs_read(const struct dump_runs *runs, uint64_t gpa, void *buf,
		   size_t size);

#endif /* VMM_DUMP_RUNS_H */
