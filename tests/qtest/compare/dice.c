/* SPDX-License-Identifier: BSD-3-Clause */
/* Random choices that a seed repeats. */
#include "dice.h"

/* splitmix64 */
static uint64_t next(struct dice *d)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *d, uint64_t limit)
{
	return limit ? next(d) % limit : 0;
}

bool dice_percent(struct dice *d, unsigned int percent)
{
	return dice_below(d, 100) < percent;
}

unsigned int dice_weighted(struct dice *d, const unsigned int *weights,
			   unsigned int nr)
{
	unsigned int sum = 0, i;
	uint64_t at;

	for (i = 0; i < nr; i++)
		sum += weights[i];
	at = dice_below(d, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}
