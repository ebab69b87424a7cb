/* SPDX-License-Identifier: BSD-3-Clause */
/* Points in time by which something must have happened. */
#include "deadline.h"

#include <time.h>

int64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t clock_now_ms(void)
{
	return clock_now_ns() / 1000000;
}

int64_t deadline_in(int ms)
{
	return clock_now_ms() + ms;
}

int deadline_left(int64_t deadline)
{
	int64_t now = clock_now_ms();

	return now < deadline ? (int)(deadline - now) : 0;
}

bool deadline_pause(int64_t deadline)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	if (!deadline_left(deadline))
		return false;
	nanosleep(&pause, NULL);
	return true;
}
