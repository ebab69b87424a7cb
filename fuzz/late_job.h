/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work on memory that takes no thread and no time, since it is not done, and
 * ends when the input says so: in place of vmm/host/range_job.c, by the linker's
 * --wrap.
 */
#ifndef FUZZ_LATE_JOB_H
#define FUZZ_LATE_JOB_H

#include <stdbool.h>

/* Nothing is under way, nothing is refused. */
void late_job_init(void);

/* The next one cannot even be started. */
void late_job_refuse(void);

bool late_job_is_under_way(void);

/* Ends what is under way, if anything, by 0 or -errno; on the main thread. */
void late_job_end(int result);

#endif /* FUZZ_LATE_JOB_H */
