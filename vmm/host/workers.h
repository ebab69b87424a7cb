/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few threads for host work that takes long, in parts that run side by side,
 * so that the main loop goes on meanwhile.
 *
 * Everything declared here is called on the main thread, but for what says any
 * thread. Only the parts themselves run on the workers, and no lock is held
 * while they do.
 */
#ifndef VMM_WORKERS_H
#define VMM_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

#define WORKERS_MAX 8

struct loop;
struct workers;

/*
 * One job; the owner embeds it, fills in the first four members, and keeps it
 * alive until it is done or was stopped.
 */
struct workers_job {
	/* Part @index of the work, on any worker: 0, or -errno with @err. */
	int (*part)(void *opaque, uint64_t index, struct pm_error *err);
	/*
	 * On the main thread, once no part runs any more: 0, or the first
	 * failure. The job may be started again from here, or freed.
	 */
	void (*done)(void *opaque, int result, const struct pm_error *why);
	void *opaque;
	uint64_t nr_parts; /* at least 1 */

	/* The rest is the pool's. */
	struct workers_job *next;
	uint64_t next_part;
	uint64_t running;
	uint64_t finished;
	int result;
	struct pm_error why;
	bool parked;
	enum workers_state {
		WORKERS_IDLE, /* never started, or done, or stopped */
		WORKERS_WAITING,
		WORKERS_ENDED, /* but not done */
	} state;
};

/* With its threads, as many as there are CPUs to use. 0 or -errno. */
int workers_create(struct loop *loop, struct workers **workers);
/* No job may be under way. Takes NULL. */
void workers_destroy(struct workers *workers);

/* How many parts can run at once. */
unsigned int workers_width(const struct workers *workers);

/* 0, or -EAGAIN when the host grants no thread at all; then nothing runs. */
int workers_start(struct workers *workers, struct workers_job *job);

/*
 * No further part starts; done() comes all the same, with -ECANCELED if no
 * part had failed before, even if all were finished. Any thread. To a job that
 * is not under way nothing happens, here and below.
 */
void workers_cancel(struct workers *workers, struct workers_job *job);

/* Cancels, waits until the parts that run have ended; done() does not come. */
void workers_stop(struct workers *workers, struct workers_job *job);

/*
 * From when this returns until it is unparked no part of the job runs and
 * done() does not come: it waits for the parts that run, and no other starts.
 * One that is started or cancelled meanwhile waits as well; to stop it does
 * not. Idempotent, both.
 */
void workers_park(struct workers *workers, struct workers_job *job);
void workers_unpark(struct workers *workers, struct workers_job *job);

/* How many parts have ended well. Any thread. */
uint64_t workers_finished(struct workers *workers,
			  const struct workers_job *job);

#endif /* VMM_WORKERS_H */
