/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's region: its blocks, its sizes, and which of the blocks are
 * plugged. Knows neither host memory nor guests.
 *
 * Invariants, between calls of the library: requested_size <= usable_size <=
 * size; plugged blocks lie within the usable region, and plugged_size counts
 * them.
 */
#ifndef PARAMEM_REGION_H
#define PARAMEM_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "block_map.h"

struct region {
	char *id;      /* of its device, for sentences */
	uint64_t addr; /* guest physical */
	uint64_t block_size;
	uint64_t size;
	uint64_t usable_size;
	uint64_t requested_size;
	uint64_t plugged_size;
	struct block_map plugged;
};

/* Bytes, from the start of the region. */
struct extent {
	uint64_t offset;
	uint64_t size;
};

/*
 * All blocks are unplugged, none usable, nothing requested. @id is copied.
 * -ENOMEM leaves something for region_finish(), which takes all zeros, too.
 */
int region_init(struct region *r, const char *id, uint64_t addr,
		uint64_t block_size, uint64_t size);
void region_finish(struct region *r);

struct block_range region_usable_blocks(const struct region *r);

struct extent region_extent(const struct region *r, struct block_range range);
/* The blocks that bytes which are not none lie in. */
struct block_range region_blocks(const struct region *r, struct extent e);

/* Unplugged blocks are plugged now. */
void region_mark(struct region *r, struct block_range range);
/* Whatever is plugged in the range is not any more. */
void region_unmark(struct region *r, struct block_range range);

/* Takes the first run of plugged blocks off @rest; false: there is none. */
bool region_next_run(const struct region *r, struct block_range *rest,
		     struct block_range *run);

#endif
