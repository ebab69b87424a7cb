/* SPDX-License-Identifier: BSD-3-Clause */
/* Populates a range of host memory on the workers, in parts. */
#include "populate.h"

#include <errno.h>

/*
 * Cancelling waits for a part, so that it should take a fraction of a second;
 * a smaller part than the other one would split huge pages among threads.
 */
#define PART_MAX (UINT64_C(64) << 20)
#define PART_MIN (UINT64_C(2) << 20)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* All workers get something to do, where there is enough. */
static uint64_t part_size(const struct workers *workers, uint64_t page_size,
			  uint64_t size)
{
	uint64_t part = round_up(size / workers_width(workers), PART_MIN);

	if (part > PART_MAX)
		part = PART_MAX;
	return round_up(part ? part : PART_MIN, page_size);
}

static int populate_part(void *opaque, uint64_t index, struct pm_error *err)
{
	const struct populate *p = opaque;
	uint64_t start = index * p->part;
	uint64_t left = p->size - start;

	return pm_ram_populate(p->ram, p->offset + start,
			       left < p->part ? left : p->part, err);
}

static void populate_done(void *opaque, int result, const struct pm_error *why)
{
	struct populate *p = opaque;

	p->done(p->opaque, result, why);
}

int populate_start(struct populate *p, struct workers *workers,
		   struct pm_ram *ram, uint64_t offset, uint64_t size,
		   populate_done_fn *done, void *opaque, struct pm_error *err)
{
	uint64_t part = part_size(workers, pm_ram_page_size(ram), size);

	p->workers = workers;
	p->ram = ram;
	p->offset = offset;
	p->size = size;
	p->part = part;
	p->done = done;
	p->opaque = opaque;
	p->job.part = populate_part;
	p->job.done = populate_done;
	p->job.opaque = p;
	p->job.nr_parts = (size + part - 1) / part;
	if (workers_start(workers, &p->job))
		return pm_error_set(err, EAGAIN,
				    "the host grants no thread to populate "
				    "memory");
	return 0;
}

void populate_cancel(struct populate *p)
{
	if (p->workers)
		workers_cancel(p->workers, &p->job);
}

void populate_stop(struct populate *p)
{
	if (p->workers)
		workers_stop(p->workers, &p->job);
}

uint64_t populate_progress(const struct populate *p)
{
	uint64_t done = workers_finished(p->workers, &p->job) * p->part;

	return done < p->size ? done : p->size;
}
