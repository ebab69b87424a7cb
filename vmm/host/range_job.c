/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on a range of host memory that the workers do in parts. */
#include "range_job.h"

#include <errno.h>

/*
 * The kernel holds the process's memory map while it populates a part, and
 * cancelling waits for one: so a part should take milliseconds. A smaller part
 * than the other one would split huge pages among threads.
 */
#define PART_MAX (UINT64_C(16) << 20)
#define PART_MIN (UINT64_C(2) << 20)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* All workers get something to do, where there is enough. */
static uint64_t part_size(const struct workers *workers, uint64_t size,
			  uint64_t unit)
{
	uint64_t part = round_up(size / workers_width(workers), PART_MIN);

	if (part > PART_MAX)
		part = PART_MAX;
	return round_up(part ? part : PART_MIN, unit);
}

static int work_on_part(void *opaque, uint64_t index, struct pm_error *err)
{
	const struct range_job *r = opaque;
	uint64_t start = index * r->part;
	uint64_t left = r->size - start;

	return r->work(r->opaque, r->offset + start,
		       left < r->part ? left : r->part, err);
}

static void job_done(void *opaque, int result, const struct pm_error *why)
{
	struct range_job *r = opaque;

	r->done(r->opaque, result, why);
}

int range_job_start(struct range_job *r, struct workers *workers,
		    uint64_t offset, uint64_t size, uint64_t unit,
		    struct pm_error *err)
{
	r->workers = workers;
	r->offset = offset;
	r->size = size;
	r->part = part_size(workers, size, unit);
	r->job.part = work_on_part;
	r->job.done = job_done;
	r->job.opaque = r;
	r->job.nr_parts = (size + r->part - 1) / r->part;
	if (workers_start(workers, &r->job))
		return pm_error_set(err, EAGAIN,
				    "the host grants no thread to work on "
				    "memory");
	return 0;
}

void range_job_cancel(struct range_job *r)
{
	if (r->workers)
		workers_cancel(r->workers, &r->job);
}

void range_job_stop(struct range_job *r)
{
	if (r->workers)
		workers_stop(r->workers, &r->job);
}

void range_job_park(struct range_job *r)
{
	if (r->workers)
		workers_park(r->workers, &r->job);
	else
		r->job.parked = true;
}

void range_job_unpark(struct range_job *r)
{
	if (r->workers)
		workers_unpark(r->workers, &r->job);
	else
		r->job.parked = false;
}

uint64_t range_job_progress(const struct range_job *r)
{
	uint64_t done = workers_finished(r->workers, &r->job) * r->part;

	return done < r->size ? done : r->size;
}
