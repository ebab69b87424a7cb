/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest memory that a dump is made of. */
#include "runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "space/guest_memory.h"

#define ROOM_FIRST 16

static int grow(struct dump_runs *runs)
{
	size_t room = runs->room ? 2 * runs->room : ROOM_FIRST;
	struct dump_run *run = reallocarray(runs->run, room, sizeof(*run));

	if (!run)
		return -ENOMEM;
	runs->run = run;
	runs->room = room;
	return 0;
}

int dump_runs_add(struct dump_runs *runs, const struct dump_run *run)
{
	int ret = runs->nr == runs->room ? grow(runs) : 0;

	if (ret)
		return ret;
	runs->run[runs->nr++] = *run;
	runs->size += run->size;
	return 0;
}

/* Where nothing is ever unplugged, the region is one run. */
static bool next_run(const struct guest_memory_region *region, uint64_t from,
		     uint64_t *offset, uint64_t *size)
{
	if (region->next)
		return region->next(region->opaque, from, offset, size);
	*offset = from;
	*size = region->size - from;
	return from < region->size;
}

static int collect_region(struct dump_runs *runs,
			  const struct guest_memory_region *region)
{
	uint64_t at = 0, offset, size;
	int ret = 0;

	while (!ret && next_run(region, at, &offset, &size)) {
		const struct dump_run run = {
			.gpa = region->gpa + offset,
			.size = size,
			.ram = region->ram,
			.offset = region->ram_offset + offset,
		};

		ret = dump_runs_add(runs, &run);
		at = offset + size;
	}
	return ret;
}

static int compare(const void *left, const void *right)
{
	const struct dump_run *a = left, *b = right;

	return (a->gpa > b->gpa) - (a->gpa < b->gpa);
}

int dump_runs_collect(struct dump_runs *runs, const struct guest_memory *memory)
{
	int ret = 0;

	for (unsigned int i = 0; i < memory->nr && !ret; i++)
		ret = collect_region(runs, &memory->regions[i]);
	if (runs->nr)
		qsort(runs->run, runs->nr, sizeof(*runs->run), compare);
	return ret;
}

void dump_runs_finish(struct dump_runs *runs)
{
	free(runs->run);
	*runs = (struct dump_runs){ 0 };
}

/* The last run that begins at or below @gpa, or NULL. */
static const struct dump_run *find(const struct dump_runs *runs, uint64_t gpa)
{
	size_t low = 0, high = runs->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (runs->run[middle].gpa <= gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &runs->run[low - 1] : NULL;
}

int dump_runs_read(const struct dump_runs *runs, uint64_t gpa, void *buf,
		   size_t size)
{
	const struct dump_run *run = find(runs, gpa);
	uint64_t page, from, to, start, len;

	if (!run || !size || gpa - run->gpa >= run->size ||
	    size > run->size - (gpa - run->gpa))
		return -EFAULT;
	page = pm_ram_page_size(run->ram);
	from = run->offset + (gpa - run->gpa);
	to = (from + size + page - 1) / page * page;
	if (pm_ram_populated_run(run->ram, from / page * page, to, &start,
				 &len) != 1 ||
	    start > from || start + len < from + size)
		return -EFAULT;
	memcpy(buf, (uint8_t *)pm_ram_host(run->ram) + from, size);
	return 0;
}
