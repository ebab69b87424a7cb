/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the two differ, and why: each with the occasion on which it is due and
 * the values of both sides then. What is due and does not come is a failure,
 * as is any difference that is not due.
 */
#ifndef COMPARE_DIFFERENCES_H
#define COMPARE_DIFFERENCES_H

#include "facts.h"
#include "side.h"

/* What was done, and what was then seen of a device. */
struct occasion {
	const struct step *step;
	bool fresh;    /* seen at once, before what the step did was settled */
	bool required; /* its driver must take UNPLUGGED_INACCESSIBLE */
	const struct facts *seen[NR_SIDES];
};

struct difference_text {
	const char *id;
	const char *qemu, *paramem; /* what either does */
	const char *rule;           /* which demands it */
};

unsigned int differences_count(void);
const struct difference_text *difference_text(unsigned int nth);

/*
 * Which difference is due in @fact, and the values that it has then; -1: none,
 * both sides have to agree.
 */
int difference_due(const struct occasion *o, unsigned int fact,
		   uint64_t expected[NR_SIDES]);

#endif /* COMPARE_DIFFERENCES_H */
