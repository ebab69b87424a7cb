/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work on a range of host memory that the workers do in parts: populating it,
 * freeing it.
 */
#ifndef VMM_RANGE_JOB_H
#define VMM_RANGE_JOB_H

#include "paramem.h"
#include "workers.h"

/* One part, on any worker: 0, or -errno with a sentence. */
typedef int range_job_work_fn(void *opaque, uint64_t offset, uint64_t size,
			      struct pm_error *err);
typedef void range_job_done_fn(void *opaque, int result,
			       const struct pm_error *why);

/* The owner embeds it, all zeros at first, and fills in the first three. */
struct range_job {
	range_job_work_fn *work;
	range_job_done_fn *done;
	void *opaque;

	/* The rest is the job's. */
	struct workers_job job;
	struct workers *workers;
	uint64_t offset;
	uint64_t size;
	uint64_t part;
};

/*
 * Starts to work on a range, which is not empty; parts are multiples of @unit.
 * done() comes on the main thread, as for any job of the workers; after a
 * failure some parts may have been done. 0, or -EAGAIN with a sentence when
 * there are no threads to be had.
 */
int range_job_start(struct range_job *r, struct workers *workers,
		    uint64_t offset, uint64_t size, uint64_t unit,
		    struct pm_error *err);

/*
 * As workers_cancel() (any thread) and workers_stop(), which waits for one
 * part at most. Also before the first start: then nothing happens.
 */
void range_job_cancel(struct range_job *r);
void range_job_stop(struct range_job *r);

/* As workers_park() and workers_unpark(), also before the first start. */
void range_job_park(struct range_job *r);
void range_job_unpark(struct range_job *r);

/* Bytes done so far. */
uint64_t range_job_progress(const struct range_job *r);

#endif /* VMM_RANGE_JOB_H */
