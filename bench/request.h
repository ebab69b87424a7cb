/* SPDX-License-Identifier: BSD-3-Clause */
/* What a request costs: the three that are timed, and how. */
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

#include <stdint.h>

#include "measure.h"

#define REQUEST_BLOCK_SIZE (UINT64_C(2) << 20)
#define REQUEST_BLOCKS     65536

enum work {
	WORK_ONE,   /* PLUG and UNPLUG of one block */
	WORK_MANY,  /* of 64 */
	WORK_STATE, /* STATE of 65,535 */
	NR_WORKS,
};

/* Blocks of each request, and how many requests one turn has. */
extern const uint16_t work_blocks[NR_WORKS];
extern const unsigned int work_requests[NR_WORKS];
extern const char *const work_names[NR_WORKS];

/* Nanoseconds per request within the library; medians of @rounds. */
void bench_library(unsigned int rounds, double ns[NR_WORKS]);

enum { BENCH_PARAMEM, BENCH_QEMU, NR_PEERS };

/* The same over a socket, of both machines in turn. */
struct bench_qtest {
	double request[NR_PEERS][NR_WORKS]; /* with everything */
	double empty[NR_PEERS];             /* a read of one byte */
	double silent[NR_PEERS]; /* the request's commands, not the device */
};

void bench_qtest(const char *paramem, const char *qemu, unsigned int rounds,
		 struct bench_qtest *result);

#endif /* BENCH_REQUEST_H */
