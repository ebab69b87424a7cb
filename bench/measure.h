/* SPDX-License-Identifier: BSD-3-Clause */
/* What benches measure with. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
int64_t now_ns(void);

/* Sorts the samples, of which there is at least one. */
double median(double *samples, unsigned int nr);

#endif /* BENCH_MEASURE_H */
