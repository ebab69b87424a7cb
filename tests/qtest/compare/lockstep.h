/* SPDX-License-Identifier: BSD-3-Clause */
/* The same steps on both machines, compared one by one. */
#ifndef COMPARE_LOCKSTEP_H
#define COMPARE_LOCKSTEP_H

#include "setups.h"

enum { DIFFERENCES_MAX = 64 };

struct lockstep_options {
	const char *paramem, *qemu; /* binaries */
	uint64_t seed;
	uint64_t requests; /* for one machine, at least */
	bool progress;     /* shown on a terminal */
};

struct lockstep_result {
	uint64_t steps, requests;
	uint64_t answers[4]; /* by type */
	uint64_t differences[DIFFERENCES_MAX];
};

/* Adds to @result. What is not listed ends the program with status 1. */
void lockstep_run(const struct lockstep_options *options,
		  const struct setup *setup, struct lockstep_result *result);

#endif /* COMPARE_LOCKSTEP_H */
