/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that a failed test can be repeated with. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "cmocka_all.h"
#include "random.h"

static uint64_t seed_from_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)now.tv_nsec;
}

void random_init(struct random *r)
{
	const char *seed = getenv("PARAMEM_TEST_SEED");

	r->state = seed ? strtoull(seed, NULL, 0) : seed_from_clock();
	print_message("PARAMEM_TEST_SEED=%" PRIu64 "\n", r->state);
}

/* splitmix64 */
static uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *r, uint64_t limit)
{
	return random_next(r) % limit;
}
