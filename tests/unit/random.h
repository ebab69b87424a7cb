/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that a failed test can be repeated with. */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

/* Seeds from PARAMEM_TEST_SEED, or else from the clock; prints the seed. */
void random_init(struct random *r);

/* 0 to @limit - 1. */
uint64_t random_below(struct random *r, uint64_t limit);

#endif
