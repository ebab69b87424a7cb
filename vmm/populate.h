/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Populates a range of host memory on the workers, in parts.
 */
#ifndef VMM_POPULATE_H
#define VMM_POPULATE_H

#include "paramem.h"
#include "workers.h"

typedef void populate_done_fn(void *opaque, int result,
			      const struct pm_error *why);

/* The owner embeds it, all zeros at first. */
struct populate {
	struct workers_job job;
	struct workers *workers;
	struct pm_ram *ram;
	uint64_t offset;
	uint64_t size;
	uint64_t part;
	populate_done_fn *done;
	void *opaque;
};

/*
 * Starts to populate a range, which is whole pages and not empty. @done comes
 * on the main thread, as for any job of the workers; after a failure parts of
 * the range may be populated, and are the caller's to discard. 0, or -EAGAIN
 * with a sentence when there are no threads to be had.
 */
int populate_start(struct populate *p, struct workers *workers,
		   struct pm_ram *ram, uint64_t offset, uint64_t size,
		   populate_done_fn *done, void *opaque, struct pm_error *err);

/*
 * As workers_cancel() (any thread) and workers_stop(), which waits for one
 * part at most. Also before the first start: then nothing happens.
 */
void populate_cancel(struct populate *p);
void populate_stop(struct populate *p);

/* Bytes populated so far. */
uint64_t populate_progress(const struct populate *p);

#endif /* VMM_POPULATE_H */
