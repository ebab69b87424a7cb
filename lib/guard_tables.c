/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page tables of the guest's view that lending leaves behind.
 *
 * Theory of operation. A page that is taken back leaves the page table in which
 * it was, of 4 KiB for 2 MiB, and Linux frees those with the mapping alone. A
 * guest that reads all of a large region, where that is allowed, would have the
 * host keep 2 MiB a GiB for memory that nobody uses. So it is noted where
 * something was lent, and when that was in many places, the unplugged ones
 * among them are mapped anew.
 *
 * A mapping comes into being before it can be watched. Who touches it in those
 * microseconds gets a page and does not wait. So the page is taken away again,
 * and told as a write if it holds anything, as with any loan in doubt.
 *
 * Where mapping anew fails, the tables stay. Where the new mapping cannot be
 * watched, or that page not be taken away, the range is closed.
 */
#include "guard_tables.h"

#include <errno.h>
#include <stdlib.h>

#include "guard_loans.h"
#include "ram.h"

/* Each is of 4 KiB and maps ram_thp_size(): what one GiB of reading leaves. */
#define TABLES_MAX 512

int guard_tables_init(struct guard *g)
{
	uint64_t nr = (pm_ram_max_size(g->ram) - 1) / ram_thp_size() + 1;
	uint64_t *words = calloc(block_map_words(nr), sizeof(*words));

	if (!words)
		return -ENOMEM;
	block_map_init(&g->tables.map, words, nr);
	return 0;
}

void guard_tables_finish(struct guard *g)
{
	free(g->tables.map.words);
}

void guard_tables_note(struct guard *g, uint64_t offset)
{
	const struct block_range table = {
		.first = offset / ram_thp_size(),
		.count = 1,
	};

	if (!g->ops->remap || block_map_all_set(&g->tables.map, table))
		return;
	block_map_set(&g->tables.map, table);
	g->tables.count++;
}

/* Whether nothing that it maps is the guest's. */
static bool is_idle(struct guard *g, uint64_t table)
{
	uint64_t first = table * ram_thp_size() / g->block_size;
	uint64_t last = ((table + 1) * ram_thp_size() - 1) / g->block_size;

	if (last >= g->granted.nr_blocks)
		last = g->granted.nr_blocks - 1;
	return block_map_all_clear(&g->granted,
				   (struct block_range){
					   .first = first,
					   .count = last - first + 1,
				   });
}

/* Page by page, since protecting makes page tables, too. */
static void doubt(struct guard *g, uint64_t offset, uint64_t size)
{
	uint64_t page = g->ram->page_size, end = offset + size;

	while (g->ram->ops->find(g->ram, offset, end, true, &offset) == 0 &&
	       offset < end) {
		offset -= offset % page;
		guard_loans_doubt(g, offset, page);
		offset += page;
	}
}

static void remap(struct guard *g, struct block_range tables)
{
	uint64_t offset = tables.first * ram_thp_size();
	uint64_t size = tables.count * ram_thp_size();

	/* It may have shrunk since. */
	if (offset >= g->ram->size)
		return;
	if (size > g->ram->size - offset)
		size = g->ram->size - offset;
	if (g->ops->remap(g, offset, size) < 0)
		return;
	doubt(g, offset, size);
	if (g->ops->discard(g, offset, size) < 0)
		guard_close(g, offset, size);
}

void guard_tables_tidy(struct guard *g)
{
	struct block_map *map = &g->tables.map;
	struct block_range run, left = { .count = map->nr_blocks };

	/* What a vCPU holds on to comes back later. */
	if (g->tables.count < TABLES_MAX || guard_loans_recall(g) < 0)
		return;
	while (block_map_first_run(map, left, &run)) {
		uint64_t n = 0;

		while (n < run.count && is_idle(g, run.first + n))
			n++;
		run.count = n ? n : 1;
		if (n)
			remap(g, run);
		block_map_clear(map, run);
		left.first = run.first + run.count;
		left.count = map->nr_blocks - left.first;
	}
	g->tables.count = 0;
}
