/* SPDX-License-Identifier: BSD-3-Clause */
/* Random choices that a seed repeats. */
#ifndef COMPARE_DICE_H
#define COMPARE_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

/* 0 to @limit - 1; 0 for a limit of 0. */
uint64_t dice_below(struct dice *d, uint64_t limit);

/* True in @percent of all cases. */
bool dice_percent(struct dice *d, unsigned int percent);

/* An index into @weights, each as likely as its weight says. */
unsigned int dice_weighted(struct dice *d, const unsigned int *weights,
			   unsigned int nr);

#endif /* COMPARE_DICE_H */
