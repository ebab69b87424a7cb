/* SPDX-License-Identifier: BSD-3-Clause */
/* Points in time by which something must have happened. */
#ifndef QTEST_DEADLINE_H
#define QTEST_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* What a healthy peer never needs, also with sanitizers on a busy machine. */
#define DEADLINE_DEFAULT_MS 30000

/* Milliseconds of the monotonic clock. */
int64_t clock_now_ms(void);

/* Nanoseconds of the same clock, for who measures. */
int64_t clock_now_ns(void);

int64_t deadline_in(int ms);

/* Milliseconds until then, for poll(2); 0 once it has passed. */
int deadline_left(int64_t deadline);

/* Waits a millisecond before another look; false once it is too late. */
bool deadline_pause(int64_t deadline);

#endif /* QTEST_DEADLINE_H */
