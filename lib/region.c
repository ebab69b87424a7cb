/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's region: its blocks, its sizes, and what is plugged. */
#include "region.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int alloc_map(struct region *r)
{
	uint64_t nr_blocks = r->size / r->block_size;
	uint64_t nr_words = block_map_words(nr_blocks);
	uint64_t *words;

	if (nr_words > SIZE_MAX)
		return -ENOMEM;
	words = calloc(nr_words, sizeof(*words));
	if (!words)
		return -ENOMEM;
	block_map_init(&r->plugged, words, nr_blocks);
	return 0;
}

int region_init(struct region *r, const char *id, uint64_t addr,
		uint64_t block_size, uint64_t size)
{
	*r = (struct region){
		.id = strdup(id),
		.addr = addr,
		.block_size = block_size,
		.size = size,
	};
	return r->id ? alloc_map(r) : -ENOMEM;
}

void region_finish(struct region *r)
{
	free(r->plugged.words);
	free(r->id);
	*r = (struct region){ .id = NULL };
}

struct block_range region_usable_blocks(const struct region *r)
{
	return (struct block_range){ .count = r->usable_size / r->block_size };
}

struct extent region_extent(const struct region *r, struct block_range range)
{
	return (struct extent){
		.offset = range.first * r->block_size,
		.size = range.count * r->block_size,
	};
}

struct block_range region_blocks(const struct region *r, struct extent e)
{
	uint64_t first = e.offset / r->block_size;
	uint64_t last = (e.offset + e.size - 1) / r->block_size;

	return (struct block_range){ .first = first,
				     .count = last - first + 1 };
}

void region_mark(struct region *r, struct block_range range)
{
	assert(block_map_all_clear(&r->plugged, range));
	block_map_set(&r->plugged, range);
	r->plugged_size += region_extent(r, range).size;
}

void region_unmark(struct region *r, struct block_range range)
{
	struct block_range run;

	while (region_next_run(r, &range, &run)) {
		block_map_clear(&r->plugged, run);
		r->plugged_size -= region_extent(r, run).size;
	}
}

bool region_next_run(const struct region *r, struct block_range *rest,
		     struct block_range *run)
{
	uint64_t end = rest->first + rest->count;

	if (!block_map_first_run(&r->plugged, *rest, run))
		return false;
	rest->first = run->first + run->count;
	rest->count = end - rest->first;
	return true;
}
