/* SPDX-License-Identifier: BSD-3-Clause */
/* What benches measure with. */
#include "measure.h"

#include <stdlib.h>
#include <time.h>

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double median(double *samples, unsigned int nr)
{
	qsort(samples, nr, sizeof(*samples), compare);
	return nr % 2 ? samples[nr / 2]
		      : (samples[nr / 2 - 1] + samples[nr / 2]) / 2;
}
