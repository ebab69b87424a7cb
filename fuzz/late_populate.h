/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Populating that takes no thread and no time, and ends when the input says
 * so: in place of vmm/populate.c, by the linker's --wrap.
 */
#ifndef FUZZ_LATE_POPULATE_H
#define FUZZ_LATE_POPULATE_H

#include <stdbool.h>

/* Nothing is under way, nothing is refused. */
void late_populate_init(void);

/* The next one cannot even be started. */
void late_populate_refuse(void);

/* Ends what is under way, if anything, by 0 or -errno; on the main thread. */
void late_populate_end(int result);

#endif /* FUZZ_LATE_POPULATE_H */
