/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sizes of a memory device a Linux guest can reach. Pure. Other guests
 * may reach others, so this is for notes and reasons, and refuses nothing.
 */
#ifndef CLI_LINUX_SIZES_H
#define CLI_LINUX_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

struct linux_sizes {
	uint64_t size, max_size; /* what was asked about */
	uint64_t unit;           /* what comes and goes at least */
	uint64_t memory_block;   /* what has to lie whole in the region */
	/* The nearest that can be reached, the same where @size is. */
	uint64_t below;
	uint64_t above; /* 0: none is */
};

/* For @size of a device of @max_size and @block_size. */
struct linux_sizes linux_sizes(uint64_t size, uint64_t max_size,
			       uint64_t block_size);

bool linux_sizes_reached(const struct linux_sizes *sizes);

/*
 * "Linux plugs 256 MiB or 258 MiB rather than 257 MiB, since ...": what to
 * tell of a size that is not reached.
 */
void linux_sizes_explain(const struct linux_sizes *sizes,
			 struct pm_error *sentence);

#endif /* CLI_LINUX_SIZES_H */
